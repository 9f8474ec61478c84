"""IDLE (RFC 2177): changes are told as they happen, gathered when they storm."""

from collections.abc import Callable

from attrs import define
from twisted.internet.interfaces import IDelayedCall, IReactorTime

FLUSH_SECONDS = 0.1  # between two tellings in a storm
BURST_SECONDS = 0.5  # so many of these may be told ahead: five at once
STILL_HERE = b"* OK Still here\r\n"  # keeps address translators awake
LOOKS_PER_WORD = 4  # so many looks at the disk without news, then that line


@define(eq=False)
class Idling:
    """Decides when a session in IDLE tells its news; ``tell`` starts telling."""

    clock: IReactorTime
    tell: Callable[[], None]
    look_seconds: float
    quiet: int = 0
    due: bool = False
    _next: float = 0.0
    _timer: IDelayedCall | None = None

    def begin(self) -> None:
        """IDLE began, and the news of its beginning were told.

        What happened meanwhile is due already.
        """
        self._next = self.clock.seconds()
        if not self.due:
            self._wait(self.look_seconds)

    def changed(self) -> None:
        """Something happened: tell in the next turn, or in a storm a little later.

        Not in this one: hundreds may idle on the same mailbox.
        """
        if not self.due:
            self.due = True
            wait = self._next - BURST_SECONDS - self.clock.seconds()
            self._wait(max(wait, 0.0))

    def told(self, *, news: bool) -> bytes:
        """What happened was told; gives what else to say."""
        self._next = max(self._next, self.clock.seconds()) + FLUSH_SECONDS
        self.quiet = 0 if news else self.quiet + 1
        if self.quiet < LOOKS_PER_WORD:
            return b""
        self.quiet = 0
        return STILL_HERE

    def end(self) -> None:
        """IDLE ended."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _wait(self, seconds: float) -> None:
        self.end()
        self._timer = self.clock.callLater(seconds, self._ring)

    def _ring(self) -> None:
        self.due = False
        self._wait(self.look_seconds)
        self.tell()

"""Bodies of signed messages, hashed as they come in.

Small ones are hashed on the spot; what comes after the first 256 KiB goes to a lane,
so that a large message holds up nobody else.
"""

from attrs import define, field
from twisted.internet.defer import Deferred

from mailsuite.mailauth.dkim import verify
from mailsuite.mailauth.dkim.verify import Bodies
from mailsuite.net.lanes import Lane

INLINE_OCTETS = 256 * 1024
"""Of a body are hashed on the reactor: about a millisecond in all."""
LANE_OCTETS = 128 * 1024
"""Are gathered before the lane is asked; one call of it."""


@define(eq=False, repr=False)
class Hashing:
    """One message; ``bodies`` may be read after :meth:`ended`."""

    bodies: Bodies
    _lane: Lane
    _seen: int = field(default=0, init=False)
    _gathered: list[bytes] = field(factory=list, init=False)
    _size: int = field(default=0, init=False)
    _last: "Deferred[None] | None" = field(default=None, init=False)

    @classmethod
    def of(cls, header: bytes, lane: Lane) -> "Hashing":
        """Begin with what the signatures in a header want."""
        return cls(verify.begin(header), lane)

    def feed(self, block: bytes) -> None:
        """Take the next octets of the body."""
        if self.bodies.idle:
            return
        self._seen += len(block)
        if self._seen <= INLINE_OCTETS:
            self.bodies.feed(block)
            return
        self._gathered.append(block)
        self._size += len(block)
        if self._size >= LANE_OCTETS:
            self._send()

    def _send(self) -> None:
        """A lane works in order, so the last call ends after all others."""
        blocks, self._gathered, self._size = self._gathered, [], 0
        before, running = self._last, self._lane.run(self._hash, blocks)
        self._last = running
        if before is not None:
            _ = before.addErrback(lambda _: None)

    def _hash(self, blocks: list[bytes]) -> None:
        """On the lane."""
        for block in blocks:
            self.bodies.feed(block)

    async def ended(self) -> None:
        """Wait until all that was fed is hashed."""
        if self._gathered:
            self._send()
        if self._last is not None:
            last, self._last = self._last, None
            await last

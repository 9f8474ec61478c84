"""Command lines out of octets, within their limits (RFC 5321 §4.5.3.1.4)."""

from attrs import define, field

LINE_OCTETS = 2_048
"""RFC 5321 §4.5.3.1.4 says 512; the extensions' additions stay below this."""
RESPONSE_OCTETS = 12_288  # RFC 4954 §4.3, AUTH lines and responses
ENDLESS_OCTETS = 65_536  # of one line that is being discarded; then we close


class TooLong(Exception):  # noqa: N818 - a finding; the session answers it
    """The line went over its limit and was discarded up to its end."""


class Endless(Exception):  # noqa: N818 - same
    """A discarded line does not end; the connection should."""


@define(eq=False, repr=False)
class Lines:
    """Octets that came and are not used yet.

    Holds what was fed; whoever feeds stops when ``held`` grows.
    """

    octets: bytes = b""
    """Empty when nothing waits; what was used already may still stand in it."""
    _at: int = 0
    _discarded: int = field(default=0)
    _closed: bool = field(default=False)

    @property
    def held(self) -> int:
        """Octets that wait."""
        return len(self.octets) - self._at

    def feed(self, octets: bytes) -> None:
        """Add what was read."""
        if self._closed:
            return
        if self.octets:
            octets = self.octets[self._at :] + octets
            self._at = 0
        self.octets = octets

    def first(self) -> int:
        """The next octet, -1 if there is none."""
        return self.octets[self._at] if self._at < len(self.octets) else -1

    def line(self, limit: int) -> bytes | None:
        """The next line with its LF; None: it has not all come.

        :raises TooLong: it had more than ``limit`` octets.
        :raises Endless: more than ``ENDLESS_OCTETS`` of it were discarded.
        """
        at, octets = self._at, self.octets
        end = octets.find(b"\n", at) + 1
        if not end:
            self._discard(limit)
            return None
        if end == len(octets):
            self.octets, self._at = b"", 0
        else:
            self._at = end
        if self._discarded or end - at > limit:
            self._discarded = 0
            raise TooLong
        return octets[at:end]

    def _discard(self, limit: int) -> None:
        """Keep no more of an unfinished line than its limit."""
        held = self.held
        if self._discarded or held > limit:
            self._discarded += held
            self.clear()
            if self._discarded > ENDLESS_OCTETS:
                raise Endless

    def rest(self) -> bytes:
        """Take everything."""
        octets = self.octets[self._at :] if self._at else self.octets
        self.octets, self._at = b"", 0
        return octets

    def skip(self, count: int) -> int:
        """Throw away up to ``count`` octets; gives how many there were."""
        count = min(count, self.held)
        self._at += count
        if self._at == len(self.octets):
            self.clear()
        return count

    def close(self) -> None:
        """Throw away everything, what is fed from now on too."""
        self._closed = True
        self.clear()

    def clear(self) -> None:
        """Throw away everything."""
        self.octets = b""
        self._at = 0

"""A message's octets on their way out through DATA (RFC 5321 §4.5.2).

Every line ends in CRLF and a leading dot is doubled. No bare CR or LF leaves us,
whatever was stored: a server that takes them for a line end could be made to see
a second message (SMTP smuggling). Work is done on blocks with ``replace``.
"""

from attrs import define, field


@define(eq=False)
class Stuffing:
    """One message; blocks may be cut anywhere."""

    _start: bool = field(default=True, init=False)
    _cr: bool = field(default=False, init=False)

    def block(self, octets: bytes) -> bytes:
        """Give the octets to send for the next block of the message."""
        if not octets:
            return b""
        if self._cr:
            octets = b"\r" + octets
        self._cr = octets.endswith(b"\r")
        if self._cr:
            octets = octets[:-1]
        if octets.count(b"\n") != octets.count(b"\r\n") or octets.count(
            b"\r"
        ) != octets.count(b"\n"):
            octets = _crlf(octets)
        if not octets:
            return b""
        first = b"." if self._start and octets.startswith(b".") else b""
        self._start = octets.endswith(b"\n")
        return first + octets.replace(b"\n.", b"\n..")

    def finish(self) -> bytes:
        """Give the last octets: the end of an unfinished line, and the dot."""
        unfinished = self._cr or not self._start
        self._cr, self._start = False, True
        return b"\r\n.\r\n" if unfinished else b".\r\n"


def _crlf(octets: bytes) -> bytes:
    """Make a CRLF of every CRLF, bare CR and bare LF."""
    plain = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return plain.replace(b"\n", b"\r\n")

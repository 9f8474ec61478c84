r"""The content after DATA (RFC 5321 §4.1.1.4, §4.5.2): blocks, never lines.

Only CRLF.CRLF ends it. A CR without LF or a LF without CR anywhere makes it
:class:`Bare`: what other servers might take for an end is never an end here, and
is not passed on either (VU#302671, "SMTP smuggling").
"""

from attrs import define, field

END = b"\r\n.\r\n"
_DOT = END[:3]
_BEGINNINGS = tuple((len(END[:n]), END[:n]) for n in range(4, 0, -1))


class Bare(Exception):  # noqa: N818 - a finding; the session answers it
    """A bare CR or LF stood in the content."""


@define(eq=False, repr=False)
class Content:
    """One message's content, from the octet after DATA's CRLF to its end.

    It works as though CRLF stood before it, so that one search finds the end of
    an empty message too. ``size`` counts octets given out.
    """

    size: int = 0
    _tail: bytes = b"\r\n"
    _started: bool = False
    _ended: bool = field(default=False)

    def take(self, octets: bytes) -> tuple[bytes, bytes | None]:
        """Give the next block without stuffed dots, and what follows the end.

        The second is None while the end has not come.

        :raises Bare: nothing of these octets may be used.
        """
        joined = self._tail + octets
        dot = joined.find(_DOT)  # most messages have none but that of their end
        ended = joined.startswith(END, dot) if dot >= 0 else False
        end = dot if ended or dot < 0 else joined.find(END, dot)
        if end >= 0:
            after: bytes | None = joined[end + 5 :]
            stop = end + 2
        else:
            stop = _cut(joined)
            after, self._tail = None, joined[stop:]
        lines = joined.count(b"\r\n", 0, stop)
        if joined.count(b"\n", 0, stop) != lines or (
            joined.count(b"\r", 0, stop) != lines
        ):
            raise Bare
        start = 0 if self._started else 2
        if dot < 0 or ended:
            block = joined[start:stop]
        else:
            block = joined[:stop].replace(_DOT, b"\r\n")[start:]
        self._started = self._started or stop > 0
        self.size += len(block)
        return block, after


def _cut(joined: bytes) -> int:
    """Where the part begins that may be the beginning of an end."""
    length = len(joined)
    for size, beginning in _BEGINNINGS:
        if joined.endswith(beginning):
            return length - size
    return length

r"""The content after DATA (RFC 5321 §4.1.1.4, §4.5.2): blocks, never lines.

Only CRLF.CRLF ends it. A CR without LF or a LF without CR anywhere makes it
:class:`Bare`: what other servers might take for an end is never an end here, and
is not passed on either (VU#302671, "SMTP smuggling").
"""

import re
from io import IncrementalNewlineDecoder

from attrs import define

END = b"\r\n.\r\n"
_DOT = END[:3]
_dotted = re.compile(re.escape(_DOT)).search  # half the time of ``find``
_BEGINNINGS = tuple((len(END[:n]), END[:n]) for n in range(4, 0, -1))
_WHOLE = (None, "\r\n")  # the kinds of line ends that may have been seen


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

    def take(self, octets: bytes) -> tuple[bytes, bytes | None]:
        """Give the next block without stuffed dots, and what follows the end.

        The second is None while the end has not come.

        :raises Bare: nothing of these octets may be used.
        """
        joined = self._tail + octets
        found = _dotted(joined)  # most messages have none but that of their end
        dot = -1 if found is None else found.start()
        ended = joined.startswith(END, dot) if dot >= 0 else False
        end = dot if ended or dot < 0 else joined.find(END, dot)
        if end >= 0:
            after: bytes | None = joined[end + 5 :]
            stop = end + 2
        else:
            stop = _cut(joined)
            after, self._tail = None, joined[stop:]
        if _bare(joined[:stop]):
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


def _bare(octets: bytes) -> bool:
    """Whether a CR or LF stands alone; four times as fast as counting them."""
    seen = IncrementalNewlineDecoder(None, translate=False)
    seen.decode(octets.decode("latin-1"), final=True)
    return seen.newlines not in _WHOLE

"""Bodies hashed while they come, cut anywhere (RFC 6376 §3.4.3 and §3.4.4).

Blocks are rewritten as wholes, never line by line. What a block's end leaves open is
kept as at most two octets: white space that a CRLF may drop, a CR that may be half of
one. Empty lines go into the running hash at once, which is copied before them: if no
text follows, the copy tells.
"""

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from attrs import define, field

from mailsuite.mailauth.dkim.canonical import Canon

if TYPE_CHECKING:
    from hashlib import _Hash

SLICE_OCTETS = 65_536  # of a block that are rewritten at a time, in the CPU's cache

_SPACES = re.compile(rb"  +")


@define(eq=False)
class Body:
    """The running SHA-256 of one body in one canonicalization.

    ``marks`` are the lengths of ``l=`` at which the hash is noted too.
    """

    canon: Canon
    marks: frozenset[int] = frozenset()
    _running: "_Hash" = field(factory=sha256, repr=False)
    _length: int = 0
    _text: "_Hash | None" = field(default=None, repr=False)
    """The running hash before the empty lines of the end, if there are any."""
    _text_length: int = 0
    _open: bytes = b""
    _due: list[int] = field(init=False)
    """Marks that are still to come, the next one last."""
    _noted: "dict[int, _Hash]" = field(factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        self._due = sorted(self.marks, reverse=True)

    def feed(self, block: bytes) -> None:
        """Take the next octets of the body."""
        if len(block) <= SLICE_OCTETS:
            self._take(block)
            return
        for at in range(0, len(block), SLICE_OCTETS):
            self._take(block[at : at + SLICE_OCTETS])

    def _take(self, block: bytes) -> None:
        if not block:
            return
        relaxed = self.canon is Canon.RELAXED
        octets = self._open + block if self._open else block
        self._open = b""
        if octets[-1] in b"\r \t":
            octets, self._open = _held(octets, relaxed=relaxed)
        if relaxed:
            octets = _reduced(octets)
        empty = _line_ends(octets)
        self._add(octets[: -2 * empty] if empty else octets, empty)

    def _add(self, text: bytes, line_ends: int) -> None:
        if text:
            self._hash(text)
            self._text = None
        if line_ends:
            if self._text is None:
                self._text = self._running.copy()
                self._text_length = self._length
            self._hash(b"\r\n" * line_ends)

    def _hash(self, octets: bytes) -> None:
        at = 0
        end = self._length + len(octets)
        while self._due and self._due[-1] <= end:
            mark = self._due.pop()
            upto = at + mark - self._length
            self._running.update(octets[at:upto])
            self._noted[mark] = self._running.copy()
            self._length, at = mark, upto
        self._running.update(octets[at:] if at else octets)
        self._length = end

    def digest(self, mark: int | None = None) -> bytes | None:
        """Give the hash, were this the end; of all, or of the first ``mark`` octets.

        None: the body is shorter than the mark, or nobody announced it.
        """
        text, length, rest = self._ended()
        if mark is None:
            mark = length + len(rest)
        if mark < length:
            noted = self._noted.get(mark)
            return noted.digest() if noted else None
        if mark > length + len(rest):
            return None
        final = text.copy()
        final.update(rest[: mark - length])
        return final.digest()

    @property
    def length(self) -> int:
        """Octets of the canonical body, were this its end."""
        _, length, rest = self._ended()
        return length + len(rest)

    def _ended(self) -> "tuple[_Hash, int, bytes]":
        """Give the hash of the text, its length, and what belongs after it.

        White space at the end of an unfinished line is dropped, as a CRLF after it
        would do; a CR there is text.
        """
        if self._open.endswith(b"\r"):
            return self._running, self._length, self._open + b"\r\n"
        text, length = self._running, self._length
        if self._text is not None:
            text, length = self._text, self._text_length
        if not length and self.canon is Canon.RELAXED:
            return text, length, b""
        return text, length, b"\r\n"


def _held(octets: bytes, *, relaxed: bool) -> tuple[bytes, bytes]:
    """Divide a block into what is decided and what the next one decides."""
    held = b""
    if octets.endswith(b"\r"):
        octets, held = octets[:-1], b"\r"
    if relaxed:
        decided = octets.rstrip(b" \t")
        if len(decided) != len(octets):
            return decided, b" " + held
    return octets, held


def _reduced(octets: bytes) -> bytes:
    """Make one space of white space and none before a CRLF.

    Pairs of spaces are quickest replaced, longer runs by the pattern.
    """
    if b"\t" in octets:
        octets = octets.replace(b"\t", b" ")
    if b"  " in octets:
        if b"   " in octets:
            octets = _SPACES.sub(b" ", octets)
        else:
            octets = octets.replace(b"  ", b" ")
    if b" \r\n" in octets:
        octets = octets.replace(b" \r\n", b"\r\n")
    return octets


def _line_ends(octets: bytes) -> int:
    """Count the CRLFs that end a block; CR and LF may also stand there bare."""
    if not octets.endswith(b"\r\n"):
        return 0
    if octets[-3:-2] != b"\n":
        return 1
    run = octets[len(octets.rstrip(b"\r\n")) :]
    bare = max(run.rfind(b"\r\r"), run.rfind(b"\n\n"))
    return (len(run) - bare - 1) // 2

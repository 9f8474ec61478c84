"""Names: as people write them, in queries, and in answers (RFC 1035 §3.1, §4.1.4)."""

import re

import idna
from attrs import define, field

NAME_OCTETS = 255  # RFC 1035 §2.3.4, with the length octets
LABEL_OCTETS = 63  # same

# Printable ASCII but for the dot, the quote and the backslash: what a local part
# in an SPF macro can bring (RFC 7208 §7.3). More would need escapes.
_WRITTEN = re.compile(r"(?:[!#-\-/-\[\]-~]{1,63}\.)*[!#-\-/-\[\]-~]{1,63}").fullmatch
_plain = re.compile(rb"[!#-\-/-\[\]-~]+").fullmatch
_dotted = re.compile(rb"[!#-\[\]-~]+").fullmatch


class BrokenAnswer(ValueError):  # noqa: N818 - what it is
    """The octets are no DNS message, or break its rules."""


def canonical(name: str) -> str | None:
    """Give the name in lower-case A-labels, or None if it cannot be asked for."""
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError:
            return None
    name = name.rstrip(".").lower()
    return name if len(name) <= NAME_OCTETS - 2 and _WRITTEN(name) else None


def wired(name: str) -> bytes:
    """Give a canonical name as it stands in a message."""
    out = bytearray()
    for label in name.encode("ascii").split(b"."):
        out.append(len(label))
        out += label
    return bytes(out + b"\0")


@define(eq=False)
class Names:
    """The names of one message, in lower case, without last dots; the root is ``.``.

    Octets that canonical names do not have are escaped as in master files. Each
    offset is read once, however many pointers lead there, and pointers lead only
    backwards: the work is bounded by the length of the message.
    """

    octets: bytes
    _known: dict[int, tuple[str, int]] = field(factory=dict, init=False)

    def know(self, at: int, name: str) -> None:
        """Take it as given what stands at an offset."""
        self._known[at] = (name, len(name) + 2)

    def read(self, at: int) -> tuple[str, int]:
        """Give the name at an offset, and the offset after it.

        :raises BrokenAnswer, IndexError: there is none.
        """
        octets = self.octets
        if octets[at] >= 0xC0:
            known = self._known.get((octets[at] & 0x3F) << 8 | octets[at + 1])
            if known is not None:
                return known[0], at + 2
        return self._walk(at)

    def whole(self, at: int, end: int) -> str:
        """Give the name that fills the octets up to ``end``."""
        name, after = self.read(at)
        if after != end:
            raise BrokenAnswer("a name does not fill its record")
        return name

    def _walk(self, at: int) -> tuple[str, int]:
        octets, after = self.octets, 0
        labels: list[bytes] = []
        starts: list[int] = []
        tail, size, limit = ".", 1, at
        while length := octets[at]:
            if length >= 0xC0:
                after = after or at + 2
                at = (length & 0x3F) << 8 | octets[at + 1]
                if at >= limit:
                    raise BrokenAnswer("a pointer leads forwards")
                limit = at
                if at in self._known:
                    tail, more = self._known[at]
                    size += more - 1
                    break
                continue
            size += length + 1
            if length > LABEL_OCTETS or size > NAME_OCTETS:
                raise BrokenAnswer("a label or a name is too long")
            starts.append(at)
            labels.append(octets[at + 1 : at + 1 + length])
            at += 1 + length
        else:
            after = after or at + 1
        return self._learn(labels, starts, tail, size), after

    def _learn(
        self, labels: list[bytes], starts: list[int], tail: str, size: int
    ) -> str:
        """Remember what stands at each of the starts."""
        if size > NAME_OCTETS:
            raise BrokenAnswer("a name is too long")
        raw = b".".join(labels)
        if _dotted(raw) and raw.count(b".") == len(labels) - 1:
            name = raw.lower().decode("ascii")
            lengths = [len(label) for label in labels]
        else:
            texts = [_label(label) for label in labels]
            name = ".".join(texts)
            lengths = [len(text) for text in texts]
        if tail != ".":
            name = f"{name}.{tail}" if name else tail
        at = 0
        for start, label, length in zip(starts, labels, lengths, strict=True):
            self._known[start] = (name[at:], size)
            size -= len(label) + 1
            at += length + 1
        return name or "."


def _label(octets: bytes) -> str:
    if _plain(octets):
        return octets.lower().decode("ascii")
    return "".join(
        chr(octet) if _plain(bytes([octet])) else f"\\{octet:03d}"
        for octet in octets.lower()
    )

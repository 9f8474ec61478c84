"""A message's header as signatures see it: fields, chosen from the bottom up."""

import re
from collections.abc import Sequence

from attrs import define, field

from mailsuite.mailauth.dkim.canonical import FORMS, Canon
from mailsuite.mailauth.dkim.limits import HEADER_FIELDS, HEADER_OCTETS

_FIELD = re.compile(
    rb"([!-9;-~]++)[ \t]*+:[^\r\n]*+\r\n(?>(?:[ \t][^\r\n]*+\r\n)*)", re.DOTALL
)


@define(eq=False)
class Header:
    """Fields of one header; each is canonicalized once for all signatures.

    ``broken`` tells why no signature over this header may pass (RFC 6376 §3.8):
    readers disagree about bare CR and LF and about lines that are no field, and
    whoever disagrees with the signer sees another message.
    """

    octets: bytes = field(repr=False)
    """From the first field to the CRLF of the last; no blank line."""
    names: list[bytes] = field(factory=list)
    """Of the fields from the top, in lower case."""
    fields: list[bytes] = field(factory=list, repr=False)
    """Whole fields with their CRLF."""
    broken: str = ""
    _places: dict[bytes, list[int]] = field(factory=dict, repr=False)
    _forms: dict[tuple[Canon, int], bytes] = field(factory=dict, repr=False)

    def add(self, name: bytes, whole: bytes) -> None:
        """Take the next field from the top."""
        self._places.setdefault(name, []).append(len(self.names))
        self.names.append(name)
        self.fields.append(whole)

    def places(self, name: bytes) -> Sequence[int]:
        """Indices of the fields of a lower-case name, from the top."""
        return self._places.get(name, ())

    def canonical(self, place: int, canon: Canon) -> bytes:
        """Give one field in the form that is hashed, with its CRLF."""
        if canon is Canon.SIMPLE:
            return self.fields[place]
        key = canon, place
        form = self._forms.get(key)
        if form is None:
            form = self._forms[key] = FORMS[canon](self.fields[place])
        return form

    def chosen(
        self, names: Sequence[bytes], canon: Canon, own: int | None = None
    ) -> bytes:
        """Join the fields that ``h=`` names, in its order (RFC 6376 §5.4.2).

        Each further mention of a name takes the next field above; one too many
        takes nothing. The signature's ``own`` field is never taken.
        """
        left: dict[bytes, list[int]] = {}
        forms = []
        for name in names:
            if name not in left:
                left[name] = [at for at in self.places(name) if at != own]
            if places := left[name]:
                forms.append(self.canonical(places.pop(), canon))
        return b"".join(forms)

    def without(self, place: int, start: int, end: int, canon: Canon) -> bytes:
        """Give a signature's field without the octets of its ``b=`` and its CRLF.

        ``start`` and ``end`` are offsets in the whole field (RFC 6376 §3.7).
        """
        whole = self.fields[place]
        return FORMS[canon](whole[:start] + whole[end:])[:-2]


def read(octets: bytes) -> Header:
    """Take a header apart; linear in its octets, whatever they are."""
    header = Header(octets)
    if len(octets) > HEADER_OCTETS:
        header.broken = f"the header has more than {HEADER_OCTETS} octets"
        octets = octets[:HEADER_OCTETS]
    at = 0
    for _ in range(HEADER_FIELDS):
        found = _FIELD.match(octets, at)
        if found:
            header.add(found[1].lower(), found[0])
            at = found.end()
        elif at == len(octets):
            break
        else:
            end = octets.find(b"\n", at) + 1 or len(octets)
            header.broken = header.broken or _complaint(octets[at:end])
            at = end
    if at < len(octets):
        header.broken = f"the header has more than {HEADER_FIELDS} fields"
    return header


def _complaint(line: bytes) -> str:
    if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
        return "the header has a bare CR or LF"
    return "the header has a line that is no field"


def split(message: bytes) -> tuple[bytes, bytes]:
    """Cut a whole message into its header and its body, at the blank line."""
    if message.startswith(b"\r\n"):
        return b"", message[2:]
    end = message.find(b"\r\n\r\n")
    if end < 0:
        return message, b""
    return message[: end + 2], message[end + 4 :]

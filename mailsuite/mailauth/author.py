"""The domains that a message says its author is of (RFC 9989 §5.3.1).

A From field that follows RFC 5322 (with §4.4, and RFC 6532) names exactly its
mailboxes; words in quotes, comments and display names are none of them. One that
does not is read differently by different readers, and forgers choose which: then
every domain that stands behind an ``@`` anywhere in it counts, and so does every
From field if there are several. Who judges takes the strictest answer.
"""

import re
from collections.abc import Iterable
from itertools import islice
from unicodedata import normalize

from attrs import Factory, define, frozen

from mailsuite.mailauth.labels import ascii_name
from mailsuite.mailauth.mailboxes import Malformed, mailboxes
from mailsuite.mime import words
from mailsuite.mime.quoting import unfolded

FIELD_OCTETS = 16_384  # of all From fields together; the rest is not read
FIELDS = 20  # From fields that are read
DOMAINS = 10  # different ones that are looked at; more cannot be proven
SIGNS = 200  # "@" that are looked behind in a malformed value
MAPPED = 50  # names beyond ASCII that are made A-labels; each costs up to 0.5 ms

_FROM = re.compile(
    rb"\n(?:[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]"
    rb"[\x00-\x09\x0b\x0c\x0e-\x20\x7f-\xff]*+)?+"
    rb"[Ff][Rr][Oo][Mm][\x00-\x09\x0b\x0c\x0e-\x20\x7f-\xff]*+"
    rb"(?:\r?\n[ \t][\x00-\x09\x0b\x0c\x0e-\x20\x7f-\xff]*+)*+"
    rb":([^\n]*+(?:\n[ \t][^\n]*+)*+)"
)
_INDENTED = re.compile(rb"[ \t]+[Ff][Rr][Oo][Mm][\x00-\x20\x7f-\xff]*+:([^\n]*+)")
_BEHIND_AT = re.compile(r"@[ \t]*([^\s@<>,;:()\"\[\]\\\x00-\x20\x7f?=]{1,300}+)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@frozen
class Authors:
    """What the From fields say.

    ``domains`` are in A-labels, in their order, each once, at most
    :data:`DOMAINS`. ``trouble`` says why they prove nothing even if all of them
    align: several fields, too much to read, an author without a domain.
    ``addresses`` are as written, their domains in A-labels; empty when the field is
    malformed.
    """

    domains: tuple[str, ...]
    addresses: tuple[tuple[str, str], ...] = ()
    fields: int = 1
    trouble: str = ""
    steps: tuple[str, ...] = Factory(tuple)


@define(eq=False)
class _Names:
    """Makes A-labels of domains, of those beyond ASCII only some."""

    left: int = MAPPED

    def of(self, text: str) -> str | None:
        """Give the name, None if there is none or there were too many."""
        if not text.isascii():
            self.left -= 1
            if self.left < 0:
                return None
        return ascii_name(text)


def read(header: bytes) -> Authors:
    """Read a message's header, or as much of a message as has it."""
    values = _fields(header)
    if not values:
        return Authors((), fields=0, steps=("there is no From field",))
    trouble = [f"{len(values)} From fields"] if len(values) > 1 else []
    if sum(map(len, values)) > FIELD_OCTETS or len(values) > FIELDS:
        trouble.append(f"From fields above {FIELD_OCTETS} octets")
    room, names = FIELD_OCTETS, _Names()
    found = []
    for value in values[:FIELDS]:
        found.append(_value(value[:room], names))
        room -= min(len(value), room)
    domains = list(dict.fromkeys(domain for one in found for domain in one.domains))
    trouble += [one.trouble for one in found if one.trouble]
    if names.left < 0:
        trouble.append(f"more than {MAPPED} domains beyond ASCII in From")
    if len(domains) > DOMAINS:
        trouble.append(f"more than {DOMAINS} domains in From")
    said = [*trouble, *(one.said for one in found if one.said)]
    said.append(f"From names {', '.join(domains[:DOMAINS]) or 'no domain'}")
    return Authors(
        tuple(domains[:DOMAINS]),
        tuple(address for one in found for address in one.addresses),
        len(values),
        "; ".join(trouble),
        tuple(said),
    )


def _fields(header: bytes) -> list[bytes]:
    """Give the values of all From fields, and of what a reader may take for one.

    White space before the colon is obsolete and allowed (RFC 5322 §4.5); control
    characters around the name, and a first line that is indented, are neither.
    """
    end = header.find(b"\r\n\r\n")
    if end >= 0:
        header = header[:end]
    values = [match[1] for match in _FROM.finditer(b"\n" + header)]
    indented = _INDENTED.match(header)
    return [indented[1], *values] if indented else values


@frozen
class _Found:
    """What one field's value names; ``trouble`` as in :class:`Authors`."""

    domains: list[str]
    addresses: list[tuple[str, str]] = Factory(list)
    said: str = ""
    trouble: str = ""


def _value(value: bytes, names: _Names) -> _Found:
    text = _text(value)
    if text is None:
        said = "the From field is not UTF-8"
        return _Found(_everything(value, names), said=said)
    try:
        named = mailboxes(text)
    except Malformed as error:
        said = f"the From field is malformed: {error}"
        return _Found(_everything(value, names), said=said)
    if not named:
        return _Found([], said="the From field names no mailbox")
    addresses = [
        (local, name)
        for local, domain in named
        if (name := names.of(domain)) is not None
    ]
    domains = [name for _, name in addresses]
    if len(addresses) == len(named) or names.left < 0:
        return _Found(domains, addresses)
    if any(domain.startswith("[") for _, domain in named):
        # An address literal is correct, and nobody can speak for it.
        return _Found(domains, addresses, trouble="an author without a domain name")
    said = "the From field has a domain that cannot be"
    return _Found(_everything(value, names), said=said)


def _text(value: bytes) -> str | None:
    try:
        return unfolded(value).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _everything(value: bytes, names: _Names) -> list[str]:
    """Give every domain that any reader could find in a malformed value."""
    text = unfolded(value).decode("utf-8", "replace")
    readings = [text, _CONTROLS.sub("", text)]
    if not text.isascii():
        readings.append(normalize("NFKC", text))  # full-width signs and the like
    if "=?" in text:
        readings.append(words.decode(value))
    return list(dict.fromkeys(_behind_at(readings, names)))[: DOMAINS + 1]


def _behind_at(readings: Iterable[str], names: _Names) -> Iterable[str]:
    for text in readings:
        for found in islice(_BEHIND_AT.finditer(text), SIGNS):
            domain = names.of(found[1].strip(".'`\N{RIGHT SINGLE QUOTATION MARK}"))
            if domain:
                yield domain

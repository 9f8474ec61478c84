"""GETMETADATA and SETMETADATA (RFC 5464), and what they tell.

Options may stand before the mailbox, as the grammar has it, or after, as the
examples do.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import evolve, frozen

from mailsuite.model.annotations import canonical, settable
from mailsuite.model.errors import PeerError
from mailsuite.wire.imap import responses
from mailsuite.wire.imap.commands.folders import mailbox
from mailsuite.wire.imap.lexer import Cursor
from mailsuite.wire.imap.limits import METADATA_ENTRIES

_DEPTH = re.compile(rb"(?i:0|1|infinity)(?=[ )])")
_OPTIONS = 10  # in one command; RFC 5464 knows two


@frozen
class GetMetadata:
    """Which entries of a mailbox, or of the server for the empty name.

    ``depth`` levels below them too, None: all; ``most`` octets of a value, None: any.
    """

    mailbox: str
    entries: tuple[str, ...] = ()
    depth: int | None = 0
    most: int | None = None


@frozen
class SetMetadata:
    """What entries become; None: nothing."""

    mailbox: str
    changes: Mapping[str, bytes | None]


@frozen
class Found:
    """Entries to tell, in order, and the longest value that is not told."""

    entries: Sequence[tuple[str, bytes | None]]
    longest: int = 0


def getmetadata(cursor: Cursor) -> GetMetadata:
    """Options, a mailbox, entries in a list or one after another."""
    cursor.space()
    asked = GetMetadata("")
    if cursor.peek() == b"(":
        asked = _options(cursor, asked)
        cursor.space()
    asked = evolve(asked, mailbox=mailbox(cursor))
    cursor.space()
    if cursor.peek() == b"(" and cursor.data[cursor.at + 1 : cursor.at + 2].isalpha():
        asked = _options(cursor, asked)
        cursor.space()
    entries: list[str] = []

    def one() -> None:
        if len(entries) >= METADATA_ENTRIES:
            raise PeerError("too many entries")
        entries.append(_named(cursor.astring(), canonical))

    if cursor.peek() == b"(":
        _listed(cursor, one)
    else:
        one()
        while cursor.skip(b" "):
            one()
    cursor.end()
    return evolve(asked, entries=tuple(dict.fromkeys(entries)))


def setmetadata(cursor: Cursor) -> SetMetadata:
    """A mailbox and a list of entries with their values."""
    cursor.space()
    name = mailbox(cursor)
    cursor.space()
    changes: dict[str, bytes | None] = {}

    def one() -> None:
        entry = _named(cursor.astring(), settable)
        cursor.space()
        changes[entry] = _value(cursor)
        if len(changes) > METADATA_ENTRIES:
            raise PeerError("too many entries")

    _listed(cursor, one)
    cursor.end()
    return SetMetadata(name, changes)


def _listed(cursor: Cursor, one: Callable[[], None]) -> None:
    cursor.expect(b"(", "(")
    one()
    while cursor.skip(b" "):
        one()
    cursor.expect(b")", ")")


def _options(cursor: Cursor, asked: GetMetadata) -> GetMetadata:
    count = 0

    def one() -> None:
        nonlocal asked, count
        count += 1
        if count > _OPTIONS:
            raise PeerError("too many options")
        name = cursor.word()
        cursor.space()
        if name == b"DEPTH":
            depth = cursor.take(_DEPTH, "0, 1 or infinity").group()
            asked = evolve(asked, depth=int(depth) if depth.isdigit() else None)
        elif name == b"MAXSIZE":
            asked = evolve(asked, most=cursor.number())
        else:
            raise PeerError("unknown option")

    _listed(cursor, one)
    return asked


def _named(octets: bytes, rule: Callable[[str], str]) -> str:
    try:
        return rule(octets.decode("ascii", "replace"))
    except ValueError as error:
        raise PeerError(str(error)) from None


def _value(cursor: Cursor) -> bytes | None:
    if cursor.skip(b"~") and cursor.peek() != b"{":  # literal8, RFC 3516
        raise PeerError("literal expected")
    if cursor.peek() in {b'"', b"{"}:
        return cursor.string()
    if cursor.word() != b"NIL":
        raise PeerError("string or NIL expected")
    return None


def found(asked: GetMetadata, known: Mapping[str, bytes]) -> Found:
    """What is told of what there is.

    An entry that was asked for and is not there is told as NIL, but not when what
    is below it is told: a GETMETADATA has always some answer.
    """
    chosen: dict[str, bytes | None] = {}
    longest = 0
    for wanted in asked.entries:
        for entry in _reached(wanted, asked.depth, known):
            value = known[entry]
            if asked.most is None or len(value) <= asked.most:
                chosen[entry] = value
            else:
                longest = max(longest, len(value))
    if asked.depth == 0 or not (chosen or longest):
        told = {entry: chosen.get(entry) for entry in asked.entries}
        chosen = {e: v for e, v in told.items() if e in chosen or e not in known}
    return Found(list(chosen.items()), longest)


def _reached(wanted: str, depth: int | None, known: Mapping[str, bytes]) -> list[str]:
    if depth == 0:
        return [wanted] if wanted in known else []
    below = wanted + "/"
    return [
        entry
        for entry in sorted(known)
        if entry == wanted
        or (
            entry.startswith(below)
            and (depth is None or entry.count("/") <= wanted.count("/") + depth)
        )
    ]


def values(name: str, entries: Iterable[tuple[str, bytes | None]]) -> bytes:
    """A METADATA response with values (§4.4.1)."""
    pairs = [
        b"%b %b" % (responses.astring(entry.encode("ascii")), _shown(value))
        for entry, value in entries
    ]
    return b"* METADATA %b (%b)\r\n" % (responses.mailbox(name), b" ".join(pairs))


def changed(name: str, entries: Iterable[str]) -> bytes:
    """An unsolicited one, with names only (§4.4.2)."""
    names = [responses.astring(entry.encode("ascii")) for entry in entries]
    return b"* METADATA %b %b\r\n" % (responses.mailbox(name), b" ".join(names))


def _shown(value: bytes | None) -> bytes:
    if value is None:
        return b"NIL"
    return (
        b"~{%d}\r\n%b" % (len(value), value)
        if b"\0" in value
        else (responses.string(value))
    )

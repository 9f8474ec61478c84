"""FETCH (RFC 3501 §6.4.5; ids of RFC 8474 §5.3)."""

import re
from enum import Enum

from attrs import frozen

from mailsuite.model.errors import PeerError
from mailsuite.wire.imap import numbers, sections
from mailsuite.wire.imap.lexer import Cursor
from mailsuite.wire.imap.limits import FETCH_ITEMS
from mailsuite.wire.imap.numbers import Numbers
from mailsuite.wire.imap.sections import Section

_ITEM = re.compile(rb"[A-Za-z0-9.]+")


class Fact(Enum):
    """What is told of a message besides its octets."""

    UID = b"UID"
    FLAGS = b"FLAGS"
    DATE = b"INTERNALDATE"
    SIZE = b"RFC822.SIZE"
    ENVELOPE = b"ENVELOPE"
    BODY = b"BODY"
    STRUCTURE = b"BODYSTRUCTURE"
    EMAIL = b"EMAILID"
    THREAD = b"THREADID"


Item = Fact | Section


@frozen
class Fetch:
    """``items`` in their order, each once."""

    numbers: Numbers
    items: tuple[Item, ...]
    uid: bool


_FAST = (Fact.FLAGS, Fact.DATE, Fact.SIZE)
_ALL = (*_FAST, Fact.ENVELOPE)
_MACROS: dict[bytes, tuple[Item, ...]] = {
    b"FAST": _FAST,
    b"ALL": _ALL,
    b"FULL": (*_ALL, Fact.BODY),
}
_ITEMS: dict[bytes, Item] = {fact.value: fact for fact in Fact}
_ITEMS |= {
    b"RFC822": sections.RFC822,
    b"RFC822.HEADER": sections.RFC822_HEADER,
    b"RFC822.TEXT": sections.RFC822_TEXT,
}


def _items(cursor: Cursor) -> tuple[Item, ...]:
    if not cursor.skip(b"("):
        name = cursor.take(_ITEM, "data item").group().upper()
        return _MACROS.get(name) or (_item(cursor, name),)
    found: list[Item] = []
    while not cursor.skip(b")"):
        if found:
            cursor.space()
        if len(found) >= FETCH_ITEMS:
            raise PeerError("too many data items")
        found.append(_item(cursor, cursor.take(_ITEM, "data item").group().upper()))
    if not found:
        raise PeerError("data item expected")
    return tuple(dict.fromkeys(found))


def _item(cursor: Cursor, name: bytes) -> Item:
    if name in {b"BODY", b"BODY.PEEK"} and cursor.skip(b"["):
        return sections.parse(cursor, peek=name == b"BODY.PEEK")
    item = _ITEMS.get(name)
    if item is None:
        raise PeerError("unknown data item")
    return item


def _fetch(cursor: Cursor, *, uid: bool) -> Fetch:
    cursor.space()
    messages = numbers.parse(cursor)
    cursor.space()
    items = _items(cursor)
    cursor.end()
    if uid and Fact.UID not in items:
        items = (Fact.UID, *items)
    return Fetch(messages, items, uid)


def fetch(cursor: Cursor) -> Fetch:
    """FETCH by message numbers."""
    return _fetch(cursor, uid=False)


def uid_fetch(cursor: Cursor) -> Fetch:
    """FETCH by UIDs, which always tells them (§6.4.8)."""
    return _fetch(cursor, uid=True)

"""Flags in commands: STORE (RFC 3501 §6.4.6), and the list of APPEND."""

import re
from enum import Enum
from functools import lru_cache

from attrs import frozen

from mailsuite.model.errors import PeerError
from mailsuite.model.flags import KEYWORD_OCTETS, RECENT, SYSTEM, Flags, canonical
from mailsuite.wire.imap import numbers
from mailsuite.wire.imap.lexer import Cursor
from mailsuite.wire.imap.limits import FLAGS_IN_COMMAND
from mailsuite.wire.imap.numbers import Numbers

_FLAG = re.compile(rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_LIST_OCTETS = 128  # of a list that is worth to be remembered
_LISTS = 1_024  # of these that are remembered
_SHORT = re.compile(rb"\([^()]{0,%d}\)" % _LIST_OCTETS)


class Change(Enum):
    """What STORE does with the flags it names."""

    REPLACE = b"FLAGS"
    ADD = b"+FLAGS"
    DROP = b"-FLAGS"


@frozen
class Store:
    r"""Change flags of messages; \Recent is never among them."""

    numbers: Numbers
    change: Change
    flags: Flags
    silent: bool
    uid: bool


_CHANGES = {change.value: change for change in Change}


def flag(cursor: Cursor) -> str:
    """Read one flag; system flags in their one spelling."""
    text = cursor.take(_FLAG, "flag").group()
    if len(text) > KEYWORD_OCTETS:
        raise PeerError("flag too long")
    name = canonical(text.decode("ascii"))
    if name.startswith("\\") and name not in SYSTEM and name != RECENT:
        raise PeerError("unknown system flag")
    return name


def flag_list(cursor: Cursor) -> Flags:
    r"""Read a list in parentheses, which may be empty; \Recent is dropped."""
    short = _SHORT.match(cursor.data, cursor.at)
    if short is None:
        return _listed(cursor)
    cursor.at = short.end()
    return _remembered(short.group())


@lru_cache(maxsize=_LISTS)
def _remembered(text: bytes) -> Flags:
    """A list by its text: clients give the same few again and again."""
    return _listed(Cursor(text))


def _listed(cursor: Cursor) -> Flags:
    cursor.expect(b"(", "flag list")
    found: list[str] = []
    while not cursor.skip(b")"):
        if found:
            cursor.space()
        found.append(flag(cursor))
        if len(found) > FLAGS_IN_COMMAND:
            raise PeerError("too many flags")
    return _kept(found)


def _flags(cursor: Cursor) -> Flags:
    if cursor.peek() == b"(":
        return flag_list(cursor)
    found = [flag(cursor)]
    while cursor.skip(b" "):
        found.append(flag(cursor))
        if len(found) > FLAGS_IN_COMMAND:
            raise PeerError("too many flags")
    return _kept(found)


def _kept(found: list[str]) -> Flags:
    spelled: dict[str, str] = {}
    for name in found:
        spelled.setdefault(name.lower(), name)
    return frozenset(spelled.values()) - {RECENT}


def _store(cursor: Cursor, *, uid: bool) -> Store:
    cursor.space()
    messages = numbers.parse(cursor)
    cursor.space()
    word = cursor.word()
    silent = word.endswith(b".SILENT")
    change = _CHANGES.get(word.removesuffix(b".SILENT"))
    if change is None:
        raise PeerError("FLAGS, +FLAGS or -FLAGS expected")
    cursor.space()
    flags = _flags(cursor)
    cursor.end()
    return Store(messages, change, flags, silent, uid)


def store(cursor: Cursor) -> Store:
    """STORE by message numbers."""
    return _store(cursor, uid=False)


def uid_store(cursor: Cursor) -> Store:
    """STORE by UIDs."""
    return _store(cursor, uid=True)

"""Every command: its parser and the states that allow it (RFC 3501 §6)."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from attrs import frozen

from mailsuite.wire.imap.commands import (
    access,
    append,
    bare,
    copy,
    fetch,
    flags,
    folders,
    metadata,
    search,
)
from mailsuite.wire.imap.lexer import Cursor


class State(Enum):
    """RFC 3501 §3."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"


@frozen
class Syntax:
    """One command's parser, and where it may come."""

    parse: Callable[[Cursor], Any]
    states: frozenset[State]


_BEFORE = frozenset({State.NOT_AUTHENTICATED})
_SELECTED = frozenset({State.SELECTED})
_AFTER = frozenset({State.AUTHENTICATED, State.SELECTED})
_ANY = _BEFORE | _AFTER

SYNTAX: dict[bytes, Syntax] = {
    b"CAPABILITY": Syntax(bare.bare, _ANY),
    b"NOOP": Syntax(bare.bare, _ANY),
    b"LOGOUT": Syntax(bare.bare, _ANY),
    b"ID": Syntax(bare.identity, _ANY),
    b"STARTTLS": Syntax(bare.bare, _BEFORE),
    b"LOGIN": Syntax(access.login, _BEFORE),
    b"AUTHENTICATE": Syntax(access.authenticate, _BEFORE),
    b"ENABLE": Syntax(bare.enable, _AFTER),
    b"NAMESPACE": Syntax(bare.bare, _AFTER),
    b"SELECT": Syntax(folders.named, _AFTER),
    b"EXAMINE": Syntax(folders.named, _AFTER),
    b"CREATE": Syntax(folders.created, _AFTER),
    b"DELETE": Syntax(folders.named, _AFTER),
    b"RENAME": Syntax(folders.rename, _AFTER),
    b"SUBSCRIBE": Syntax(folders.named, _AFTER),
    b"UNSUBSCRIBE": Syntax(folders.named, _AFTER),
    b"LIST": Syntax(folders.listing, _AFTER),
    b"LSUB": Syntax(folders.listing, _AFTER),
    b"STATUS": Syntax(folders.status, _AFTER),
    b"GETMETADATA": Syntax(metadata.getmetadata, _AFTER),
    b"SETMETADATA": Syntax(metadata.setmetadata, _AFTER),
    b"APPEND": Syntax(append.append, _AFTER),
    b"IDLE": Syntax(bare.bare, _AFTER),
    b"CHECK": Syntax(bare.bare, _SELECTED),
    b"CLOSE": Syntax(bare.bare, _SELECTED),
    b"UNSELECT": Syntax(bare.bare, _SELECTED),
    b"EXPUNGE": Syntax(bare.expunge, _SELECTED),
    b"UID EXPUNGE": Syntax(bare.uid_expunge, _SELECTED),
    b"SEARCH": Syntax(search.search, _SELECTED),
    b"UID SEARCH": Syntax(search.uid_search, _SELECTED),
    b"FETCH": Syntax(fetch.fetch, _SELECTED),
    b"UID FETCH": Syntax(fetch.uid_fetch, _SELECTED),
    b"STORE": Syntax(flags.store, _SELECTED),
    b"UID STORE": Syntax(flags.uid_store, _SELECTED),
    b"COPY": Syntax(copy.copy, _SELECTED),
    b"UID COPY": Syntax(copy.uid_copy, _SELECTED),
    b"MOVE": Syntax(copy.move, _SELECTED),
    b"UID MOVE": Syntax(copy.uid_move, _SELECTED),
}

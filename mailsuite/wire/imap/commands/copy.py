"""COPY (RFC 3501 §6.4.7) and MOVE (RFC 6851)."""

from attrs import frozen

from mailsuite.wire.imap import numbers
from mailsuite.wire.imap.commands import folders
from mailsuite.wire.imap.lexer import Cursor
from mailsuite.wire.imap.numbers import Numbers


@frozen
class Copy:
    """Messages and the mailbox they go to."""

    numbers: Numbers
    mailbox: str
    uid: bool
    move: bool


def _parsed(cursor: Cursor, *, uid: bool, move: bool) -> Copy:
    cursor.space()
    messages = numbers.parse(cursor)
    cursor.space()
    mailbox = folders.mailbox(cursor)
    cursor.end()
    return Copy(messages, mailbox, uid, move)


def copy(cursor: Cursor) -> Copy:
    """COPY by message numbers."""
    return _parsed(cursor, uid=False, move=False)


def uid_copy(cursor: Cursor) -> Copy:
    """COPY by UIDs."""
    return _parsed(cursor, uid=True, move=False)


def move(cursor: Cursor) -> Copy:
    """MOVE by message numbers."""
    return _parsed(cursor, uid=False, move=True)


def uid_move(cursor: Cursor) -> Copy:
    """MOVE by UIDs."""
    return _parsed(cursor, uid=True, move=True)

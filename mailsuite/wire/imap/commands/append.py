"""APPEND up to the message, which the session streams (RFC 3501 §6.3.11)."""

from attrs import frozen

from mailsuite.model.flags import Flags
from mailsuite.wire.imap import dates
from mailsuite.wire.imap.commands import flags, folders
from mailsuite.wire.imap.lexer import Cursor


@frozen
class Append:
    """Where a message goes and with what; ``date`` is None for now."""

    mailbox: str
    flags: Flags
    date: int | None


def append(cursor: Cursor) -> Append:
    """Everything before the message's literal; stands at the literal after it."""
    cursor.space()
    mailbox = folders.mailbox(cursor)
    cursor.space()
    given: Flags = frozenset()
    if cursor.peek() == b"(":
        given = flags.flag_list(cursor)
        cursor.space()
    date = None
    if cursor.peek() == b'"':
        date = dates.date_time(cursor)
        cursor.space()
    return Append(mailbox, given, date)

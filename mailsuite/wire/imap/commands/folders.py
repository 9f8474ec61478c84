"""Commands about mailboxes as a whole.

SELECT, EXAMINE, CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, LIST, LSUB and
STATUS (RFC 3501 §6.3).
"""

from attrs import frozen

from mailsuite.model.errors import PeerError
from mailsuite.wire.imap import names
from mailsuite.wire.imap.lexer import Cursor
from mailsuite.wire.imap.limits import NAME_OCTETS, STATUS_ITEMS

STATUS_NAMES = (
    *(b"MESSAGES", b"RECENT", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN"),
    b"MAILBOXID",  # RFC 8474 §4.3
)


@frozen
class Named:
    """One mailbox, by its decoded name."""

    mailbox: str


@frozen
class Rename:
    """From one decoded name to another."""

    old: str
    new: str


@frozen
class Listing:
    """LIST or LSUB; ``reference`` and ``pattern`` decoded, wildcards in them."""

    reference: str
    pattern: str


@frozen
class Status:
    """Of one mailbox; ``items`` as asked for, in their order, upper case."""

    mailbox: str
    items: tuple[bytes, ...]


def mailbox(cursor: Cursor) -> str:
    """Read a mailbox name; INBOX in its one spelling."""
    return names.mailbox(cursor.astring())


def named(cursor: Cursor) -> Named:
    """A command about one mailbox."""
    cursor.space()
    name = mailbox(cursor)
    cursor.end()
    return Named(name)


def created(cursor: Cursor) -> Named:
    """CREATE's name may end in the separator, which only announces children."""
    found = named(cursor)
    if len(found.mailbox) > 1 and found.mailbox.endswith(names.SEPARATOR):
        return Named(found.mailbox[:-1])
    return found


def rename(cursor: Cursor) -> Rename:
    """Two names."""
    cursor.space()
    old = mailbox(cursor)
    cursor.space()
    new = mailbox(cursor)
    cursor.end()
    return Rename(old, new)


def listing(cursor: Cursor) -> Listing:
    """A reference and a name with wildcards."""
    cursor.space()
    reference = names.decode(cursor.astring())
    cursor.space()
    pattern = cursor.pattern()
    cursor.end()
    if len(pattern) > NAME_OCTETS:
        raise PeerError("pattern too long")
    return Listing(reference, names.decode(pattern))


def status(cursor: Cursor) -> Status:
    """A name and what to tell of it."""
    cursor.space()
    name = mailbox(cursor)
    cursor.space()
    cursor.expect(b"(", "(")
    items = [cursor.word()]
    while cursor.skip(b" "):
        items.append(cursor.word())
    cursor.expect(b")", ")")
    cursor.end()
    if len(items) > STATUS_ITEMS:
        raise PeerError("too many items")
    for item in items:
        if item not in STATUS_NAMES:
            raise PeerError("unknown item")
    return Status(name, tuple(dict.fromkeys(items)))

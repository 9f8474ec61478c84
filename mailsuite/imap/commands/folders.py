"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE and STATUS (RFC 3501 §6.3)."""

from mailsuite.imap import happening
from mailsuite.imap.answers import No
from mailsuite.imap.talk import Talk
from mailsuite.interfaces.mailboxes import NoSuchMailbox
from mailsuite.model.changes import MailboxRow
from mailsuite.model.ids import MailboxId
from mailsuite.wire.imap import responses
from mailsuite.wire.imap.commands.folders import Named, Rename, Status
from mailsuite.wire.imap.names import INBOX


async def create(talk: Talk, asked: Named) -> bytes:
    """§6.3.3, with the new mailbox's id (RFC 8474 §4.1)."""
    if asked.mailbox == INBOX:
        raise No(b"NO [ALREADYEXISTS] INBOX is always there")
    row = await talk.account.create(asked.mailbox)
    return b"OK [MAILBOXID (%b)] Done" % row.objectid.encode("ascii")


async def delete(talk: Talk, asked: Named) -> bytes:
    """§6.3.4; the selected mailbox is closed first."""
    if asked.mailbox == INBOX:
        raise No(b"NO [CANNOT] INBOX cannot be deleted")
    calmed = await _calmed(talk, asked.mailbox)
    await talk.account.remove(asked.mailbox)
    if talk.selected is not None and talk.selected.mailbox.id == calmed:
        talk.select(None)
    return b"OK Done"


async def _calmed(talk: Talk, name: str) -> MailboxId | None:
    """Wait for the scripts of a mailbox; None: it is a mere name, and has none."""
    try:
        found = await talk.account.mailbox(name)
    except NoSuchMailbox:
        return None
    await happening.calm(talk, found.id)
    return found.id


async def rename(talk: Talk, asked: Rename) -> bytes:
    """§6.3.5; renaming INBOX moves its mail."""
    if asked.new == INBOX:
        raise No(b"NO [ALREADYEXISTS] INBOX is always there")
    if asked.old == INBOX:
        await happening.calm(talk, (await talk.account.mailbox(INBOX)).id)
    await talk.account.rename(asked.old, asked.new)
    if talk.selected is not None:
        talk.selected.stale = True
    return b"OK Done"


async def subscribe(talk: Talk, asked: Named) -> bytes:
    """§6.3.6; the mailbox need not exist."""
    await talk.account.subscribe(asked.mailbox, wanted=True)
    return b"OK Done"


async def unsubscribe(talk: Talk, asked: Named) -> bytes:
    """§6.3.7."""
    await talk.account.subscribe(asked.mailbox, wanted=False)
    return b"OK Done"


async def status(talk: Talk, asked: Status) -> bytes:
    """§6.3.10."""
    row = await (await talk.account.mailbox(asked.mailbox)).row()
    if not row.selectable:
        raise NoSuchMailbox(asked.mailbox)
    facts = [b"%b %b" % (item, _fact(row, item)) for item in asked.items]
    name = responses.mailbox(asked.mailbox)
    talk.write(b"* STATUS %b (%b)\r\n" % (name, b" ".join(facts)))
    return b"OK Done"


def _fact(row: MailboxRow, item: bytes) -> bytes:
    if item == b"MAILBOXID":  # RFC 8474 §4.3
        return b"(%b)" % row.objectid.encode("ascii")
    return b"%d" % _count(row, item)


def _count(row: MailboxRow, item: bytes) -> int:
    match item:
        case b"MESSAGES":
            return row.messages
        case b"RECENT":
            return row.recent
        case b"UIDNEXT":
            return row.uidnext
        case b"UIDVALIDITY":
            return row.uidvalidity
        case _:
            return row.unseen

"""COPY and MOVE (RFC 3501 §6.4.7, RFC 6851) with COPYUID (RFC 4315 §3)."""

from mailsuite.imap import answers, happening
from mailsuite.imap.answers import No
from mailsuite.imap.talk import Talk
from mailsuite.interfaces.mailboxes import NoSuchMailbox
from mailsuite.model.ids import Uid
from mailsuite.wire.imap import numbers
from mailsuite.wire.imap.commands.copy import Copy


async def copy(talk: Talk, asked: Copy) -> bytes:
    """All messages or none; UIDs that are not there are passed over."""
    selected = talk.chosen
    if asked.move and selected.read_only:
        raise No(answers.READ_ONLY)
    positions = selected.positions(asked.numbers, uid=asked.uid)
    uids = [Uid(uid) for uid in selected.view.uids(positions)]
    try:
        target = await talk.account.mailbox(asked.mailbox)
        if not uids:
            return b"OK Done"
        if asked.move:
            await happening.calm(talk, selected.mailbox.id)
        found = await talk.account.transfer(
            selected.mailbox.id, uids, target.id, move=asked.move
        )
    except NoSuchMailbox:
        raise No(answers.TRYCREATE) from None
    talk.touched(target.id)
    await happening.copied(talk, selected.mailbox, target.id, found)
    if asked.move:
        selected.stale = True
    if not found.source:
        return answers.ISSUED
    code = b"OK [COPYUID %d %b %b] Done" % (
        found.uidvalidity,
        numbers.render(found.source),
        numbers.render(found.target),
    )
    if not asked.move:
        return code
    talk.write(b"* %b\r\n" % code)  # RFC 6851 §4.3: before the EXPUNGEs
    return b"OK Done"

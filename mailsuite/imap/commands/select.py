"""SELECT, EXAMINE, CLOSE, UNSELECT, EXPUNGE and UID EXPUNGE."""

from contextlib import suppress

from mailsuite.imap import answers, happening
from mailsuite.imap.answers import No
from mailsuite.imap.selected import Selected
from mailsuite.imap.talk import Talk
from mailsuite.interfaces.mailboxes import NoSuchMailbox
from mailsuite.model.flags import SEEN
from mailsuite.wire.imap.commands.bare import Bare, Expunge
from mailsuite.wire.imap.commands.folders import Named
from mailsuite.wire.imap.view import View


async def select(talk: Talk, asked: Named) -> bytes:
    """RFC 3501 §6.3.1."""
    return await _open(talk, asked.mailbox, read_only=False)


async def examine(talk: Talk, asked: Named) -> bytes:
    """§6.3.2."""
    return await _open(talk, asked.mailbox, read_only=True)


async def _open(talk: Talk, name: str, *, read_only: bool) -> bytes:
    talk.select(None)  # §6.3.1: also when the new one cannot be selected
    mailbox = await talk.account.mailbox(name)
    row = await mailbox.row()
    if not row.selectable:
        raise NoSuchMailbox(name)
    selected = await Selected.open(mailbox, read_only=read_only)
    view = selected.view
    said = selected.flags()
    said.append(b"* %d EXISTS\r\n* %d RECENT\r\n" % (view.count, view.recents()))
    if unseen := _first_unseen(view):
        said.append(b"* OK [UNSEEN %d] First unseen\r\n" % unseen)
    columns = view.columns
    said.append(b"* OK [UIDVALIDITY %d] Valid\r\n" % columns.uidvalidity)
    said.append(b"* OK [UIDNEXT %d] Next\r\n" % columns.uidnext)
    said.append(b"* OK [MAILBOXID (%b)] Id\r\n" % row.objectid.encode("ascii"))
    talk.write(b"".join(said))
    talk.select(selected)
    return b"OK [READ-ONLY] Done" if read_only else b"OK [READ-WRITE] Done"


def _first_unseen(view: View) -> int:
    unseen = [SEEN not in names for names in view.columns.table.sets]
    marks = [unseen[code] for code in view.columns.flags]
    return marks.index(True) + 1 if True in marks else 0


async def close(talk: Talk, _asked: Bare) -> bytes:
    r"""§6.4.2: what has \Deleted goes, and nobody is told."""
    selected = talk.chosen
    talk.select(None)
    if not selected.read_only:
        with suppress(NoSuchMailbox):  # it went, and all that it held
            await _purge(talk, selected)
    return b"OK Done"


async def _purge(talk: Talk, selected: Selected) -> None:
    await happening.calm(talk, selected.mailbox.id)
    await selected.refresh(leaving=True)
    view = selected.view
    if uids := view.deleted(range(view.count)):
        _ = await selected.mailbox.expunge(uids)


async def unselect(talk: Talk, _: Bare) -> bytes:
    """RFC 3691 §2: as CLOSE, but nothing goes."""
    talk.select(None)
    return b"OK Done"


async def expunge(talk: Talk, asked: Expunge) -> bytes:
    """RFC 3501 §6.4.3 and RFC 4315 §2.1; EXPUNGE lines follow as news."""
    selected = talk.chosen
    if selected.read_only:
        raise No(answers.READ_ONLY)
    await happening.calm(talk, selected.mailbox.id)
    await selected.refresh()
    view = selected.view
    positions = (
        range(view.count) if asked.uids is None else view.select(asked.uids, uid=True)
    )
    if uids := view.deleted(positions):
        _ = await selected.mailbox.expunge(uids)
        selected.stale = True
    return b"OK Done"

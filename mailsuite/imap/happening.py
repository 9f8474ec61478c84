"""What this session did to messages, told to whoever runs scripts then (RFC 6785).

Commands tell it when it is done and before it is answered. Where no script can run
that costs next to nothing.
"""

from collections.abc import Sequence

from mailsuite.imap.talk import Talk
from mailsuite.interfaces.happenings import Happening, IHappenings
from mailsuite.interfaces.mailboxes import IMailbox, NoSuchMailbox
from mailsuite.model.changes import Appended, Columns, Stored, UidMap
from mailsuite.model.flags import Flags
from mailsuite.model.ids import MailboxId, Uid

ROWS = 5_000  # messages that are compared in one turn; some milliseconds
APPEND, COPY, FLAG = "APPEND", "COPY", "FLAG"

_Change = tuple[Flags, Flags]


async def appended(talk: Talk, done: Appended) -> None:
    """RFC 6785 §2.2.1."""
    happenings = await _awaited(talk, done.mailbox)
    if happenings is not None:
        what = Happening(APPEND, talk.user, done.mailbox, done.uidvalidity, done.uids)
        await happenings.happened(talk.account, [what])


async def copied(talk: Talk, source: IMailbox, target: MailboxId, done: UidMap) -> None:
    """COPY (§2.2.2), and MOVE as well (RFC 6851 §4.5)."""
    happenings = await _awaited(talk, target)
    if happenings is not None and done.target:
        what = Happening(
            COPY,
            talk.user,
            target,
            done.uidvalidity,
            done.target,
            source=source.name,
        )
        await happenings.happened(talk.account, [what])


async def flagged(talk: Talk, before: Columns, done: Stored, asked: Flags) -> None:
    """Flags of these messages are others than ``before`` (§2.2.3).

    The view has looked at them since. ``asked`` is told of messages that the view did
    not know: by then they may have changed twice.
    """
    selected = talk.chosen
    if not done.uids:
        return
    happenings = await _awaited(talk, selected.mailbox.id)
    if happenings is None:
        return
    groups: dict[_Change, list[Uid]] = {}
    for start in range(0, len(done.uids), ROWS):
        if start:
            await talk.rest()
        some = done.uids[start : start + ROWS]
        _group(groups, some, (before, selected.view.columns), asked)
    told = [
        Happening(
            FLAG,
            talk.user,
            selected.mailbox.id,
            before.uidvalidity,
            uids,
            flags,
            changed,
        )
        for (flags, changed), uids in groups.items()
    ]
    await happenings.happened(talk.account, told)


def _group(
    groups: dict[_Change, list[Uid]],
    uids: Sequence[Uid],
    columns: tuple[Columns, Columns],
    asked: Flags,
) -> None:
    """Put messages together that have the same flags now and had the same before."""
    old, new = columns
    known: dict[tuple[int, int], list[Uid]] = {}
    for uid in uids:
        now = new.code_of(uid)
        if now < 0:
            continue  # it went meanwhile
        codes = old.code_of(uid), now
        found = known.get(codes)
        if found is None:
            flags = new.table.sets[now]
            had = old.table.sets[codes[0]] if codes[0] >= 0 else flags
            found = groups.setdefault((flags, (flags ^ had) or asked), [])
            known[codes] = found
        found.append(uid)


async def calm(talk: Talk, mailbox: MailboxId) -> None:
    """Wait, before messages go, for scripts that look at them."""
    happenings = talk.ground.happenings
    if happenings is not None:
        await happenings.settled(talk.account.name, mailbox)


async def _awaited(talk: Talk, mailbox: MailboxId) -> IHappenings | None:
    """Whom to tell; None: nobody wants to know."""
    happenings = talk.ground.happenings
    if happenings is None:
        return None
    try:
        wanted = await happenings.awaited(talk.account, mailbox)
    except NoSuchMailbox:
        return None
    return happenings if wanted else None

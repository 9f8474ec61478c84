"""STORE and UID STORE (RFC 3501 §6.4.6)."""

from collections.abc import Sequence

from mailsuite.imap import answers, happening
from mailsuite.imap.answers import No
from mailsuite.imap.selected import Selected
from mailsuite.imap.talk import Talk
from mailsuite.model.changes import Stored
from mailsuite.model.flags import Flags
from mailsuite.model.ids import Uid
from mailsuite.wire.imap.commands.flags import Change, Store

ROWS_PER_BLOCK = 2_000
_NONE: Flags = frozenset()


async def store(talk: Talk, asked: Store) -> bytes:
    """Change the flags of all messages at once, and tell what they are now."""
    selected = talk.chosen
    if selected.read_only:
        raise No(answers.READ_ONLY)
    positions = selected.positions(asked.numbers, uid=asked.uid)
    uids = [Uid(uid) for uid in selected.view.uids(positions)]
    if not uids:
        return b"OK Done"
    if asked.silent:
        await selected.refresh()
    pending, since = set(selected.view.changed), selected.view.modseq
    before = selected.view.columns
    stored = await _change(selected, uids, asked)
    await selected.refresh()
    await happening.flagged(talk, before, stored, asked.flags)
    if not asked.silent:
        await _tell(talk, selected, positions, uid=asked.uid)
    elif stored.since <= since:  # else others were quicker: all is told
        _forget(selected, stored, pending)
    return answers.ISSUED if stored.missing else b"OK Done"


async def _change(selected: Selected, uids: Sequence[Uid], asked: Store) -> Stored:
    match asked.change:
        case Change.REPLACE:
            return await selected.mailbox.replace(uids, asked.flags)
        case Change.ADD:
            return await selected.mailbox.store(uids, asked.flags, _NONE)
        case Change.DROP:
            return await selected.mailbox.store(uids, _NONE, asked.flags)


def _forget(selected: Selected, stored: Stored, pending: set[int]) -> None:
    """The client knows what it did; what others did it still hears."""
    columns = selected.view.columns
    others = pending
    if columns.modseq > stored.modseq:
        rows = zip(columns.uid, columns.modseqs, strict=True)
        others |= {uid for uid, modseq in rows if modseq > stored.modseq}
    selected.view.changed.difference_update(set(stored.uids) - others)


async def _tell(
    talk: Talk, selected: Selected, positions: Sequence[int], *, uid: bool
) -> None:
    view = selected.view
    for line in selected.new_flags():
        talk.write(line)
    for start in range(0, len(positions), ROWS_PER_BLOCK):
        kept, rows = view.rows(positions[start : start + ROWS_PER_BLOCK])
        uids = view.uids(kept)
        numbers = [position + 1 for position in kept]
        if uid:
            form = b"* %d FETCH (UID %d FLAGS (%b))\r\n"
            triples = zip(numbers, uids, view.flags(rows), strict=True)
            talk.write(b"".join([form % row for row in triples]))
        else:
            pairs = zip(numbers, view.flags(rows), strict=True)
            talk.write(
                b"".join([b"* %d FETCH (FLAGS (%b))\r\n" % row for row in pairs])
            )
        view.changed.difference_update(uids)
        await talk.flush()

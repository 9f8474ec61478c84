"""The store's part of the journal: APPENDs redone, segments let go.

``once`` rows of a segment stand until it is retired and their job is not open; a
promise is carried out again unless its row, or its file, is there.
"""

import json
import os
from collections.abc import Awaitable, Callable, Collection, Sequence

from attrs import define, field
from twisted.logger import Logger

from mailsuite.interfaces.journal import Kind, Position, Record
from mailsuite.interfaces.mailboxes import BadName
from mailsuite.interfaces.queueing import Pending
from mailsuite.model.ids import AccountName, QueueId
from mailsuite.store import append, records, tidy
from mailsuite.store.append import Parcel, Shared
from mailsuite.store.box import Box
from mailsuite.store.index import Index
from mailsuite.store.pieces import Piece, renumbered
from mailsuite.store.reading import rows_of
from mailsuite.store.shelf import Shelf

_Open = tuple[Position, records.Kept]


@define(eq=False)
class Recovery:
    """Takes replayed records and carries them out."""

    _shelf: Callable[[AccountName], Awaitable[Shelf]]
    kinds: frozenset[Kind] = frozenset({Kind.APPEND})
    _open: dict[tuple[AccountName, str], _Open] = field(factory=dict)
    _log: Logger = field(factory=Logger)

    def replayed(self, position: Position, record: Record) -> None:
        """See :meth:`IJournalClient.replayed`."""
        try:
            kept = records.read(record)
        except (ValueError, KeyError, TypeError):
            self._log.failure("a record of an APPEND cannot be read")
            return
        if kept.withdrawn:
            self._open.pop((kept.account, kept.withdrawn), None)
        elif kept.pieces:
            self._open[kept.account, kept.pieces[0].base] = (position, kept)

    async def recovered(self) -> None:
        """See :meth:`IJournalClient.recovered`."""
        by_account: dict[AccountName, list[_Open]] = {}
        for (account, _), entry in self._open.items():
            by_account.setdefault(account, []).append(entry)
        self._open.clear()
        for account, entries in by_account.items():
            try:
                shelf = await self._shelf(account)
            except BadName:
                continue
            results = await shelf.alone(_redo, entries)
            for result in results:
                if isinstance(result, Exception):
                    self._log.error(
                        "an APPEND to {account} was not redone: {error}",
                        account=account,
                        error=str(result),
                    )


def _redo(index: Index, entries: Sequence[_Open]) -> list[append.Result]:
    """Carry promises out; before strangers' files are looked at, so that UIDs fit."""
    results = []
    for position, kept in entries:
        box = index.boxes.get(kept.mailbox)
        if box is None or not box.selectable:
            continue
        pieces: Sequence[Piece] = kept.pieces
        parcel = Parcel(box.id, pieces, None, position.epoch, staged=True, again=True)
        if parcel.key not in index.once:
            parcel.pieces = _missing(index, box, pieces)
        if parcel.pieces:
            results += append.keep([(index, [parcel])], Shared())[0]
    return results


def _missing(index: Index, box: Box, pieces: Sequence[Piece]) -> list[Piece]:
    """Messages that no row tells of; with another UID where theirs is taken.

    What was removed and whose rows were lost with the index still lies in
    ``removed``, and does not come back.
    """
    bases = {
        base
        for (base,) in index.rows.execute(
            "SELECT base FROM file WHERE mailbox = ?"
            " UNION SELECT base FROM removed WHERE mailbox = ?",
            (box.id, box.id),
        ).fetchall()
    }
    bases.update(name.partition(".")[2] for name in os.listdir(index.place.removed))
    missing = [piece for piece in pieces if piece.base not in bases]
    taken = rows_of(index, box, [piece.uid for piece in missing])
    return [renumbered(p, 0) for p in missing] if taken else missing


def evacuate(index: Index) -> None:
    """Finish names and lists, so that a segment is not needed for them."""
    tidy.finish(index)


async def nobody(_: Collection[QueueId]) -> Collection[QueueId]:
    """No job is open."""
    return ()


async def forgotten(shelf: Shelf, epoch: int, pending: Pending) -> None:
    """Forget deliveries of segments that are gone, unless their jobs are open.

    Those may be asked again: after a kill, and where only a part was delivered.
    """
    names = await shelf.run(_remembered, epoch)
    needed = await pending(names) if names else ()
    if not shelf.closing:  # it may have been closed meanwhile, and is asked when opened
        await shelf.run(forget, epoch, needed)


def _remembered(index: Index, epoch: int) -> list[QueueId]:
    """The jobs whose deliveries would be forgotten."""
    rows = index.rows.execute(
        "SELECT DISTINCT source FROM once WHERE epoch <= ?", (epoch,)
    ).fetchall()
    return [QueueId(source) for (source,) in rows]


def forget(index: Index, epoch: int, needed: Collection[QueueId] = ()) -> None:
    """Drop memories of deliveries from segments that are gone.

    Those of ``needed`` jobs stay until the segment that is written now goes.
    """
    if needed:
        later = max(epoch + 1, index.ground.epoch())
        index.rows.execute(
            "UPDATE once SET epoch = ? WHERE epoch <= ?"
            " AND source IN (SELECT value FROM json_each(?))",
            (later, epoch, json.dumps(list(needed))),
        )
    index.rows.execute("DELETE FROM once WHERE epoch <= ?", (epoch,))
    index.once = {
        row[:3]: row[3:]
        for row in index.rows.execute(
            "SELECT source, recipient, action, mailbox, uid, email, drafts FROM once"
        ).fetchall()
    }

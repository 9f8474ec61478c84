"""The store's part of the journal: APPENDs redone, segments let go.

``once`` rows of a segment stand until it is retired and their job is not open; a
promise is carried out again unless its row, or its file, is there. Where it finds no
room its segment stays, and it is tried again at every checkpoint.
"""

import json
import os
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress

from attrs import define, field
from twisted.logger import Logger

from mailsuite.interfaces.journal import Kind, Position, Record
from mailsuite.interfaces.mailboxes import BadName
from mailsuite.interfaces.queueing import Pending
from mailsuite.model.errors import NoSpace
from mailsuite.model.ids import AccountName, QueueId
from mailsuite.store import append, maildir, records, tidy
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
        await self._carry_out(late=False)

    async def evacuate(self) -> None:
        """Redo what found no room until now: nothing else holds it but its segment.

        :raises NoSpace: there is still none.
        """
        if self._open:
            await self._carry_out(late=True)
        if self._open:
            raise NoSpace(f"{len(self._open)} APPENDs of a former run find no room")

    async def _carry_out(self, *, late: bool) -> None:
        by_account: dict[AccountName, list[_Open]] = {}
        for (account, _), entry in self._open.items():
            by_account.setdefault(account, []).append(entry)
        for account, entries in by_account.items():
            failed: list[tuple[_Open, Exception]] = []
            with suppress(BadName):
                shelf = await self._shelf(account)
                failed = await shelf.alone(_redo, entries, late=late)
            for _, kept in entries:  # not before: they stay open where it raised
                del self._open[account, kept.pieces[0].base]
            for entry, error in failed:
                self._log.error(
                    "an APPEND to {account} was not redone: {error}",
                    account=account,
                    error=str(error),
                )
                if isinstance(error, NoSpace):
                    self._open[account, entry[1].pieces[0].base] = entry


def _redo(
    index: Index, entries: Sequence[_Open], *, late: bool
) -> list[tuple[_Open, Exception]]:
    """Carry promises out, and give those that could not be.

    Before strangers' files are looked at, so that UIDs fit; ``late``: when that has
    been, and clients may have seen later UIDs.
    """
    failed = []
    for entry in entries:
        position, kept = entry
        box = index.boxes.get(kept.mailbox)
        if box is None or not box.selectable:
            continue
        pieces: Sequence[Piece] = kept.pieces
        parcel = Parcel(box.id, pieces, None, position.epoch, staged=True, again=True)
        if parcel.key not in index.once:
            parcel.pieces = _missing(index, box, pieces, late=late)
        if parcel.pieces:
            for result in append.keep([(index, [parcel])], Shared())[0]:
                if isinstance(result, Exception):
                    failed.append((entry, result))
                    _bring_in_sight(box, parcel.pieces)
    return failed


def _bring_in_sight(box: Box, pieces: Sequence[Piece]) -> None:
    """Give large messages, whose only octets lie in ``tmp``, a place where they stay."""
    for piece in pieces:
        if piece.draft.blob.octets is None:
            place = maildir.relative(piece.base, "new", "")
            with suppress(FileNotFoundError):  # it has a place already
                os.rename(box.temporary(piece.base), os.path.join(box.path, place))


def _missing(
    index: Index, box: Box, pieces: Sequence[Piece], *, late: bool
) -> list[Piece]:
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
    seen = late and any(piece.uid < box.uidnext for piece in missing)
    taken = seen or rows_of(index, box, [piece.uid for piece in missing])
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

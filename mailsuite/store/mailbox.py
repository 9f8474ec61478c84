"""One open mailbox (IMailbox)."""

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.interfaces.blobs import IOctets
from mailsuite.interfaces.mailboxes import IMailbox
from mailsuite.model.changes import (
    Batch,
    Columns,
    Delta,
    MailboxRow,
    Need,
    Stored,
)
from mailsuite.model.errors import NoSpace
from mailsuite.model.flags import Flags
from mailsuite.model.ids import MailboxId, ModSeq, Uid
from mailsuite.net.lanes import Lane
from mailsuite.store import columns, completing, expunge, folders, outside, reading
from mailsuite.store import flags as flagging
from mailsuite.store.box import Box
from mailsuite.store.index import Index
from mailsuite.store.known import Known
from mailsuite.store.nearby import Nearby
from mailsuite.store.octets import Octets
from mailsuite.store.reading import Answer, Name, Raw, RawDelta
from mailsuite.store.scanning import Scanner
from mailsuite.store.shelf import Shelf
from mailsuite.store.watching import Watching

P = ParamSpec("P")
R = TypeVar("R")


@implementer(IMailbox)
@define(eq=False)
class Mailbox:
    """Provides IMailbox; nothing is held but a reference to the account."""

    _shelf: Shelf
    _scanner: Scanner
    _watching: Watching
    _nearby: Nearby
    id: MailboxId
    name: str
    _known: Known = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._known = Known(self._shelf, self._watching, self.id)

    def _box(self) -> Box:
        return self._shelf.index.box(self.id)

    async def _run(
        self,
        call: Callable[Concatenate[Index, Box, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run ``call(index, box, ...)`` on the lane. :raises NoSuchMailbox: gone."""

        def within(index: Index) -> R:
            return call(index, index.box(self.id), *args, **kwargs)

        return await self._shelf.run(within)

    async def row(self) -> MailboxRow:
        """See :meth:`IMailbox.row`."""
        if not self._watching.quiet(self._shelf, self.id):
            self._watching.looking(self._shelf, self.id)
            if await self._run(outside.stale):
                await self._merge()
        return await self._run(folders.row)

    async def _merge(self) -> None:
        """Take it over; on a full disk that waits, what is known can be read."""
        turn = self._shelf.turn
        await turn.taken()
        try:
            with suppress(NoSpace):
                await self._run(outside.merge)
        finally:
            turn.give()
        self._shelf.sync_soon()

    async def _looked(self, call: Callable[..., tuple[bool, R]], since: int) -> R:
        """Have ``call`` read the rows, after a look at what other programs did."""
        self._watching.looking(self._shelf, self.id)
        stale, raw = await self._run(call, since)
        if stale:
            await self._merge()
            _, raw = await self._run(call, since, look=False)
        return raw

    async def snapshot(self) -> Columns:
        """See :meth:`IMailbox.snapshot`."""
        shelf = self._shelf
        self._watching.wanted(shelf, self.id)
        held = columns.current(shelf, self.id)
        if held is not None and self._known.newest(held):
            return held
        raw: Raw | RawDelta | None = self._known.taken(held.modseq) if held else None
        if raw is None:
            raw = await self._looked(_seen, held.modseq if held else -1)
        box = self._box()
        if isinstance(raw, Raw):
            version = await columns.made(shelf, box, raw)
        else:
            assert held is not None
            version = held
            if raw.modseq != held.modseq or raw.uidnext != held.uidnext:
                delta = await columns.told(shelf, box, raw)
                version = await columns.next_version(shelf, held, delta)
        other = columns.current(shelf, self.id)
        if other is not None and other.modseq >= version.modseq:
            return other
        shelf.versions[self.id] = version
        return version

    async def delta(self, since: ModSeq) -> Delta:
        """See :meth:`IMailbox.delta`."""
        raw = self._known.since(since)
        if raw is None:
            same = columns.unchanged(self._box())  # the lane may change it meanwhile
            if same.modseq <= since and self._watching.quiet(self._shelf, self.id):
                return same
            raw = await self._looked(_changed, since)
        return await self._known.told(since, raw)

    async def claim_recent(self, *, look: bool = False) -> tuple[Uid, Uid]:
        """See :meth:`IMailbox.claim_recent`."""
        return await self._run(flagging.claim_recent, look=look)

    async def read(
        self, uids: Sequence[Uid], needs: Sequence[Need]
    ) -> AsyncIterator[Batch]:
        """See :meth:`IMailbox.read`."""
        source = completing.Source(self._shelf, self._scanner, self.octets)
        left: Sequence[int] = sorted(set(uids))
        coming = self._begun(left, needs)
        try:
            while coming is not None:
                found, reached = await coming
                left = left[bisect_right(left, reached) :]
                coming = self._begun(left, needs)  # while these are told
                if found:
                    yield await completing.batch(source, found, needs)
        finally:
            if coming is not None:
                _ = coming.addErrback(_dropped)

    def _begun(
        self, left: Sequence[int], needs: Sequence[Need]
    ) -> "Deferred[tuple[list[Answer], int]] | None":
        """Have the lane read a batch; None: nothing is left."""
        if not left:
            return None
        return Deferred.fromCoroutine(self._run(reading.answers, left, needs))

    async def octets(self, uid: Uid) -> IOctets:
        """See :meth:`IMailbox.octets`."""
        found = self.at_hand(uid)
        if found is not None:
            return found
        shelf, box, nearby = self._shelf, self._box(), self._nearby
        alone = nearby.knows(shelf.name, box, uid)
        octets, names = await self._run(_opened, uid, shelf.lane, alone=alone)
        nearby.learn(shelf.name, box, names)
        return octets

    def at_hand(self, uid: Uid) -> IOctets | None:
        """See :meth:`IMailbox.at_hand`."""
        shelf = self._shelf
        found = self._nearby.opened(shelf.name, self._box(), uid)
        return None if found is None else Octets(shelf.lane, found)

    async def store(self, uids: Sequence[Uid], add: Flags, drop: Flags) -> Stored:
        """See :meth:`IMailbox.store`."""
        if self._known.has(uids, add, drop):
            return Stored(ModSeq(self._box().modseq), [])
        done = await self._run(flagging.store, uids, add, drop)
        self._shelf.sync_soon()
        return self._known.changed(done)

    async def replace(self, uids: Sequence[Uid], flags: Flags) -> Stored:
        """See :meth:`IMailbox.replace`."""
        done = await self._run(flagging.replace, uids, flags)
        self._shelf.sync_soon()
        return self._known.changed(done)

    async def expunge(self, uids: Sequence[Uid]) -> Stored:
        """See :meth:`IMailbox.expunge`."""
        done = await self._run(expunge.expunge, uids)
        if done.stored.uids:
            _ = await self._shelf.synced()
        return self._known.changed(done)


def _seen(
    index: Index, box: Box, since: int, *, look: bool = True
) -> tuple[bool, Raw | RawDelta]:
    if look and outside.stale(index, box):
        return True, nothing(box)
    if since < index.log.floor:
        return False, reading.everything(index, box)
    return False, reading.delta(index, box, since)


def _changed(
    index: Index, box: Box, since: int, *, look: bool = True
) -> tuple[bool, RawDelta]:
    if look and outside.stale(index, box):
        return True, nothing(box)
    return False, reading.delta(index, box, since)


def _opened(
    index: Index, box: Box, uid: int, lane: Lane, *, alone: bool
) -> tuple[Octets, Sequence[Name]]:
    """Open a message; if nobody waits for it any more it closes itself."""
    found, names = reading.opened_near(index, box, uid, alone=alone)
    return Octets(lane, found), names


def _dropped(_: Failure) -> None:
    """What could not be read ahead is nobody's concern any more."""


def nothing(box: Box) -> RawDelta:
    """A delta that tells of no change."""
    return RawDelta(
        ModSeq(box.modseq), box.uidnext, reading.NO_ROWS, reading.NO_ROWS, []
    )

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
from mailsuite.store import columns, completing, expunge, folders, outside, reading
from mailsuite.store import flags as flagging
from mailsuite.store.box import Box
from mailsuite.store.index import Index
from mailsuite.store.nearby import Nearby
from mailsuite.store.octets import Octets
from mailsuite.store.reading import Answer, Raw, RawDelta
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
    _followed: Columns | None = field(default=None, init=False)

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
        await self._look()
        return await self._run(folders.row)

    async def _look(self) -> None:
        """Take over what other programs did to the directories."""
        if self._watching.quiet(self._shelf, self.id):
            return
        self._watching.looking(self._shelf, self.id)
        if await self._run(outside.stale):
            await self._merge()

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

    async def snapshot(self) -> Columns:
        """See :meth:`IMailbox.snapshot`."""
        shelf = self._shelf
        self._watching.wanted(shelf, self.id)
        held = columns.current(shelf, self.id)
        if held is not None and held is self._followed:
            quiet, box = self._watching.quiet(shelf, self.id), self._box()
            if quiet and (held.modseq, held.uidnext) == (box.modseq, box.uidnext):
                return held
        self._watching.looking(shelf, self.id)
        stale, raw = await self._run(_seen, held.modseq if held else -1)
        if stale:
            await self._merge()
            _, raw = await self._run(_seen, held.modseq if held else -1, look=False)
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
        shelf = self._shelf
        quiet = self._watching.quiet(shelf, self.id)
        if quiet and self._box().modseq <= since:
            box = self._box()
            return await columns.told(shelf, box, nothing(box))
        self._watching.looking(shelf, self.id)
        stale, raw = await self._run(_changed, since)
        if stale:
            await self._merge()
            _, raw = await self._run(_changed, since, look=False)
        box = self._box()
        told = await columns.told(shelf, box, raw)
        self._followed = columns.follow(shelf, box, since, told) if raw.logged else None
        return told

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
        opened, names = await self._run(reading.opened_near, uid, alone=alone)
        nearby.learn(shelf.name, box, names)
        return Octets(shelf.lane, opened)

    def at_hand(self, uid: Uid) -> IOctets | None:
        """See :meth:`IMailbox.at_hand`."""
        shelf = self._shelf
        found = self._nearby.opened(shelf.name, self._box(), uid)
        return None if found is None else Octets(shelf.lane, found)

    async def store(self, uids: Sequence[Uid], add: Flags, drop: Flags) -> Stored:
        """See :meth:`IMailbox.store`."""
        stored = await self._run(flagging.store, uids, add, drop)
        self._shelf.sync_soon()
        return stored

    async def replace(self, uids: Sequence[Uid], flags: Flags) -> Stored:
        """See :meth:`IMailbox.replace`."""
        stored = await self._run(flagging.replace, uids, flags)
        self._shelf.sync_soon()
        return stored

    async def expunge(self, uids: Sequence[Uid]) -> Stored:
        """See :meth:`IMailbox.expunge`."""
        stored = await self._run(expunge.expunge, uids)
        if stored.uids:
            _ = await self._shelf.synced()
        return stored


def _seen(
    index: Index, box: Box, since: int, *, look: bool = True
) -> tuple[bool, Raw | RawDelta]:
    if look and outside.stale(index, box):
        return True, nothing(box)
    if since < 0 or index.log.since(since) is None:
        return False, reading.everything(index, box)
    return False, reading.delta(index, box, since)


def _changed(
    index: Index, box: Box, since: int, *, look: bool = True
) -> tuple[bool, RawDelta]:
    if look and outside.stale(index, box):
        return True, nothing(box)
    return False, reading.delta(index, box, since)


def _dropped(_: Failure) -> None:
    """What could not be read ahead is nobody's concern any more."""


def nothing(box: Box) -> RawDelta:
    """A delta that tells of no change."""
    return RawDelta(
        ModSeq(box.modseq), box.uidnext, reading.NO_ROWS, reading.NO_ROWS, []
    )

"""One account as a caller holds it (IAccount)."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from attrs import define, field, frozen
from zope.interface import implementer

from mailsuite.interfaces.mailboxes import IAccount, MailboxExists
from mailsuite.model.changes import Appended, Draft, MailboxRow, UidMap
from mailsuite.model.envelope import Blob, Once
from mailsuite.model.errors import NoSpace
from mailsuite.model.ids import AccountName, MailboxId, ModSeq, Uid
from mailsuite.store import (
    annotations,
    folders,
    names,
    outside,
    quota,
    reading,
    transfer,
)
from mailsuite.store.annotations import Changes
from mailsuite.store.append import Parcel
from mailsuite.store.box import Box
from mailsuite.store.index import Ground, Index
from mailsuite.store.insert import Wide
from mailsuite.store.intake import Intake, Promises
from mailsuite.store.mailbox import Mailbox
from mailsuite.store.nearby import Nearby
from mailsuite.store.pieces import Piece
from mailsuite.store.quota import Quota
from mailsuite.store.scanning import Scanner, is_small
from mailsuite.store.shelf import Shelf, Wake, check_open
from mailsuite.store.watching import Watching


@define(eq=False)
class Counter:
    """Makes the unique part of new files' names."""

    _number: int = 0
    _process: int = field(factory=os.getpid)

    def stem(self, wall: float) -> str:
        """Seconds, microseconds, process and a rising number."""
        self._number += 1
        return (
            f"{int(wall)}.M{int(wall * 1e6) % 1_000_000}P{self._process}N{self._number}"
        )


@frozen
class Desk:
    """What every account of the process works with."""

    ground: Ground
    scanner: Scanner
    watching: Watching
    nearby: Nearby
    quota: Quota
    counter: Counter


@implementer(IAccount)
@define(eq=False)
class Account:
    """Provides IAccount; each ``open`` gives one of its own."""

    _desk: Desk
    _shelf: Shelf
    _intake: Intake
    _promises: Promises
    _watches: list[Wake] = field(factory=list)
    _closed: bool = False

    @property
    def name(self) -> AccountName:
        """The account's name."""
        return self._shelf.name

    async def mailboxes(self) -> Sequence[MailboxRow]:
        """See :meth:`IAccount.mailboxes`."""
        if await self._shelf.run(_any_stale):
            with suppress(NoSpace):  # what others did waits, what is known is told
                await self._shelf.alone(_merge_stale)
        return await self._shelf.run(folders.listed)

    async def mailbox(self, id_or_name: MailboxId | str) -> Mailbox:
        """See :meth:`IAccount.mailbox`."""
        check_open(self._shelf)
        box = self._shelf.index.box(id_or_name)
        desk = self._desk
        return Mailbox(
            self._shelf, desk.scanner, desk.watching, desk.nearby, box.id, box.name
        )

    async def create(self, name: str, use: str = "") -> MailboxRow:
        """See :meth:`IAccount.create`."""
        return await self._shelf.alone(folders.create, name, use)

    async def rename(self, old: str, new: str) -> None:
        """See :meth:`IAccount.rename`."""
        if names.canonical(old) != names.INBOX:
            await self._shelf.alone(folders.rename, old, new)
            self._desk.watching.rearranged(self._shelf)
            return
        if names.canonical(new) in self._shelf.index.names:
            raise MailboxExists(new)
        inbox = await self.mailbox(names.INBOX)
        await self._shelf.run(annotations.room, inbox.id)
        row = await self.create(new)
        await self._shelf.run(annotations.copied, inbox.id, row.id)
        await inbox.row()
        uids = await self._shelf.run(_uids, inbox.id)
        _ = await self.transfer(inbox.id, uids, row.id, move=True)

    async def remove(self, name: str) -> None:
        """See :meth:`IAccount.remove`."""
        mailbox = await self._shelf.alone(folders.remove, name)
        self._desk.watching.rearranged(self._shelf)
        self._shelf.versions.pop(mailbox, None)
        self._shelf.tables.pop(mailbox, None)
        _ = await self._shelf.synced()

    async def subscribe(self, name: str, *, wanted: bool) -> None:
        """See :meth:`IAccount.subscribe`."""
        await self._shelf.run(folders.subscribe, name, wanted)

    async def subscriptions(self) -> Sequence[str]:
        """See :meth:`IAccount.subscriptions`."""
        return sorted(self._shelf.index.subscribed)

    async def annotations(
        self, mailbox: MailboxId | str, entries: Sequence[str] = ()
    ) -> Mapping[str, bytes]:
        """See :meth:`IAccount.annotations`."""
        check_open(self._shelf)
        index = self._shelf.index
        found = annotations.whose(index, mailbox)
        kept: Mapping[str, bytes] = {}
        if annotations.has(index, found, entries):
            kept = await self._shelf.run(annotations.read, found, entries)
        if found != annotations.ACCOUNT or not annotations.of_facts(entries):
            return kept
        return annotations.of_account(kept, await self._desk.quota.facts(self.name))

    async def annotate(self, mailbox: MailboxId | str, changes: Changes) -> None:
        """See :meth:`IAccount.annotate`."""
        wanted = annotations.checked(mailbox, changes)
        await self._shelf.alone(annotations.change, mailbox, wanted)

    async def append(
        self,
        mailbox: MailboxId | str,
        drafts: Sequence[Draft],
        once: Once | None = None,
    ) -> Appended:
        """See :meth:`IAccount.append`."""
        shelf, desk = self._shelf, self._desk
        check_open(shelf)
        box = shelf.index.box(mailbox)
        if not drafts:
            return Appended(box.id, box.uidvalidity, (), ())
        octets, count = sum([draft.blob.size for draft in drafts]), len(drafts)
        if once is not None and _stored(shelf, once):
            octets = count = 0
        await desk.quota.take(shelf, octets, count)
        try:
            if once is None:
                scans = [await _large(desk.scanner, draft.blob) for draft in drafts]
            else:
                scans = await _scans(desk.scanner, drafts)
            pieces = _pieces(desk, drafts, scans, once)
            if once is None:
                parcel = Parcel(box.id, pieces, None, 0)
                appended = await self._promises.put(parcel)
            else:
                epoch = desk.ground.memory(once.source)
                parcel = Parcel(box.id, pieces, once, epoch)
                appended = await self._intake.put(shelf, parcel, awaited=once.awaited)
        finally:
            quota.give(shelf, octets, count)
        return appended

    async def transfer(
        self,
        mailbox: MailboxId,
        uids: Sequence[Uid],
        into: MailboxId | str,
        *,
        move: bool,
    ) -> UidMap:
        """See :meth:`IAccount.transfer`."""
        shelf, desk = self._shelf, self._desk
        target = shelf.index.box(into)
        stem = desk.counter.stem(desk.ground.wall())
        asked = transfer.Transfer(mailbox, uids, target.id, move, stem)
        messages = octets = 0
        if not move and await desk.quota.limits(shelf.name):
            messages, octets = await shelf.run(transfer.sizes, asked)
        await desk.quota.take(shelf, octets, messages)
        try:
            done = await shelf.alone(transfer.transfer, asked)
            if done.names:
                files = shelf.barrier.lane.run(transfer.sync, done)
                try:
                    _ = await shelf.synced()
                finally:
                    await files
        finally:
            quota.give(shelf, octets, messages)
        return done.map

    async def synced(self) -> ModSeq:
        """See :meth:`IAccount.synced`."""
        return await self._shelf.synced()

    def watch(self, wake: Wake) -> Callable[[], None]:
        """See :meth:`IAccount.watch`."""

        def told(mailbox: MailboxId) -> None:
            wake(mailbox)

        self._shelf.watch(told)
        self._watches.append(told)

        def end() -> None:
            if told in self._watches:
                self._watches.remove(told)
                self._shelf.watchers.remove(told)
                if not self._shelf.watchers:
                    self._desk.watching.unwatched(self._shelf)

        return end

    def close(self) -> None:
        """See :meth:`IAccount.close`."""
        if self._closed:
            return
        self._closed = True
        for told in self._watches:
            self._shelf.watchers.remove(told)
        if self._watches and not self._shelf.watchers:
            self._desk.watching.unwatched(self._shelf)
        self._watches.clear()
        self._shelf.users -= 1


def _stored(shelf: Shelf, once: Once) -> bool:
    """Whether this action stored its message before: it takes no more room."""
    return (once.source, once.recipient, once.action) in shelf.index.once


async def _large(scan: Scanner, blob: Blob) -> Wide | None:
    """A large message's scan; a lane scans small ones while the journal is written."""
    return None if is_small(blob) else await scan.blob(blob)


async def _scans(scan: Scanner, drafts: Sequence[Draft]) -> list[Wide | None]:
    scans = [scan.known(draft.blob) for draft in drafts]
    if None in scans:
        both = zip(scans, drafts, strict=True)
        scans = [one or await scan.blob(draft.blob) for one, draft in both]
    return scans


def _pieces(
    desk: Desk,
    drafts: Sequence[Draft],
    scans: Sequence[Wide | None],
    once: Once | None,
) -> list[Piece]:
    wall = desk.ground.wall()
    if once is None:
        stem = desk.counter.stem(wall)
    else:
        stem = f"{int(wall)}.Q{once.source}R{once.recipient}A{once.action}"
    host = desk.ground.host
    return [
        Piece(
            draft,
            f"{stem}D{number}.{host}" if number else f"{stem}.{host}",
            draft.date or wall,
            wide,
        )
        for number, (draft, wide) in enumerate(zip(drafts, scans, strict=True))
    ]


def _any_stale(index: Index) -> bool:
    return folders.foreign(index) or any(
        outside.stale(index, box) for box in index.boxes.values() if box.selectable
    )


def _merge_stale(index: Index) -> None:
    folders.adopt(index)
    for box in list(index.boxes.values()):
        if box.selectable and outside.stale(index, box):
            outside.merge(index, box)


def _uids(index: Index, mailbox: MailboxId) -> list[Uid]:
    box: Box = index.box(mailbox)
    return [Uid(uid) for uid in reading.everything(index, box).rows.uid]

"""Accounts in memory: for tests of doors and deliveries, and the assembly ``memory``.

The same promises as the Maildir store, but nothing outlives the process.
"""

from array import array
from collections.abc import AsyncIterator, Callable, Sequence

from attrs import Factory, define, evolve, field
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mailsuite.interfaces.blobs import IOctets
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.mailboxes import (
    BadName,
    IAccount,
    IAccounts,
    IMailbox,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
)
from mailsuite.mime.scan import scan
from mailsuite.model.changes import (
    Appended,
    Batch,
    Columns,
    Delta,
    Draft,
    MailboxRow,
    Need,
    Room,
    Stored,
    UidMap,
)
from mailsuite.model.envelope import Once
from mailsuite.model.errors import OverQuota
from mailsuite.model.flags import DELETED, SEEN, Flags, FlagTable
from mailsuite.model.ids import AccountName, EmailId, MailboxId, ModSeq, Uid
from mailsuite.store import maildir, names
from mailsuite.store.box import Box
from mailsuite.store.settings import Settings

BATCH_ROWS = 500  # as IMailbox.read promises
_Wake = Callable[[MailboxId], None]


@define(eq=False)
class _Message:
    octets: bytes
    flags: Flags
    date: int
    email: EmailId
    modseq: ModSeq
    came: ModSeq


@define(eq=False)
class _Folder:
    row: MailboxRow
    messages: dict[Uid, _Message] = field(factory=dict)
    gone: list[tuple[ModSeq, Uid, ModSeq]] = field(factory=list)
    """(when, which, since when it had been there)"""
    recent: Uid = field(default=Uid(1))
    table: FlagTable = field(factory=FlagTable)
    spelling: Box = field(factory=lambda: Box(MailboxId(0), "", "", "", 0, 0, ""))

    def now(self) -> MailboxRow:
        """The row with its counts."""
        found = self.messages.items()
        return evolve(
            self.row,
            messages=len(self.messages),
            unseen=sum(SEEN not in m.flags for _, m in found),
            recent=sum(uid >= self.recent for uid, _ in found),
            deleted=sum(DELETED in m.flags for _, m in found),
            octets=sum(len(m.octets) for _, m in found),
        )

    def columns(self, uids: Sequence[Uid]) -> Columns:
        """Columns of these messages."""
        some = [self.messages[uid] for uid in uids]
        return Columns(
            self.row.modseq,
            self.row.uidvalidity,
            self.row.uidnext,
            self.table,
            array("L", uids),
            array("L", [self.table.code(m.flags) for m in some]),
            array("Q", [m.modseq for m in some]),
            array("Q", [len(m.octets) for m in some]),
            array("q", [m.date for m in some]),
            array("Q", [m.email for m in some]),
        )


@define(eq=False)
class _Shared:
    """What all holders of an account share."""

    name: AccountName
    folders: dict[MailboxId, _Folder] = field(factory=dict)
    subscribed: set[str] = field(factory=set)
    once: dict[Once, Appended] = field(factory=dict)
    modseq: ModSeq = field(default=ModSeq(1))
    emails: int = 0
    ids: int = 0
    validity: int = 1_000
    wakes: list[_Wake] = field(factory=list)
    changed: set[MailboxId] = field(factory=set)

    def find(self, name: str) -> _Folder | None:
        """The folder of a name, selectable or not."""
        name = names.canonical(name)
        return next((f for f in self.folders.values() if f.row.name == name), None)

    def folder(self, id_or_name: MailboxId | str) -> _Folder:
        """One that can be selected. :raises NoSuchMailbox: there is none."""
        if isinstance(id_or_name, str):
            folder = self.find(id_or_name)
        else:
            folder = self.folders.get(id_or_name)
        if folder is None or not folder.row.selectable:
            raise NoSuchMailbox(str(id_or_name))
        return folder

    def make(self, name: str, use: str = "") -> _Folder:
        """Make a folder, or a mere name a folder again."""
        self.validity += 1
        old = self.find(name)
        if old is not None:
            old.row = evolve(
                old.row, selectable=True, use=use, uidvalidity=self.validity
            )
            return old
        self.ids += 1
        number = MailboxId(self.ids)
        row = MailboxRow(
            number, name, self.validity, Uid(1), 0, 0, 0, 0, 0, self.modseq, use
        )
        folder = self.folders[number] = _Folder(row)
        return folder

    def rise(self, folder: _Folder, uidnext: int = 0) -> ModSeq:
        """Something changes in a folder: the next ModSeq."""
        self.modseq = ModSeq(self.modseq + 1)
        folder.row = evolve(
            folder.row,
            modseq=self.modseq,
            uidnext=Uid(max(uidnext, folder.row.uidnext)),
        )
        self.changed.add(folder.row.id)
        return self.modseq

    @property
    def usage(self) -> tuple[int, int]:
        """Octets and messages."""
        every = [m for f in self.folders.values() for m in f.messages.values()]
        return sum(len(m.octets) for m in every), len(every)


@define(eq=False)
class _World:
    reactor: IReactorTime
    wall: Callable[[], float]
    directory: IDirectory
    accounts: dict[AccountName, _Shared] = field(factory=dict)

    def wake(self, shared: _Shared) -> None:
        """Tell watchers soon."""
        if shared.changed and shared.wakes:
            _ = self.reactor.callLater(0, self._wake, shared)

    def _wake(self, shared: _Shared) -> None:
        changed, shared.changed = shared.changed, set()
        for wake in list(shared.wakes):
            for mailbox in sorted(changed):
                wake(mailbox)

    async def room(self, shared: _Shared) -> Room:
        """What the quota leaves."""
        facts = await self.directory.facts(shared.name)
        octets, messages = shared.usage
        return Room(
            max(0, facts.quota_octets - octets) if facts.quota_octets else None,
            max(0, facts.quota_messages - messages) if facts.quota_messages else None,
        )

    async def check(self, shared: _Shared, octets: int, messages: int) -> None:
        """:raises OverQuota: so much does not fit."""
        room = await self.room(shared)
        if (room.octets is not None and octets > room.octets) or (
            room.messages is not None and messages > room.messages
        ):
            raise OverQuota(f"no room for {octets} octets")


@implementer(IAccounts)
@define(eq=False)
class Accounts:
    """Provides IAccounts."""

    _world: _World
    _settings: Settings

    @classmethod
    def of(
        cls,
        reactor: IReactorTime,
        wall: Callable[[], float],
        directory: IDirectory,
        settings: Settings | None = None,
    ) -> "Accounts":
        """Make them, with no account yet."""
        return cls(_World(reactor, wall, directory), settings or Settings())

    def _shared(self, account: AccountName) -> _Shared:
        shared = self._world.accounts.get(account)
        if shared is None:
            user, _ = names.split_account(account)
            if not user:
                raise BadName("an account has a name")
            shared = self._world.accounts[account] = _Shared(account)
            _ = shared.make(names.INBOX)
            shared.subscribed.add(names.INBOX)
            for entry in self._settings.folders:
                name, _, use = entry.partition("=")
                _ = shared.make(name, use)
                shared.subscribed.add(name)
        return shared

    async def open(self, account: AccountName) -> "Account":
        """See :meth:`IAccounts.open`."""
        return Account(self._world, self._shared(account))

    async def room(self, account: AccountName) -> Room:
        """See :meth:`IAccounts.room`."""
        return await self._world.room(self._shared(account))


@implementer(IAccount)
@define(eq=False)
class Account:
    """Provides IAccount."""

    _world: _World
    _shared: _Shared
    _ends: list[Callable[[], None]] = field(factory=list)

    @property
    def name(self) -> AccountName:
        """The account's name."""
        return self._shared.name

    def _told(self, folder: _Folder) -> MailboxRow:
        return evolve(
            folder.now(), subscribed=folder.row.name in self._shared.subscribed
        )

    async def mailboxes(self) -> Sequence[MailboxRow]:
        """See :meth:`IAccount.mailboxes`."""
        rows = [self._told(folder) for folder in self._shared.folders.values()]
        return sorted(rows, key=lambda row: (row.name != names.INBOX, row.name))

    async def mailbox(self, id_or_name: MailboxId | str) -> "Mailbox":
        """See :meth:`IAccount.mailbox`."""
        row = self._shared.folder(id_or_name).row
        return Mailbox(self._world, self._shared, row.id, row.name)

    async def create(self, name: str, use: str = "") -> MailboxRow:
        """See :meth:`IAccount.create`."""
        name = names.checked(name.removesuffix(names.SEPARATOR))
        known = self._shared.find(name)
        if known is not None and known.row.selectable:
            raise MailboxExists(name)
        if use and any(f.row.use == use for f in self._shared.folders.values()):
            raise LimitReached(f"there is a mailbox with the use {use} already")
        for level in names.parents(name):
            if self._shared.find(level) is None:
                _ = self._shared.make(level)
        return self._told(self._shared.make(name, use))

    async def rename(self, old: str, new: str) -> None:
        """See :meth:`IAccount.rename`."""
        new = names.checked(new.removesuffix(names.SEPARATOR))
        old = names.canonical(old)
        folder = self._shared.find(old)
        if folder is None:
            raise NoSuchMailbox(old)
        if self._shared.find(new) is not None:
            raise MailboxExists(new)
        if old == names.INBOX:
            row = await self.create(new)
            uids = sorted(folder.messages)
            _ = await self.transfer(folder.row.id, uids, row.id, move=True)
            return
        if names.below(new, old):
            raise BadName("a mailbox cannot become its own child")
        moved = [
            f
            for f in self._shared.folders.values()
            if f is folder or names.below(f.row.name, old)
        ]
        for one in moved:
            _ = names.checked(new + one.row.name[len(old) :])
        for one in moved:
            one.row = evolve(one.row, name=new + one.row.name[len(old) :])
        for level in names.parents(new):
            if self._shared.find(level) is None:
                _ = self._shared.make(level)

    async def remove(self, name: str) -> None:
        """See :meth:`IAccount.remove`."""
        name = names.canonical(name)
        folder = self._shared.find(name)
        if folder is None:
            raise NoSuchMailbox(name)
        if name == names.INBOX:
            raise BadName("INBOX cannot be deleted")
        below = [
            f for f in self._shared.folders.values() if names.below(f.row.name, name)
        ]
        if below and not folder.row.selectable:
            raise BadName("it has children and holds no mail")
        if below:
            folder.messages.clear()
            folder.row = evolve(folder.row, selectable=False, use="")
        else:
            del self._shared.folders[folder.row.id]

    async def subscribe(self, name: str, *, wanted: bool) -> None:
        """See :meth:`IAccount.subscribe`."""
        name = names.canonical(name)
        if wanted:
            self._shared.subscribed.add(name)
        else:
            self._shared.subscribed.discard(name)

    async def subscriptions(self) -> Sequence[str]:
        """See :meth:`IAccount.subscriptions`."""
        return sorted(self._shared.subscribed)

    async def append(
        self,
        mailbox: MailboxId | str,
        drafts: Sequence[Draft],
        once: Once | None = None,
    ) -> Appended:
        """See :meth:`IAccount.append`."""
        shared = self._shared
        folder = shared.folder(mailbox)
        if once is not None and once in shared.once:
            return evolve(shared.once[once], fresh=False)
        size = sum(draft.blob.size for draft in drafts)
        await self._world.check(shared, size, len(drafts))
        flags = [folder.spelling.spell(draft.flags) for draft in drafts]
        first = folder.row.uidnext
        modseq = shared.rise(folder, first + len(drafts))
        uids, emails = [], []
        for number, draft in enumerate(drafts):
            shared.emails += 1
            uids.append(Uid(first + number))
            emails.append(EmailId(shared.emails))
            folder.messages[uids[-1]] = _Message(
                _content(draft),
                flags[number],
                int(draft.date or self._world.wall()),
                emails[-1],
                modseq,
                modseq,
            )
        row = folder.row
        result = Appended(row.id, row.uidvalidity, tuple(uids), tuple(emails))
        if once is not None:
            shared.once[once] = result
        self._world.wake(shared)
        return result

    async def transfer(
        self,
        mailbox: MailboxId,
        uids: Sequence[Uid],
        into: MailboxId | str,
        *,
        move: bool,
    ) -> UidMap:
        """See :meth:`IAccount.transfer`."""
        shared = self._shared
        source, target = shared.folder(mailbox), shared.folder(into)
        found = [uid for uid in sorted(set(uids)) if uid in source.messages]
        if not found:
            return UidMap(target.row.uidvalidity, [], [])
        if not move:
            size = sum(len(source.messages[uid].octets) for uid in found)
            await self._world.check(shared, size, len(found))
        first = target.row.uidnext
        modseq = shared.rise(target, first + len(found))
        made = []
        for number, uid in enumerate(found):
            message = source.messages[uid]
            made.append(Uid(first + number))
            target.messages[made[-1]] = _Message(
                message.octets,
                target.spelling.spell(message.flags),
                message.date,
                message.email,
                modseq,
                modseq,
            )
        if move:
            _expunge(shared, source, found)
        self._world.wake(shared)
        return UidMap(target.row.uidvalidity, found, made)

    async def synced(self) -> ModSeq:
        """See :meth:`IAccount.synced`."""
        return self._shared.modseq

    def watch(self, wake: _Wake) -> Callable[[], None]:
        """See :meth:`IAccount.watch`."""

        def told(mailbox: MailboxId) -> None:
            wake(mailbox)

        def end() -> None:
            if told in self._shared.wakes:
                self._shared.wakes.remove(told)

        if not self._shared.wakes:
            self._shared.changed.clear()
        self._shared.wakes.append(told)
        self._ends.append(end)
        return end

    def close(self) -> None:
        """See :meth:`IAccount.close`."""
        for end in self._ends:
            end()


def _content(draft: Draft) -> bytes:
    blob = draft.blob
    if blob.octets is not None:
        return blob.prefix + blob.octets
    with open(maildir.open_read(blob.path), "rb") as file:
        return blob.prefix + file.read()


def _expunge(shared: _Shared, folder: _Folder, uids: Sequence[Uid]) -> None:
    modseq = shared.rise(folder)
    for uid in uids:
        folder.gone.append((modseq, uid, folder.messages.pop(uid).came))


@implementer(IOctets)
@define(eq=False)
class Octets:
    """Provides IOctets."""

    _content: bytes
    size: int = Factory(lambda self: len(self._content), takes_self=True)

    async def read(self, start: int, length: int) -> bytes:
        """See :meth:`IOctets.read`."""
        return self._content[start : start + max(0, length)]

    def close(self) -> None:
        """See :meth:`IOctets.close`."""


@implementer(IMailbox)
@define(eq=False)
class Mailbox:
    """Provides IMailbox."""

    _world: _World
    _shared: _Shared
    id: MailboxId
    name: str

    def _folder(self) -> _Folder:
        return self._shared.folder(self.id)

    async def row(self) -> MailboxRow:
        """See :meth:`IMailbox.row`."""
        row = self._folder().now()
        return evolve(row, subscribed=row.name in self._shared.subscribed)

    async def snapshot(self) -> Columns:
        """See :meth:`IMailbox.snapshot`."""
        folder = self._folder()
        return folder.columns(sorted(folder.messages))

    async def delta(self, since: ModSeq) -> Delta:
        """See :meth:`IMailbox.delta`."""
        folder = self._folder()
        rows = sorted(folder.messages.items())
        added = [uid for uid, m in rows if m.came > since]
        return Delta(
            folder.row.modseq,
            folder.row.uidnext,
            folder.columns(added) if added else None,
            [
                (uid, folder.table.code(m.flags), m.modseq)
                for uid, m in rows
                if m.came <= since < m.modseq
            ],
            sorted(uid for at, uid, came in folder.gone if came <= since < at),
        )

    async def claim_recent(self) -> Uid:
        """See :meth:`IMailbox.claim_recent`."""
        folder = self._folder()
        first, folder.recent = folder.recent, folder.row.uidnext
        return first

    async def read(
        self, uids: Sequence[Uid], needs: Sequence[Need]
    ) -> AsyncIterator[Batch]:
        """See :meth:`IMailbox.read`."""
        folder = self._folder()
        found = [uid for uid in sorted(set(uids)) if uid in folder.messages]
        for at in range(0, len(found), BATCH_ROWS):
            some = found[at : at + BATCH_ROWS]
            answers = [_answers(folder.messages[uid].octets) for uid in some]
            yield Batch(some, {need: [a[need] for a in answers] for need in needs})

    async def octets(self, uid: Uid) -> Octets:
        """See :meth:`IMailbox.octets`."""
        return Octets(self._folder().messages[uid].octets)

    def _store(self, uids: Sequence[Uid], fate: Callable[[Flags], Flags]) -> Stored:
        folder = self._folder()
        wanted = sorted(set(uids))
        missing = [uid for uid in wanted if uid not in folder.messages]
        changed = [
            (uid, fate(folder.messages[uid].flags))
            for uid in wanted
            if uid in folder.messages
        ]
        changed = [(u, f) for u, f in changed if f != folder.messages[u].flags]
        if changed:
            modseq = self._shared.rise(folder)
            for uid, flags in changed:
                folder.messages[uid].flags = flags
                folder.messages[uid].modseq = modseq
            self._world.wake(self._shared)
        return Stored(folder.row.modseq, [uid for uid, _ in changed], missing)

    async def store(self, uids: Sequence[Uid], add: Flags, drop: Flags) -> Stored:
        """See :meth:`IMailbox.store`."""
        spelling = self._folder().spelling
        add, drop = spelling.spell(add), spelling.spell(drop)
        return self._store(uids, lambda flags: (flags - drop) | add)

    async def replace(self, uids: Sequence[Uid], flags: Flags) -> Stored:
        """See :meth:`IMailbox.replace`."""
        wanted = self._folder().spelling.spell(flags)
        return self._store(uids, lambda _: wanted)

    async def expunge(self, uids: Sequence[Uid]) -> Stored:
        """See :meth:`IMailbox.expunge`."""
        folder = self._folder()
        wanted = sorted(set(uids))
        found = [uid for uid in wanted if uid in folder.messages]
        missing = [uid for uid in wanted if uid not in folder.messages]
        if found:
            _expunge(self._shared, folder, found)
            self._world.wake(self._shared)
        return Stored(folder.row.modseq, found, missing)


def _answers(octets: bytes) -> dict[Need, bytes]:
    found = scan(octets)
    return {
        Need.ENVELOPE: found.envelope,
        Need.STRUCTURE: found.structure,
        Need.PARTS: found.parts,
        Need.HEADER: octets[: found.header_size],
    }

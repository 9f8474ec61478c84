"""Accounts in memory: for tests of doors and deliveries, and the assembly ``memory``.

The same promises as the Maildir store, but nothing outlives the process.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from attrs import define, evolve, field
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

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
from mailsuite.model.flags import Flags
from mailsuite.model.ids import AccountName, EmailId, MailboxId, ModSeq, Uid
from mailsuite.store import annotations, names
from mailsuite.store.annotations import Changes
from mailsuite.store.remembered import (
    Folder,
    Message,
    Octets,
    Shared,
    Wake,
    World,
    answers,
    content,
    expunge,
)
from mailsuite.store.settings import Settings

BATCH_ROWS = 500  # as IMailbox.read promises


@implementer(IAccounts)
@define(eq=False)
class Accounts:
    """Provides IAccounts."""

    _world: World
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
        return cls(World(reactor, wall, directory), settings or Settings())

    def _shared(self, account: AccountName) -> Shared:
        shared = self._world.accounts.get(account)
        if shared is None:
            user, _ = names.split_account(account)
            if not user:
                raise BadName("an account has a name")
            shared = self._world.accounts[account] = Shared(account, self._settings)
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

    _world: World
    _shared: Shared
    _ends: list[Callable[[], None]] = field(factory=list)

    @property
    def name(self) -> AccountName:
        """The account's name."""
        return self._shared.name

    async def mailboxes(self) -> Sequence[MailboxRow]:
        """See :meth:`IAccount.mailboxes`."""
        rows = [self._shared.told(folder) for folder in self._shared.folders.values()]
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
        return self._shared.told(self._shared.make(name, use))

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
            annotations.copyable(self._shared.held(folder.notes), self._shared.settings)
            row = await self.create(new)
            self._shared.folders[row.id].notes = dict(folder.notes)
            uids = sorted(folder.messages)
            _ = await self.transfer(folder.row.id, uids, row.id, move=True)
            return
        self._shared.rename(old, new)

    async def remove(self, name: str) -> None:
        """See :meth:`IAccount.remove`."""
        self._shared.remove(names.canonical(name))
        self._world.wake(self._shared)

    async def subscribe(self, name: str, *, wanted: bool) -> None:
        """See :meth:`IAccount.subscribe`."""
        name = names.canonical(name)
        if not name:
            raise BadName("the name is empty")
        subscribed = self._shared.subscribed
        (subscribed.add if wanted else subscribed.discard)(name)

    async def subscriptions(self) -> Sequence[str]:
        """See :meth:`IAccount.subscriptions`."""
        return sorted(self._shared.subscribed)

    async def annotations(
        self, mailbox: MailboxId | str, entries: Sequence[str] = ()
    ) -> Mapping[str, bytes]:
        """See :meth:`IAccount.annotations`."""
        notes = self._shared.annotated(mailbox)
        kept = {e: v for e, v in notes.items() if annotations.asked(e, entries)}
        if mailbox != "" or not annotations.of_facts(entries):
            return kept
        facts = await self._world.directory.facts(self.name)
        return annotations.of_account(kept, facts)

    async def annotate(self, mailbox: MailboxId | str, changes: Changes) -> None:
        """See :meth:`IAccount.annotate`."""
        self._shared.annotate(mailbox, annotations.checked(mailbox, changes))

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
            folder.messages[uids[-1]] = Message(
                content(draft),
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
            target.messages[made[-1]] = Message(
                message.octets,
                target.spelling.spell(message.flags),
                message.date,
                message.email,
                modseq,
                modseq,
            )
        if move:
            expunge(shared, source, found)
        self._world.wake(shared)
        return UidMap(target.row.uidvalidity, found, made)

    async def synced(self) -> ModSeq:
        """See :meth:`IAccount.synced`."""
        return self._shared.modseq

    def watch(self, wake: Wake) -> Callable[[], None]:
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


@implementer(IMailbox)
@define(eq=False)
class Mailbox:
    """Provides IMailbox."""

    _world: World
    _shared: Shared
    id: MailboxId
    name: str

    def _folder(self) -> Folder:
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

    async def claim_recent(self, *, look: bool = False) -> tuple[Uid, Uid]:
        """See :meth:`IMailbox.claim_recent`."""
        folder = self._folder()
        first, end = folder.recent, folder.row.uidnext
        folder.recent = first if look else end
        return first, end

    async def read(
        self, uids: Sequence[Uid], needs: Sequence[Need]
    ) -> AsyncIterator[Batch]:
        """See :meth:`IMailbox.read`."""
        folder = self._folder()
        found = [uid for uid in sorted(set(uids)) if uid in folder.messages]
        for at in range(0, len(found), BATCH_ROWS):
            some = found[at : at + BATCH_ROWS]
            told = [answers(folder.messages[uid].octets) for uid in some]
            yield Batch(some, {need: [a[need] for a in told] for need in needs})

    async def octets(self, uid: Uid) -> Octets:
        """See :meth:`IMailbox.octets`."""
        return Octets(self._folder().messages[uid].octets)

    def at_hand(self, uid: Uid) -> Octets | None:
        """See :meth:`IMailbox.at_hand`."""
        message = self._folder().messages.get(uid)
        return None if message is None else Octets(message.octets)

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
        since = folder.row.modseq
        if changed:
            modseq = self._shared.rise(folder)
            for uid, flags in changed:
                folder.messages[uid].flags = flags
                folder.messages[uid].modseq = modseq
            self._world.wake(self._shared)
        uids = [uid for uid, _ in changed]
        return Stored(folder.row.modseq, uids, missing, since)

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
            expunge(self._shared, folder, found)
            self._world.wake(self._shared)
        return Stored(folder.row.modseq, found, missing)

"""What accounts in memory consist of; :mod:`~mailsuite.store.memory` serves it."""

from array import array
from collections.abc import Callable, Sequence

from attrs import Factory, define, evolve, field
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mailsuite.interfaces.blobs import IOctets
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.mailboxes import BadName, NoSuchMailbox
from mailsuite.mime.scan import scan
from mailsuite.model.changes import Appended, Columns, Draft, MailboxRow, Need, Room
from mailsuite.model.envelope import Once
from mailsuite.model.errors import OverQuota
from mailsuite.model.flags import DELETED, SEEN, Flags, FlagTable
from mailsuite.model.ids import AccountName, EmailId, MailboxId, ModSeq, Uid
from mailsuite.store import annotations, maildir, names
from mailsuite.store.box import Box
from mailsuite.store.settings import Settings

Wake = Callable[[MailboxId], None]


@define(eq=False)
class Message:
    """One message."""

    octets: bytes
    flags: Flags
    date: int
    email: EmailId
    modseq: ModSeq
    came: ModSeq


@define(eq=False)
class Folder:
    """One mailbox and its messages."""

    row: MailboxRow
    messages: dict[Uid, Message] = field(factory=dict)
    notes: dict[str, bytes] = field(factory=dict)
    """Annotations."""
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
class Shared:
    """What all holders of an account share."""

    name: AccountName
    settings: Settings
    folders: dict[MailboxId, Folder] = field(factory=dict)
    notes: dict[str, bytes] = field(factory=dict)
    """Annotations of the account itself."""
    subscribed: set[str] = field(factory=set)
    once: dict[Once, Appended] = field(factory=dict)
    modseq: ModSeq = field(default=ModSeq(1))
    emails: int = 0
    ids: int = 0
    validity: int = 1_000
    wakes: list[Wake] = field(factory=list)
    changed: set[MailboxId] = field(factory=set)

    def find(self, name: str) -> Folder | None:
        """The folder of a name, selectable or not."""
        name = names.canonical(name)
        return next((f for f in self.folders.values() if f.row.name == name), None)

    def folder(self, id_or_name: MailboxId | str) -> Folder:
        """One that can be selected. :raises NoSuchMailbox: there is none."""
        if isinstance(id_or_name, str):
            folder = self.find(id_or_name)
        else:
            folder = self.folders.get(id_or_name)
        if folder is None or not folder.row.selectable:
            raise NoSuchMailbox(str(id_or_name))
        return folder

    def make(self, name: str, use: str = "") -> Folder:
        """Make a folder, or a mere name a folder again."""
        self.validity += 1
        old = self.find(name)
        if old is not None:
            old.row = evolve(
                old.row,
                selectable=True,
                use=use,
                uidvalidity=self.validity,
                objectid=f"F{self.validity:x}",
            )
            return old
        self.ids += 1
        number = MailboxId(self.ids)
        row = MailboxRow(
            number, name, self.validity, Uid(1), 0, 0, 0, 0, 0, self.modseq, use
        )
        row = evolve(row, objectid=f"F{self.validity:x}")
        folder = self.folders[number] = Folder(row)
        return folder

    def told(self, folder: Folder) -> MailboxRow:
        """The row of a folder with its counts and whether it is subscribed."""
        return evolve(folder.now(), subscribed=folder.row.name in self.subscribed)

    def rename(self, old: str, new: str) -> None:
        """Rename a folder with all below it; makes the levels above."""
        if names.below(new, old):
            raise BadName("a mailbox cannot become its own child")
        moved = [
            f
            for f in self.folders.values()
            if f.row.name == old or names.below(f.row.name, old)
        ]
        for one in moved:
            _ = names.checked(new + one.row.name[len(old) :])
        for one in moved:
            one.row = evolve(one.row, name=new + one.row.name[len(old) :])
        for level in names.parents(new):
            if self.find(level) is None:
                _ = self.make(level)

    def remove(self, name: str) -> None:
        """Delete a folder; one with children stays as a mere name."""
        folder = self.find(name)
        if folder is None:
            raise NoSuchMailbox(name)
        if name == names.INBOX:
            raise BadName("INBOX cannot be deleted")
        below = [f for f in self.folders.values() if names.below(f.row.name, name)]
        if below and not folder.row.selectable:
            raise BadName("it has children and holds no mail")
        if below:
            folder.messages.clear()
            folder.notes.clear()
            folder.row = evolve(folder.row, selectable=False, use="")
        else:
            del self.folders[folder.row.id]
        self.changed.add(folder.row.id)

    def annotated(self, id_or_name: MailboxId | str) -> dict[str, bytes]:
        """Annotations of a folder, or of the account for the empty name."""
        if id_or_name == "":
            return self.notes
        if isinstance(id_or_name, str):
            folder = self.find(id_or_name)
        else:
            folder = self.folders.get(id_or_name)
        if folder is None:
            raise NoSuchMailbox(str(id_or_name))
        return folder.notes

    def held(self, notes: dict[str, bytes]) -> annotations.Held:
        """What there is, seen from one mailbox's."""
        every = [self.notes, *(folder.notes for folder in self.folders.values())]
        others = sum(
            len(entry) + len(value)
            for some in every
            if some is not notes
            for entry, value in some.items()
        )
        return annotations.Held({e: len(v) for e, v in notes.items()}, others)

    def annotate(
        self, id_or_name: MailboxId | str, changes: annotations.Changes
    ) -> None:
        """Change them, all or nothing."""
        notes = self.annotated(id_or_name)
        annotations.fit(self.held(notes), changes, self.settings)
        for entry, value in changes.items():
            if value is None:
                _ = notes.pop(entry, None)
            else:
                notes[entry] = value

    def rise(self, folder: Folder, uidnext: int = 0) -> ModSeq:
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
class World:
    """What all accounts share."""

    reactor: IReactorTime
    wall: Callable[[], float]
    directory: IDirectory
    accounts: dict[AccountName, Shared] = field(factory=dict)

    def wake(self, shared: Shared) -> None:
        """Tell watchers soon."""
        if shared.changed and shared.wakes:
            _ = self.reactor.callLater(0, self._wake, shared)

    def _wake(self, shared: Shared) -> None:
        changed, shared.changed = shared.changed, set()
        for wake in list(shared.wakes):
            for mailbox in sorted(changed):
                wake(mailbox)

    async def room(self, shared: Shared) -> Room:
        """What the quota leaves."""
        facts = await self.directory.facts(shared.name)
        octets, messages = shared.usage
        return Room(
            max(0, facts.quota_octets - octets) if facts.quota_octets else None,
            max(0, facts.quota_messages - messages) if facts.quota_messages else None,
        )

    async def check(self, shared: Shared, octets: int, messages: int) -> None:
        """:raises OverQuota: so much does not fit."""
        room = await self.room(shared)
        if (room.octets is not None and octets > room.octets) or (
            room.messages is not None and messages > room.messages
        ):
            raise OverQuota(f"no room for {octets} octets")


def content(draft: Draft) -> bytes:
    """The octets of a draft, wherever they are."""
    blob = draft.blob
    if blob.octets is not None:
        return blob.prefix + blob.octets
    with open(maildir.open_read(blob.path), "rb") as file:
        return blob.prefix + file.read()


def expunge(shared: Shared, folder: Folder, uids: Sequence[Uid]) -> None:
    """Take messages out of a folder."""
    modseq = shared.rise(folder)
    for uid in uids:
        folder.gone.append((modseq, uid, folder.messages.pop(uid).came))


@implementer(IOctets)
@define(eq=False)
class Octets:
    """Provides IOctets."""

    content: bytes
    size: int = Factory(lambda self: len(self.content), takes_self=True)
    lined: bool = False

    async def read(self, start: int, length: int) -> bytes:
        """See :meth:`IOctets.read`."""
        return self.content[start : start + max(0, length)]

    def close(self) -> None:
        """See :meth:`IOctets.close`."""


def answers(octets: bytes) -> dict[Need, bytes]:
    """Every stored answer of a message."""
    found = scan(octets)
    return {
        Need.ENVELOPE: found.envelope,
        Need.STRUCTURE: found.structure,
        Need.PARTS: found.parts,
        Need.HEADER: octets[: found.header_size],
        Need.USUAL: found.usual,
    }

"""Accounts and their mailboxes, as doors and deliveries see them."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from zope.interface import Attribute, Interface

from mailsuite.interfaces.blobs import IOctets
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
from mailsuite.model.ids import AccountName, MailboxId, ModSeq, Uid


class NoSuchMailbox(Exception):  # noqa: N818 - an answer: NO [NONEXISTENT] or [TRYCREATE]
    """There is no mailbox of that name or id."""


class MailboxExists(Exception):  # noqa: N818 - an answer: NO [ALREADYEXISTS]
    """There is a mailbox of that name already."""


class BadName(Exception):  # noqa: N818 - an answer: NO [CANNOT]
    """No mailbox can have that name; the text says why."""


class LimitReached(Exception):  # noqa: N818 - an answer: NO [LIMIT]
    """A limit of the account or mailbox stands in the way; the text names it."""


class AnnotationTooLong(LimitReached):
    """A value is too long; ``octets`` is what one may have (RFC 5464 §4.3)."""

    def __init__(self, octets: int) -> None:
        super().__init__(f"an annotation has at most {octets} octets")
        self.octets = octets


class TooManyAnnotations(LimitReached):
    """No more entries fit there; the text says which limit it was."""


class AnnotationReadOnly(Exception):  # noqa: N818 - an answer: NO [CANNOT]
    """Only the suite itself sets that entry (RFC 5464 §4.1)."""


class IAccounts(Interface):
    """All accounts that this process keeps."""

    async def open(account: AccountName) -> "IAccount":
        """Open, or make at first use with its default folders.

        The caller keeps it open until :meth:`IAccount.close`.
        """

    async def room(account: AccountName) -> Room:
        """What the quota leaves, deliveries under way counted in."""


class IAccount(Interface):
    """One account. All names are decoded, with ``/`` between levels."""

    name: AccountName = Attribute("the account's name")

    async def mailboxes() -> Sequence[MailboxRow]:
        """Every mailbox, in order of name; one read serves LIST and STATUS."""

    async def mailbox(id_or_name: MailboxId | str) -> "IMailbox":
        """Open one (INBOX in any case). :raises NoSuchMailbox: there is none."""

    async def create(name: str, use: str = "") -> MailboxRow:
        """Make a mailbox and the levels above it.

        :raises MailboxExists, BadName, LimitReached: it was not made.
        """

    async def rename(old: str, new: str) -> None:
        """Rename with all children; of INBOX: move its mail (RFC 3501 §6.3.5)."""

    async def remove(name: str) -> None:
        """Delete; with children it stays as an unselectable name.

        :raises NoSuchMailbox, BadName: it was not deleted.
        """

    async def subscribe(name: str, *, wanted: bool) -> None:
        """Remember or forget a subscription; the mailbox need not exist."""

    async def subscriptions() -> Sequence[str]:
        """Every subscribed name, existing or not."""

    async def annotations(
        mailbox: MailboxId | str, entries: Sequence[str] = ()
    ) -> Mapping[str, bytes]:
        """Annotations of a mailbox, of the account for the empty name (RFC 5464).

        All, or only these entries, named in any case.
        Entries are in lower case, ``/shared/comment``; values are any octets. Also
        of a mailbox that cannot be selected. They follow a rename, and go with the
        mailbox. Cheap where there are none. The account's ``/shared/admin`` is a URI
        of whoever the directory calls postmaster, if it does.

        :raises NoSuchMailbox: there is none.
        """

    async def annotate(
        mailbox: MailboxId | str, changes: Mapping[str, bytes | None]
    ) -> None:
        """Set entries, or remove those of None, all or nothing; durable on return.

        Names of entries in any case; to remove what is not there is no mistake.

        :raises NoSuchMailbox: there is none.
        :raises BadName: an entry's name is none that can be set.
        :raises AnnotationReadOnly: it is ``/shared/admin`` of the account.
        :raises AnnotationTooLong, TooManyAnnotations: no room for it.
        """

    async def append(
        mailbox: MailboxId | str, drafts: Sequence[Draft], once: Once | None = None
    ) -> Appended:
        """Store all or nothing; durable on return.

        With ``once`` the caller's journal record holds the octets until the
        store has left them safe, and a repeated call stores nothing.

        :raises NoSuchMailbox, OverQuota, NoSpace: nothing was stored.
        """

    async def transfer(
        mailbox: MailboxId, uids: Sequence[Uid], into: MailboxId | str, *, move: bool
    ) -> UidMap:
        """Copy or move within the account, all or nothing; durable on return.

        UIDs that are not there are passed over.
        :raises NoSuchMailbox, OverQuota, NoSpace: nothing was done.
        """

    async def synced() -> ModSeq:
        """The ModSeq up to which every change is on disk, after a barrier."""

    def watch(wake: Callable[[MailboxId], None]) -> Callable[[], None]:
        """Call ``wake`` soon after a mailbox changed or went; lossy, coalesced.

        Gives the call that ends it. ``wake`` is never called from inside a
        method of the store.
        """

    def close() -> None:
        """The caller is done with it."""


class IMailbox(Interface):
    """One open mailbox. Cheap to open; nothing is held for a mere STATUS."""

    id: MailboxId = Attribute("stable id")
    name: str = Attribute("decoded name at the time of opening")

    async def row() -> MailboxRow:
        """As :meth:`IAccount.mailboxes` gives it, fresh."""

    async def snapshot() -> Columns:
        """All messages now. Looks at the disk first: outside changes count."""

    async def delta(since: ModSeq) -> Delta:
        """What happened after ``since``, with outside changes."""

    async def claim_recent(*, look: bool = False) -> tuple[Uid, Uid]:
        """Take RECENT for this session: UIDs from the first and before the second.

        The next caller gets what came later (RFC 3501 §2.3.2); with ``look`` it
        gets these too.

        :raises NoSpace: it cannot be remembered; never with ``look``.
        """

    def read(uids: Sequence[Uid], needs: Sequence[Need]) -> AsyncIterator[Batch]:
        """Stored answers in batches of at most 500 rows or about 256 KB.

        In ascending order of UID; UIDs that are gone are left out.
        """

    async def octets(uid: Uid) -> IOctets:
        """Open a message's octets. :raises KeyError: no such UID.

        :raises Damaged: the file is gone or unreadable.
        """

    def at_hand(uid: Uid) -> IOctets | None:
        """As :meth:`octets`, where nothing has to be waited for; else None."""

    async def store(uids: Sequence[Uid], add: Flags, drop: Flags) -> Stored:
        """Add and drop flags; drop wins nothing that add names.

        ``modseq`` rises for UIDs whose flags really changed, and ``uids`` are
        only those. :raises LimitReached: too many keywords, nothing was done.
        """

    async def replace(uids: Sequence[Uid], flags: Flags) -> Stored:
        """Set the flags to exactly these, as :meth:`store`."""

    async def expunge(uids: Sequence[Uid]) -> Stored:
        """Remove these messages whatever their flags; durable on return."""

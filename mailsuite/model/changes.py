"""What a mailbox holds and how it changed, as columns."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import cast, overload

from attrs import field, frozen
from typing_extensions import override

from mailsuite.model.envelope import Blob
from mailsuite.model.flags import Flags, FlagTable
from mailsuite.model.ids import EmailId, MailboxId, ModSeq, Uid
from mailsuite.model.values import value

BEGINNING = ModSeq(0)  # before every change


@value
class MailboxRow:
    r"""One mailbox of an account, with what LIST and STATUS ask for.

    ``name`` is decoded, its levels separated by ``/``; ``selectable`` is False
    for a name that only has children. ``deleted`` counts messages with
    ``\Deleted``; ``octets`` is the sum of sizes. ``recent`` counts messages no
    session has been told of as recent. ``objectid`` is a MAILBOXID (RFC 8474 §4): it
    outlives renames and a rebuilt database, and no other mailbox ever has it.
    """

    id: MailboxId
    name: str
    uidvalidity: int
    uidnext: Uid
    messages: int
    unseen: int
    recent: int
    deleted: int
    octets: int
    modseq: ModSeq
    use: str = ""
    subscribed: bool = False
    selectable: bool = True
    objectid: str = ""


@frozen(eq=False)
class Columns:
    """The messages of a mailbox at ``modseq``, in ascending order of UID.

    Immutable and shared: nobody changes the arrays. ``flags`` holds codes of
    ``table``; ``date`` is INTERNALDATE in seconds since 1970, UTC; ``size`` in
    octets. ``uid`` is ``array("L")``, ``flags`` ``array("L")``, the others
    ``array("Q")`` and ``array("q")`` (date).
    """

    modseq: ModSeq
    uidvalidity: int
    uidnext: Uid
    table: FlagTable
    uid: "array[int]"
    flags: "array[int]"
    modseqs: "array[int]"
    size: "array[int]"
    date: "array[int]"
    email: "array[int]"

    def code_of(self, uid: int) -> int:
        """Tell the code of a message's flags, -1: there is no such message."""
        row = bisect_left(self.uid, uid)
        there = row < len(self.uid) and self.uid[row] == uid
        return self.flags[row] if there else -1


@frozen(eq=False)
class Changed(Sequence[tuple[Uid, int, ModSeq]]):
    """Rows (UID, new flag code, ModSeq) kept as three columns.

    To walk over them in one loop makes no object for each.
    """

    uid: "array[int]" = field(factory=lambda: array("L"))
    flags: "array[int]" = field(factory=lambda: array("L"))
    modseqs: "array[int]" = field(factory=lambda: array("Q"))

    @override
    def __len__(self) -> int:
        return len(self.uid)

    @override
    def __iter__(self) -> Iterator[tuple[Uid, int, ModSeq]]:
        rows = zip(self.uid, self.flags, self.modseqs, strict=True)
        return cast("Iterator[tuple[Uid, int, ModSeq]]", rows)

    @overload
    def __getitem__(self, at: int) -> tuple[Uid, int, ModSeq]: ...
    @overload
    def __getitem__(self, at: slice) -> "Changed": ...
    @override
    def __getitem__(self, at: int | slice) -> "tuple[Uid, int, ModSeq] | Changed":
        if isinstance(at, slice):
            return Changed(self.uid[at], self.flags[at], self.modseqs[at])
        return Uid(self.uid[at]), self.flags[at], ModSeq(self.modseqs[at])


@frozen(eq=False)
class Delta:
    """What happened in a mailbox after some ModSeq, up to ``modseq``.

    ``added`` are whole rows with rising UIDs, ``changed`` pairs of UID and new
    flag code for rows that were there before, ``vanished`` UIDs that are gone.
    A row that came and went in between is in none of them. After a ModSeq of long ago
    ``added`` may begin with changed rows that were there before: UIDs tell.
    """

    modseq: ModSeq
    uidnext: Uid
    added: Columns | None
    changed: Sequence[tuple[Uid, int, ModSeq]]
    vanished: Sequence[Uid]


class Need(Enum):
    """A stored answer that :meth:`IMailbox.read` gives for each message."""

    ENVELOPE = "envelope"
    """Rendered octets of RFC 3501 ``envelope``, parentheses included."""
    STRUCTURE = "structure"
    """Rendered octets of BODYSTRUCTURE with extension data."""
    PARTS = "parts"
    """Offsets of every part, as :mod:`mailsuite.mime.structure` encodes them."""
    HEADER = "header"
    """The header's octets as they lie in the file, blank line included."""
    USUAL = "usual"
    """Of those the fields :data:`mailsuite.mime.headers.USUAL`, which cost less."""


@frozen(eq=False)
class Batch:
    """Some messages' answers: parallel lists, one for each need asked for."""

    uids: Sequence[Uid]
    columns: Mapping[Need, Sequence[bytes]]


@value
class Draft:
    """A message to be stored.

    ``date`` is its INTERNALDATE (wall seconds), 0 for now. ``email`` is given
    only when the octets are those of a message that the account already has.
    """

    blob: Blob
    flags: Flags = field(default=frozenset())
    date: float = 0.0


@value
class Appended:
    """Where drafts went: ``uids`` in the order of the drafts."""

    mailbox: MailboxId
    uidvalidity: int
    uids: tuple[Uid, ...]
    emails: tuple[EmailId, ...]
    fresh: bool = True
    """False when ``once`` had been done before and nothing was stored."""


@frozen(eq=False)
class Stored:
    """Result of STORE or EXPUNGE: the UIDs it touched, at ``modseq``.

    ``missing`` are UIDs asked for that are not there; STORE tells ``since``, which is
    the mailbox's ModSeq just before.
    """

    modseq: ModSeq
    uids: Sequence[Uid]
    missing: Sequence[Uid] = ()
    since: ModSeq = BEGINNING


@frozen(eq=False)
class UidMap:
    """COPY or MOVE: ``source[i]`` became ``target[i]`` (RFC 4315 COPYUID)."""

    uidvalidity: int
    source: Sequence[Uid]
    target: Sequence[Uid]


@value
class Room:
    """What an account's quota leaves, in octets and messages; None: no limit."""

    octets: int | None
    messages: int | None

    def holds(self, octets: int) -> bool:
        """Whether one more message of so many octets may come in."""
        return (self.octets is None or octets <= self.octets) and (
            self.messages is None or self.messages >= 1
        )

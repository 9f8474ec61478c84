"""One mailbox as its lane knows it: numbers, flag sets, tallies.

A lane alone changes it; the reactor may read single values.
"""

from attrs import define, field

from mailsuite.interfaces.mailboxes import LimitReached
from mailsuite.model.changes import MailboxRow
from mailsuite.model.flags import (
    DELETED,
    KEYWORD_OCTETS,
    KEYWORDS_PER_MAILBOX,
    SEEN,
    SYSTEM,
    Flags,
    canonical,
)
from mailsuite.model.ids import MailboxId, ModSeq, Uid
from mailsuite.store.uidlist import Entry

TEMPORARY = "tmp"  # where Maildir writes files before they get a place

Mtimes = tuple[int, int]


@define(eq=False)
class Tally:
    """How many messages have one set of flags, and their octets."""

    messages: int = 0
    octets: int = 0


@define(eq=False)
class Disk:
    """What is known of the directories; ``mtimes`` None: list them again."""

    mtimes: Mtimes | None = None
    listed: float = -1e9
    """When they were last listed in full (monotonic seconds)."""
    own: bool = False
    """Whether ``mtimes`` was moved on by changes of ours since then."""


@define(eq=False)
class Box:
    """The state of one mailbox."""

    id: MailboxId
    name: str
    directory: str
    path: str
    uidvalidity: int
    uid_limit: int
    guid: str = ""
    use: str = ""
    selectable: bool = True
    uidnext: int = 1
    recent: int = 1
    """Messages from this UID on were in no session yet."""
    modseq: int = 1
    """Of its last change."""
    sets: list[Flags] = field(factory=lambda: [frozenset()])
    codes: dict[Flags, int] = field(factory=lambda: {frozenset(): 0})
    tallies: list[Tally] = field(factory=lambda: [Tally()])
    unsaved: set[int] = field(factory=set)
    """Codes that no commit has written yet."""
    keywords: list[str] = field(factory=list)
    spelled: dict[str, str] = field(factory=dict)
    new_keywords: int = 0
    """So many at the end of ``keywords`` are not on disk yet."""
    pending: list[Entry] = field(factory=list)
    """What the UID list on disk does not hold yet."""
    relist: bool = False
    """The UID list must be written anew."""
    dead: int = 0
    """Lines in it, about, of messages that are gone."""
    disk: Disk = field(factory=Disk)

    @property
    def is_written(self) -> bool:
        """Whether rows have every set of flags and every keyword."""
        return not self.unsaved and not self.new_keywords

    def temporary(self, base: str) -> str:
        """Where a file is written before it gets its place."""
        return f"{self.path}/{TEMPORARY}/{base}"

    def code(self, flags: Flags) -> int:
        """The number of a set of flags; a new one is written with the next commit."""
        code = self.codes.get(flags)
        if code is None:
            code = len(self.sets)
            self.sets.append(flags)
            self.tallies.append(Tally())
            self.codes[flags] = code
            self.unsaved.add(code)
        return code

    def count(self, code: int, messages: int, octets: int) -> None:
        """Add to a tally, or take from it."""
        tally = self.tallies[code]
        tally.messages += messages
        tally.octets += octets

    def spell(self, flags: Flags) -> Flags:
        r"""Spell flags as this mailbox does, learning new keywords.

        ``\Recent`` is left out. :raises LimitReached: too many keywords.
        """
        if flags in self.codes:
            return flags
        result = set()
        for flag in flags:
            name = canonical(flag)
            if name in SYSTEM:
                result.add(name)
            elif not name.startswith("\\"):
                result.add(self.spelled.get(name.lower()) or self._learn(name))
        return frozenset(result)

    def _learn(self, name: str) -> str:
        if len(name) > KEYWORD_OCTETS or not name.isascii() or not name:
            raise LimitReached(f"a keyword has at most {KEYWORD_OCTETS} octets")
        if len(self.keywords) >= KEYWORDS_PER_MAILBOX:
            raise LimitReached(f"a mailbox has at most {KEYWORDS_PER_MAILBOX} keywords")
        self.keywords.append(name)
        self.spelled[name.lower()] = name
        self.new_keywords += 1
        return name

    @property
    def messages(self) -> int:
        """How many there are."""
        return sum(tally.messages for tally in self.tallies)

    @property
    def octets(self) -> int:
        """The sum of their sizes."""
        return sum(tally.octets for tally in self.tallies)

    def row(self, *, recent: int, subscribed: bool) -> MailboxRow:
        """As LIST and STATUS want it."""
        messages = octets = unseen = deleted = 0
        for flags, tally in zip(self.sets, self.tallies, strict=False):
            messages += tally.messages
            octets += tally.octets
            if SEEN not in flags:
                unseen += tally.messages
            if DELETED in flags:
                deleted += tally.messages
        return MailboxRow(
            self.id,
            self.name,
            self.uidvalidity,
            Uid(self.uidnext),
            messages,
            unseen,
            recent,
            deleted,
            octets,
            ModSeq(self.modseq),
            self.use,
            subscribed,
            self.selectable,
            f"F{self.guid}",
        )

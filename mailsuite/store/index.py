"""An account's index as its lane holds it: opened, changed in transactions, closed.

Every method blocks and runs on the account's lane. A failed transaction leaves
memory as the database has it. Numbers come from reservations that ``account.db``
holds durably; when they do not fit what the index says, the last stop was unclean
and numbers go on at the reserved limit.
"""

import json
import os
import sqlite3
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from itertools import chain, repeat

from attrs import define, field, frozen

from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.journal import epoch_of
from mailsuite.interfaces.mailboxes import LimitReached, NoSuchMailbox
from mailsuite.model.ids import AccountName, MailboxId, QueueId
from mailsuite.store import letters, maildir, names, schema, uidlist
from mailsuite.store.box import Box, Mtimes, Tally
from mailsuite.store.facts import NUMBERS_AT_ONCE, Facts
from mailsuite.store.settings import Settings
from mailsuite.store.undo import failing, transaction

LOG_ENTRIES = 40_000  # changes remembered for deltas, 40 octets each; then SQL tells
UID_MAX = (1 << 32) - 1  # RFC 3501 §9, nz-number

ADDED, CHANGED, VANISHED = 0, 1, 2

Entry = tuple[int, int, int, int]
"""Mailbox, UID, kind, email id."""


@frozen
class Ground:
    """What every account's lane work is given."""

    data: str
    settings: Settings
    events: IEvents
    wall: Callable[[], float]
    seconds: Callable[[], float]
    host: str
    epoch: Callable[[], int] = int
    """Of the journal's segment that is written now; 0: there is no journal."""

    def memory(self, source: QueueId) -> int:
        """Epoch of the segment whose retirement makes a ``once`` needless.

        Jobs that wait in ``queue.db`` outlive the segment they came with.
        :raises ValueError: no queue id.
        """
        return max(epoch_of(source), self.epoch())


@frozen
class Place:
    """Where one account lies: ``home`` with databases, ``root`` its Maildir."""

    account: AccountName
    home: str
    root: str

    @property
    def removed(self) -> str:
        """Where files of expunged mail wait until they are unlinked."""
        return os.path.join(self.home, "removed")

    def path(self, directory: str) -> str:
        """Where a mailbox lies; INBOX is the Maildir itself."""
        return os.path.join(self.root, directory).rstrip("/")

    @property
    def graves(self) -> str:
        """Where deleted mailboxes wait, apart from the many files of ``removed``."""
        return os.path.join(self.home, "deleted")


@define(eq=False)
class Log:
    """The last changes in order, so that a delta need not search the tables."""

    floor: int
    """Changes up to this ModSeq are not in it."""
    _moments: "array[int]" = field(factory=lambda: array("Q"))
    """Their ModSeqs."""
    _entries: "array[int]" = field(factory=lambda: array("Q"))
    """Four numbers each."""

    def add(self, modseq: int, entries: Sequence[Entry]) -> None:
        """Append what one transaction did; one that is too large is left to SQL."""
        if len(entries) > LOG_ENTRIES:
            self.clear(modseq)
            return
        self._entries.extend(chain.from_iterable(entries))
        self._moments.extend(repeat(modseq, len(entries)))
        if len(self._moments) > LOG_ENTRIES:
            cut = bisect_right(self._moments, self._moments[LOG_ENTRIES // 2])
            self.floor = self._moments[cut - 1]
            del self._moments[:cut], self._entries[: 4 * cut]

    def since(self, modseq: int) -> Iterator[Entry] | None:
        """What happened after ``modseq``; None: it is too long ago."""
        if modseq < self.floor:
            return None
        first = bisect_right(self._moments, modseq)
        numbers = iter(self._entries[4 * first :])
        return zip(numbers, numbers, numbers, numbers, strict=True)

    def moments(self, modseq: int) -> Sequence[int]:
        """When each of these happened."""
        return self._moments[bisect_right(self._moments, modseq) :]

    def clear(self, modseq: int) -> None:
        """Forget everything; deltas begin after ``modseq``."""
        self.floor = max(self.floor, modseq)
        del self._moments[:], self._entries[:]


@define(eq=False)
class Index:
    """The open databases of an account, and what is kept of them in memory."""

    ground: Ground
    place: Place
    facts: Facts
    rows: sqlite3.Connection
    boxes: dict[MailboxId, Box] = field(factory=dict)
    names: Mapping[str, Box] = field(factory=dict)
    subscribed: frozenset[str] = frozenset()
    annotated: Mapping[MailboxId, frozenset[str]] = field(factory=dict)
    """Names of annotations, of mailboxes that have any; 0 stands for the account."""
    modseq: int = 1
    email: int = 0
    """The last ids given."""
    once: dict[tuple[str, int, int], tuple[int, int, int, int]] = field(factory=dict)
    """(mailbox, uid, email, drafts) of deliveries that were done."""
    log: Log = field(factory=lambda: Log(0))
    root_seen: int = 0
    """When the Maildir itself last changed (nanoseconds), as folders know it."""
    unclean: bool = False
    lagging: bool = False
    """Whether files or lists on disk lag behind."""
    leaving: bool = False
    """Whether files of removed rows are to be moved away."""
    fresh: bool = False
    """The index was made new: rows are to come from the files."""
    _touched: set[Box] = field(factory=set)
    _entries: list[Entry] = field(factory=list)
    closed: bool = False

    def box(self, id_or_name: MailboxId | str) -> Box:
        """A mailbox that can be selected. :raises NoSuchMailbox: there is none."""
        if isinstance(id_or_name, str):
            box = self.names.get(id_or_name)
            if box is None:
                box = self.names.get(names.canonical(id_or_name))
        else:
            box = self.boxes.get(id_or_name)
        if box is None or not box.selectable:
            raise NoSuchMailbox(str(id_or_name))
        return box

    def reserve(self, wanted: Mapping[Box, int], emails: int = 0) -> None:
        """Make sure that so many UIDs, email ids and a mod-sequence may be given.

        :raises LimitReached: a mailbox has used up its UIDs.
        """
        short = []
        for box, count in wanted.items():
            if box.uidnext + count > box.uid_limit:
                limit = box.uidnext + count + NUMBERS_AT_ONCE
                if limit > UID_MAX:
                    raise LimitReached("the mailbox has used up its UIDs")
                short.append((box, limit))
        facts = self.facts
        if (
            not short
            and self.modseq + 4 < facts.modseq_limit
            and self.email + emails < facts.email_limit
        ):
            return
        facts.limits(
            max(facts.modseq_limit, self.modseq + 4 + NUMBERS_AT_ONCE),
            max(facts.email_limit, self.email + emails + NUMBERS_AT_ONCE),
            [(limit, box.id) for box, limit in short],
        )
        for box, limit in short:
            box.uid_limit = limit
            head = uidlist.header(box.uidvalidity, limit, box.guid)
            if not uidlist.raise_limit(box.path, head):
                box.relist = True

    @contextmanager
    def change(self, *, single: bool = False) -> Iterator[int]:
        """Run a transaction; gives its ModSeq, which must have been reserved.

        A ``single`` statement that does everything is a transaction by itself.
        """
        modseq = self.modseq + 1
        begun = nullcontext() if single else transaction(self.rows)
        with failing(self._restore), begun:
            yield modseq
            self._write()
        self.modseq = modseq
        for box in self._touched:
            box.modseq = modseq
            box.new_keywords = 0
            box.unsaved.clear()
        self._touched.clear()
        self.log.add(modseq, self._entries)
        self._entries.clear()

    def _restore(self) -> None:
        """After a failed transaction; numbers that it used are passed over."""
        self._entries.clear()
        for box in self._touched:
            box.pending.clear()
            box.relist = True
        with suppress(sqlite3.Error):
            self.recount(self._touched)
        self._touched.clear()

    def _write(self) -> None:
        """Write new sets of flags; counters follow when the account is closed."""
        for box in self._touched:
            if box.unsaved:
                self._write_sets(box, box.unsaved)
            if box.new_keywords:
                self._write_keywords(box)

    def _write_sets(self, box: Box, codes: Iterable[int]) -> None:
        self.rows.executemany(
            "INSERT OR REPLACE INTO flagset VALUES (?, ?, ?, ?, ?)",
            [
                (
                    box.id,
                    code,
                    " ".join(sorted(box.sets[code])),
                    box.tallies[code].messages,
                    box.tallies[code].octets,
                )
                for code in codes
            ],
        )

    def _write_counters(self) -> None:
        self.rows.execute("BEGIN IMMEDIATE")
        boxes = self.boxes.values()
        for box in boxes:
            self._write_sets(box, range(len(box.sets)))
        self.rows.executemany(
            "INSERT OR REPLACE INTO box VALUES (?, ?, ?, ?)",
            [(box.id, box.uidnext, box.recent, box.modseq) for box in boxes],
        )
        self.rows.execute(
            "INSERT OR REPLACE INTO meta VALUES ('modseq', ?), ('email', ?)",
            (self.modseq, self.email),
        )
        self.rows.execute("COMMIT")

    def _write_keywords(self, box: Box) -> None:
        first = len(box.keywords) - box.new_keywords
        self.rows.executemany(
            "INSERT OR REPLACE INTO keyword VALUES (?, ?, ?)",
            [(box.id, n, box.keywords[n]) for n in range(first, len(box.keywords))],
        )
        if first < letters.LETTERED:
            letters.write(box.path, box.keywords)
        if len(box.keywords) > letters.LETTERED:
            box.relist = True

    def recount(self, boxes: Iterable[Box]) -> None:
        """Count messages anew, as the rows have them."""
        for box in boxes:
            for tally in box.tallies:
                tally.messages = tally.octets = 0
            for code, messages, octets in self.rows.execute(
                "SELECT flags, count(*), sum(size) FROM message WHERE mailbox = ?"
                " GROUP BY flags",
                (box.id,),
            ).fetchall():
                box.tallies[code] = Tally(messages, octets)

    def touch(self, box: Box, kind: int, pairs: Iterable[tuple[int, int]] = ()) -> None:
        """Say what the transaction does: (uid, email id) pairs of one kind."""
        self._touched.add(box)
        number = box.id
        self._entries.extend([(number, uid, kind, email) for uid, email in pairs])

    @contextmanager
    def filing(self, *boxes: Box, arriving: bool = False) -> Iterator[None]:
        """Change files of mailboxes ourselves, so that they do not look foreign.

        ``arriving`` files come into ``new`` alone.
        """
        known = [b for b in boxes if b.disk.mtimes == _times(b, arriving=arriving)]
        try:
            yield
        finally:
            for box in boxes:
                if box not in known:
                    box.disk.mtimes = None
                box.disk.mtimes = _times(box, arriving=arriving)
                box.disk.own = True

    def json(self, statement: str, values: Sequence[object]) -> list[list[int]]:
        """Rows that SQL gathered into one JSON text: one step, one lock hand-over."""
        (text,) = self.rows.execute(statement, values).fetchone()
        result: list[list[int]] = json.loads(text)
        return result

    def sync(self) -> None:
        """Put every commit on disk. May run beside the lane's other work."""
        with suppress(FileNotFoundError):
            maildir.sync_file(os.path.join(self.place.home, "index.db-wal"))

    def close(self) -> None:
        """Write the exact numbers, so that the next opening finds a clean stop."""
        self.closed = True
        try:
            self._write_counters()
            self.rows.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self.rows.close()
            exact = [(box.uidnext, box.id) for box in self.boxes.values()]
            if self.facts.modseq_limit != self.modseq + 1 or any(
                box.uidnext != box.uid_limit for box in self.boxes.values()
            ):
                self.facts.limits(self.modseq + 1, self.email + 1, exact)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the databases as they are."""
        self.closed = True
        self.rows.close()
        self.facts.close()


def _times(box: Box, *, arriving: bool) -> Mtimes | None:
    """When a mailbox's directories changed; None: they are to be listed anyway."""
    known = box.disk.mtimes
    if known is None:
        return None
    if arriving:
        return maildir.mtime(box.path, "new"), known[1]
    return maildir.mtimes(box.path)


def open_rows(home: str) -> sqlite3.Connection:
    """Open or make ``index.db`` of the account in ``home``."""
    return schema.connect(os.path.join(home, "index.db"), schema.INDEX, "NORMAL")

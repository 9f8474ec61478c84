"""Calendars: mailboxes in which each message is an object (an event, a task).

A mailbox is a calendar when the annotation says so that groupware uses; one of the
name from the settings becomes the owner's default at the first event. An object is
known by its iCalendar UID, which stands, as a digest, in a field of the messages that
are stored here; messages that clients put there are read once.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256

from attrs import define, field, frozen

from mailsuite.icalendar import itip
from mailsuite.icalendar.components import Component, printed
from mailsuite.icalendar.lines import OCTETS, Malformed
from mailsuite.interfaces.calendars import TooManyEntries
from mailsuite.interfaces.mailboxes import (
    BadName,
    IAccount,
    IMailbox,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
)
from mailsuite.mime import headers
from mailsuite.model.changes import Columns, MailboxRow, Need
from mailsuite.model.errors import Damaged
from mailsuite.model.ids import AccountName, MailboxId, Uid
from mailsuite.model.structure import Part
from mailsuite.net.lanes import Lane
from mailsuite.sieve import calendars
from mailsuite.sieve.calendars import Unlike
from mailsuite.sieve.message import Message

ENTRIES = ("/private/vendor/kolab/folder-type", "/shared/vendor/kolab/folder-type")
"""Annotations that tell what a mailbox is for; the first one counts before."""
EVENT, DEFAULT = "event", "event.default"
SECOND = "{} (events)"
"""Name of the default calendar where a mailbox for other things has the first."""
FIELD = "X-Calendar-Object"
"""Field of a stored message: the digest of its object's UID."""
OBJECTS = 20_000  # of one calendar that are looked at
EVERY_OCTETS = 64 << 20  # of all objects that are read together
BOOKS = 200  # calendars whose objects are remembered
AHEAD = 500  # changes that are decided and not yet carried out
AHEAD_OCTETS = 65_536  # of one of them; larger ones are not remembered
AHEAD_SECONDS = 60.0  # after that one of them is not waited for
MESSAGE_OCTETS = 4 * OCTETS  # of a message in a calendar that is read


@frozen
class Held:
    """An object where it lies: ``places`` are mailboxes and UIDs, the latest last."""

    octets: bytes | None = field(repr=False)
    """None: the message cannot be read."""
    places: Sequence[tuple[MailboxId, Uid]]


@define(eq=False)
class Book:
    """Which objects the messages of one mailbox are, by their digests."""

    uidvalidity: int
    marks: dict[int, str] = field(factory=dict)


def digest(uid: str) -> str:
    """What stands for an object's UID."""
    return sha256(uid.encode("utf-8", "surrogatepass")).hexdigest()


@define(eq=False)
class Calendars:
    """Finds calendars and objects of accounts."""

    _lane: Lane
    _wall: Callable[[], float]
    name: str = "Calendar"
    strict: bool = False
    """Whether only who sent a message may speak in it."""
    _books: "OrderedDict[tuple[AccountName, MailboxId], Book]" = field(
        factory=OrderedDict
    )
    _ahead: "OrderedDict[tuple[AccountName, str], tuple[str, float]]" = field(
        factory=OrderedDict
    )
    """What objects are about to be, empty: nothing; and when that was decided."""

    async def rows(self, account: IAccount) -> Sequence[MailboxRow]:
        """An account's calendars, the default first."""
        found = []
        for row in await account.mailboxes():
            if not row.selectable:
                continue
            kind = _kind(await account.annotations(row.id, ENTRIES))
            if kind.partition(".")[0] == EVENT or (not kind and row.name == self.name):
                rank = 0 if kind == DEFAULT else 1 if row.name == self.name else 2
                found.append((rank, row.name, row))
        return [row for _, _, row in sorted(found, key=lambda one: one[:2])]

    async def place(self, account: IAccount, wanted: str) -> MailboxRow | None:
        """The calendar with a MAILBOXID, or else with a name; None: there is none."""
        rows = await self.rows(account)
        for row in rows:
            if row.objectid == wanted:
                return row
        return next((row for row in rows if row.name == wanted), None)

    async def default(self, account: IAccount) -> MailboxId:
        """The calendar for new objects, made if there is none.

        :raises LimitReached: it cannot be made.
        """
        for row in await self.rows(account):
            kind = _kind(await account.annotations(row.id, ENTRIES))
            if not kind:
                await account.annotate(row.id, {ENTRIES[1]: DEFAULT.encode()})
            return row.id
        for name in (self.name, SECOND.format(self.name)):
            with suppress(MailboxExists, BadName):
                await account.create(name)
                await account.subscribe(name, wanted=True)
            with suppress(NoSuchMailbox):
                there = await account.mailbox(name)
                if not _kind(await account.annotations(there.id, ENTRIES)):
                    await account.annotate(there.id, {ENTRIES[1]: DEFAULT.encode()})
                    return there.id
        raise LimitReached(f"no calendar {self.name} can be made")

    def decided(self, account: AccountName, uid: str, text: str) -> None:
        """Remember what an object is about to be, for scripts that run meanwhile."""
        key, now = (account, digest(uid)), self._wall()
        self._ahead.pop(key, None)
        if len(text) <= AHEAD_OCTETS:
            self._ahead[key] = text, now
        while self._ahead:
            oldest = next(iter(self._ahead.values()))[1]
            if len(self._ahead) <= AHEAD and now - oldest < AHEAD_SECONDS:
                break
            self._ahead.popitem(last=False)

    def carried(self, account: AccountName, uid: str) -> None:
        """It is that now."""
        self._ahead.pop((account, digest(uid)), None)

    async def entry(self, account: IAccount, uid: str) -> str | None:
        """An object for a script; empty: it cannot be read, None: it is not there."""
        ahead = self._ahead.get((account.name, digest(uid)))
        if ahead is not None and 0 <= self._wall() - ahead[1] < AHEAD_SECONDS:
            return ahead[0] or None
        try:
            held = await self.held(account, uid)
        except TooManyEntries:
            return ""
        if held is None:
            return None
        return "" if held.octets is None else held.octets.decode()

    async def held(self, account: IAccount, uid: str) -> Held | None:
        """An object and where it lies, None: nowhere.

        :raises TooManyEntries: a calendar is too large to look.
        """
        wanted, found = digest(uid), []
        for row in await self.rows(account):
            mailbox = await account.mailbox(row.id)
            columns, book = await self._book(account, mailbox)
            for n, message in enumerate(columns.uid):
                if book.marks.get(message) == wanted:
                    found.append((columns.email[n], row.id, Uid(message)))
        if not found:
            return None
        found.sort()
        places = [(mailbox, message) for _, mailbox, message in found]
        there = await account.mailbox(places[-1][0])
        try:
            known, octets = await self.read(there, places[-1][1])
        except (KeyError, Damaged, Malformed, Unlike):
            return Held(None, places)
        return Held(octets if known.uid == uid else None, places)

    async def every(self, account: IAccount) -> Sequence[tuple[MailboxRow, Component]]:
        """Every object that can be read. :raises TooManyEntries: they are too many."""
        found, left = [], EVERY_OCTETS
        for row in await self.rows(account):
            mailbox = await account.mailbox(row.id)
            columns, book = await self._book(account, mailbox)
            for n, message in enumerate(columns.uid):
                if book.marks.get(message):
                    left -= columns.size[n]
                    if left < 0:
                        raise TooManyEntries(
                            f"the events are more than {EVERY_OCTETS >> 20} MiB"
                        )
                    with suppress(KeyError, Damaged, Malformed, Unlike):
                        one, _ = await self.read(mailbox, Uid(message))
                        found.append((row, one.calendar))
        return found

    async def read(self, mailbox: IMailbox, message: Uid) -> tuple[itip.Message, bytes]:
        """The object in a message, also as octets.

        :raises KeyError, Damaged: the message is gone or cannot be read.
        :raises Malformed, Unlike: it has no object.
        """
        octets = await mailbox.octets(message)
        try:
            if octets.size > MESSAGE_OCTETS:
                raise Malformed("the message is too large")
            whole = await octets.read(0, octets.size)
        finally:
            octets.close()
        return await self._lane.run(_object, whole)

    async def _book(self, account: IAccount, mailbox: IMailbox) -> tuple[Columns, Book]:
        """What the mailbox holds now; new messages are looked at."""
        key = account.name, mailbox.id
        columns = await mailbox.snapshot()
        if len(columns.uid) > OBJECTS:
            raise TooManyEntries(f"a calendar has more than {OBJECTS} messages")
        book = self._books.get(key)
        known: Mapping[int, str] = {}
        if book is not None and book.uidvalidity == columns.uidvalidity:
            known = book.marks
        marks = {uid: known[uid] for uid in columns.uid if uid in known}
        new = [Uid(uid) for uid in columns.uid if uid not in marks]
        if new:
            marks.update(await self._marks(mailbox, new))
        made = Book(columns.uidvalidity, marks)
        self._books[key] = made
        self._books.move_to_end(key)
        if len(self._books) > BOOKS:
            self._books.popitem(last=False)
        return columns, made

    async def _marks(self, mailbox: IMailbox, uids: Sequence[Uid]) -> dict[int, str]:
        """Digests of messages; empty for those that are no objects."""
        found: dict[int, str] = {}
        others = []
        name = FIELD.lower().encode()
        async for batch in mailbox.read(uids, [Need.HEADER]):
            for uid, header in zip(batch.uids, batch.columns[Need.HEADER], strict=True):
                mark = headers.value(header, name)
                if mark is None:
                    others.append(uid)
                else:
                    found[uid] = mark.decode("ascii", "replace").strip()
        for uid in others:
            found[uid] = ""
            with suppress(KeyError, Damaged, Malformed, Unlike):
                one, _ = await self.read(mailbox, uid)
                found[uid] = digest(one.uid)
        return found


def _kind(notes: Mapping[str, bytes]) -> str:
    for entry in ENTRIES:
        if value := notes.get(entry):
            return value.decode("utf-8", "replace").strip().lower()
    return ""


def _object(octets: bytes) -> tuple[itip.Message, bytes]:
    whole = Message.of(octets).whole
    parts = calendars.parts_of(whole.structure)
    if not parts:
        raise Malformed("there is no calendar in it")
    some = calendars.within(whole.structure)
    if any(not each.multipart and not _text(each) for each in some):
        raise Malformed("it has other content: it is mail")
    calendar = calendars.read(whole, parts)
    if calendar.first("METHOD") is not None:
        raise Malformed("it has a METHOD: it is mail about an event")
    return itip.read(calendar), printed(calendar)


def _text(part: Part) -> bool:
    return part.type == "text" or (part.type, part.subtype) in calendars.READ

"""Invitations are carried out: what a script decided about a calendar is done once.

The decision is a job of the queue, a child in the record of the message's outcome, so
that it is there if and only if the message was delivered. The job looks at the calendar
anew, joins the object with what stands there, stores the new message under the job's
number and then removes the old one. Killed between the two it finds, when it runs
again, nothing more to join, and removes the old one.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence

from attrs import define, field, frozen

from mailsuite.delivery.calendars import FIELD, Calendars, Held, digest
from mailsuite.delivery.ground import Ground
from mailsuite.delivery.letters import Case
from mailsuite.delivery.occasions import ENTER, job, owner
from mailsuite.delivery.written import kept
from mailsuite.icalendar import entries, itip, scheduling
from mailsuite.icalendar.components import Component, parse, printed
from mailsuite.icalendar.lines import OCTETS, Malformed, plain
from mailsuite.icalendar.scheduling import NO_ACTION, Change, Terms
from mailsuite.interfaces.blobs import IBlobs
from mailsuite.interfaces.calendars import TooManyEntries
from mailsuite.interfaces.mailboxes import NoSuchMailbox
from mailsuite.mime import compose, dates
from mailsuite.mime.addresses import Mailbox
from mailsuite.model.changes import Draft
from mailsuite.model.envelope import CALENDAR, Blob, Marks, Submission
from mailsuite.model.flags import SEEN
from mailsuite.model.ids import AccountName, BlobKey, MailboxId, Uid
from mailsuite.model.outcomes import Deferred, Delivered, Outcome
from mailsuite.sieve import outbound
from mailsuite.sieve.extensions.processcalendar import ProcessCalendar

SUBJECT_CHARACTERS = 400
MOST_OWN = 500  # addresses of the owner that one job names
WAITING = 1_000  # objects that there was no room for, of all accounts
DONE = Delivered("the calendar has it")
EARLIER = Deferred("4.2.1", "an earlier message about the event waits for room")


@frozen
class Order:
    """What one job is told, besides the object."""

    account: AccountName
    calendar: str
    own: Sequence[str]
    updates_only: bool
    delete_cancelled: bool

    @classmethod
    def read(cls, marks: Marks) -> "Order | None":
        """What a recipient's mark says; None: it is mail."""
        mark = marks.get(CALENDAR)
        return None if mark is None else cls(**json.loads(mark))

    @property
    def terms(self) -> Terms:
        """As the script meant it."""
        own = frozenset(self.own)
        return Terms(own, self.updates_only, self.delete_cancelled)


async def jobs(
    blobs: IBlobs, account: AccountName, action: ProcessCalendar
) -> Sequence[Submission]:
    """The jobs of a decision, one for each object."""
    terms = action.terms
    own = sorted(terms.own)[:MOST_OWN]
    told = [account, action.calendar, own, terms.updates_only, terms.delete_cancelled]
    names = ("account", "calendar", "own", "updates_only", "delete_cancelled")
    mark = json.dumps(dict(zip(names, told, strict=True)), separators=(",", ":"))
    return [
        job(ENTER, account, {CALENDAR: mark}, None, await kept(blobs, one.octets))
        for one in action.entries
    ]


def _blob(octets: bytes) -> Blob:
    return Blob(BlobKey(""), len(octets), octets)


@define(eq=False)
class Scheduling:
    """Carries such jobs out, those of one account one after another."""

    _ground: Ground
    _waiting: "OrderedDict[tuple[AccountName, str], None]" = field(factory=OrderedDict)
    """New objects that jobs have found no room for."""

    @property
    def _calendars(self) -> Calendars:
        return self._ground.calendars

    async def enter(self, case: Case, order: Order) -> Outcome:
        """Do one job. :raises OverQuota, NoSpace, LimitReached, OSError: not done."""
        octets = await self._ground.blobs.content(case.blob)
        try:
            message = await self._ground.lane.run(_message, octets)
            return await self._entered(case, order, message)
        except (Malformed, TooManyEntries) as error:
            self._happened(case, scheduling.ERROR, str(error))
            return Delivered(f"left alone: {error}")

    async def _entered(
        self, case: Case, order: Order, message: itip.Message
    ) -> Outcome:
        account = case.account
        held = await self._calendars.held(account, message.uid)
        there = None
        if held is not None:
            if held.octets is None:
                raise Malformed("the calendar cannot be read")
            there = await self._ground.lane.run(parse, held.octets)
        change = await self._ground.lane.run(
            scheduling.change, message, there, order.terms
        )
        latest: list[tuple[MailboxId, Uid]] = []
        if change.outcome == NO_ACTION:
            latest = [] if held is None else [held.places[-1]]
        elif change.calendar is not None:
            latest = [await self._stored(case, order, message.uid, held, change)]
        key = account.name, digest(message.uid)
        if held is None and change.outcome == NO_ACTION and key in self._waiting:
            return EARLIER
        self._waiting.pop(key, None)
        await self._removed(case, held, latest)
        self._calendars.carried(account.name, message.uid)
        self._happened(case, change.outcome, change.reason)
        return DONE

    async def _stored(
        self, case: Case, order: Order, uid: str, held: Held | None, change: Change
    ) -> tuple[MailboxId, Uid]:
        """The object as a message; durable on return, as what follows removes the old."""
        assert change.calendar is not None
        account = case.account
        hostname, lane = self._ground.hostname, self._ground.lane
        octets = await lane.run(_letter, change.calendar, uid, hostname, case)
        blob = _blob(octets)
        draft = Draft(blob, frozenset({SEEN}))
        mailbox = await self._place(case, order) if held is None else held.places[-1][0]
        if held is None:
            self._noted((account.name, digest(uid)))
        try:
            stored = await account.append(mailbox, [draft], case.once(0))
        except NoSuchMailbox:
            mailbox = await self._calendars.default(account)
            stored = await account.append(mailbox, [draft], case.once(0))
        _ = await account.synced()
        return stored.mailbox, stored.uids[0]

    def _noted(self, key: tuple[AccountName, str]) -> None:
        """A job begins to bring an object; what follows it waits until it has."""
        self._waiting[key] = None
        if len(self._waiting) > WAITING:
            self._waiting.popitem(last=False)

    async def _place(self, case: Case, order: Order) -> MailboxId:
        """The calendar for a new object; the default where the one asked for went."""
        if order.calendar:
            row = await self._calendars.place(case.account, order.calendar)
            if row is not None:
                return row.id
        return await self._calendars.default(case.account)

    async def _removed(
        self, case: Case, held: Held | None, latest: Sequence[tuple[MailboxId, Uid]]
    ) -> None:
        """Remove what the latest message replaces, all of it without one.

        Copies in other calendars are somebody's own.
        """
        if held is None:
            return
        where = held.places[-1][0]
        old = [uid for mailbox, uid in held.places if mailbox == where]
        gone = [uid for uid in old if (where, uid) not in latest]
        if gone:
            mailbox = await case.account.mailbox(where)
            _ = await mailbox.expunge(gone)

    def _happened(self, case: Case, outcome: str, reason: str) -> None:
        self._ground.events.happened(
            "sieve.scheduled",
            qid=case.lease.id,
            account=case.account.name,
            outcome=outcome,
            reason=reason,
        )


def _message(octets: bytes) -> itip.Message:
    return itip.read(parse(octets))


def _letter(calendar: Component, uid: str, hostname: str, case: Case) -> bytes:
    """The message of an object: any client shows it, and saves its calendar."""
    some = calendar.entries
    name = digest(uid)
    title = " ".join(plain(_title(some)).split()) or "(no title)"
    octets = printed(calendar, OCTETS)
    coding = b"7bit" if octets.isascii() else b"8bit"
    fields = (
        compose.authors("From", [_author(some, case)]),
        b"Date: " + dates.render(case.lease.accepted) + b"\r\n",
        compose.unstructured("Subject", title, SUBJECT_CHARACTERS),
        compose.structured("Message-ID", f"<{case.lease.id}.{name[:16]}@{hostname}>"),
        f"{FIELD}: {name}\r\nMIME-Version: 1.0\r\n".encode(),
        b"Content-Type: text/calendar; charset=utf-8; component="
        + some[0].name.lower().encode()
        + b"\r\nContent-Disposition: inline; filename=event.ics\r\n",
        b"Content-Transfer-Encoding: " + coding + b"\r\n\r\n",
    )
    return b"".join((*fields, octets))


def _title(some: Sequence[Component]) -> str:
    return next((told for one in some if (told := one.value("SUMMARY"))), "")


def _author(some: Sequence[Component], case: Case) -> Mailbox:
    """The organizer, or the calendar's owner."""
    address = outbound.address(entries.organizer(some))
    line = some[0].first("ORGANIZER")
    if address is None or line is None or not str(address).isascii():
        account = owner(case.account.name)
        return Mailbox("", account.local, account.domain)
    return Mailbox(line.parameter("CN"), address.local, address.domain)

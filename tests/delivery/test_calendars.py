"""Scripts change calendars, which are mailboxes (:mod:`mailsuite.delivery`)."""

from attrs import evolve
from twisted.internet.defer import Deferred as Pending
from twisted.python.failure import Failure

from mailsuite.delivery import calendars
from mailsuite.delivery.agenda import Agenda
from mailsuite.delivery.calendars import (
    AHEAD,
    AHEAD_OCTETS,
    AHEAD_SECONDS,
    ENTRIES,
    FIELD,
    digest,
)
from mailsuite.delivery.occasions import DOMAIN
from mailsuite.http.api.calendars import Calendars as Routes
from mailsuite.http.asked import Asked
from mailsuite.http.routes import direct
from mailsuite.icalendar import entries
from mailsuite.icalendar.components import parse
from mailsuite.interfaces.calendars import NoSuchEntry, TooManyEntries
from mailsuite.interfaces.queueing import Lease
from mailsuite.model.changes import Draft
from mailsuite.model.envelope import (
    CALENDAR,
    FILED,
    JUNK,
    Blob,
    Envelope,
    Recipient,
)
from mailsuite.model.errors import OverQuota
from mailsuite.model.outcomes import Deferred, Delivered, Failed
from mailsuite.sieve.message import Message
from tests.support.calendars import (
    ME,
    OTHER,
    attendee,
    calendar,
    event,
    invitation,
    mail,
)
from tests.support.filing import SENDER, USER, FilingCase, Now
from tests.support.queue import address

SCRIPT = """require ["processcalendar", "variables", "imap4flags"];
processcalendar :allowpublic {} :outcome "o"; addflag "${{o}}";"""
UID = "one@far.example"
GONE = "gone@example.test"
TYPE = ENTRIES[1]


def blob(text):
    octets = text.encode()
    return Blob(f"k{abs(hash(text))}", len(octets), octets)


class CalendarCase(FilingCase):
    arguments = ""

    def setUp(self):
        super().setUp()
        self.script(SCRIPT.format(self.arguments))
        self.number = 200

    def invite(self, *args, method="REQUEST", name="", **fields):
        """Deliver an invitation; gives its outcome, jobs not yet done."""
        return self.send(invitation(method, *args, **fields), method, name)

    def send(self, content, method="REQUEST", name="", **more):
        self.number += 1
        return self.deliver(
            blob(mail(content, method)), name or f"0G1G{self.number}", **more
        )

    def carry(self, outcome, name="", marks=None):
        """Do what a delivery spawned, as the queue would; gives the outcomes."""
        self.assertIsInstance(outcome, Delivered)
        done = []
        for job in outcome.spawn:
            self.number += 1
            done.append(self.job(job, name or f"0G1G{self.number}", marks or {}))
        return done

    def job(self, job, name, marks):
        (one,) = job.envelope.recipients
        self.assertTrue(one.address.domain.endswith(DOMAIN))
        one = evolve(one, marks={**one.marks, **marks})
        lease = Lease(name, 1, job.envelope, job.blob, (one,), "local", 1, self.now)
        settled = {}

        async def settle(lease, outcomes):
            settled.update(outcomes)
            return True

        self.done(self.local.deliver(lease, settle))
        return settled[0]

    def flags(self):
        """The outcomes that scripts saw, in the order of the messages."""
        return [sorted(one.flags) for one in self.mail() if one.mailbox == "INBOX"]

    def objects(self, box="Calendar"):
        """The calendars in a mailbox."""
        found = []
        for one in self.mail():
            if one.mailbox == box:
                whole = Message.of(one.octets).whole
                found.append(parse(whole.octets[whole.structure.body :]))
        return found

    def account(self, name=USER):
        return self.done(self.accounts.open(name))

    def notes(self, box, **more):
        return self.done(self.account().annotations(box))

    async def append(self, box, octets):
        account = await self.accounts.open(USER)
        await account.append(box, [Draft(Blob("", len(octets), octets))])

    def agenda(self):
        return Agenda(self.accounts, self.ground.calendars, Now())


class AddedTests(CalendarCase):
    def test_added(self):
        """An invitation is kept, and its event is in a calendar, once."""
        outcome = self.invite()
        self.assertEqual(self.where(), ["INBOX"])
        self.carry(outcome)
        self.assertEqual(self.where(), ["Calendar", "INBOX"])
        self.assertEqual(self.flags(), [["added"]])
        (one,) = self.objects()
        self.assertEqual([entries.uid(each) for each in one.entries], [UID])
        self.assertEqual(self.notes("Calendar"), {TYPE: b"event.default"})
        self.assertEqual(self.happened("sieve.scheduled")[0]["outcome"], "added")

    def test_message(self):
        """Any client shows an object: a message with its title, and the calendar."""
        title = "Caf\u00e9\\, later"
        self.carry(self.invite(summary=title))
        (one,) = [each for each in self.mail() if each.mailbox == "Calendar"]
        made = Message.of(one.octets)
        self.assertEqual(made.values("subject"), ["Caf\u00e9, later"])
        self.assertEqual(made.values(FIELD.lower()), [digest(UID)])
        self.assertEqual(made.mailboxes("from")[0][0].local, "boss")
        self.assertEqual(one.flags, {"\\Seen"})
        part = made.whole.structure
        self.assertEqual((part.type, part.subtype), ("text", "calendar"))
        self.assertNotIn(b"METHOD", one.octets)

    def test_no_injection(self):
        """What an invitation says of its organizer makes no fields of the message."""
        for who in (
            "a%0d%0aBcc:%20x@far.example",
            "a b@far.example",
            "\u00e9@far.example",
        ):
            text = invitation(uid=who, organizer=f"mailto:{who}")
            self.carry(self.send(text.replace("ORGANIZER:", 'ORGANIZER;CN="a^nb":')))
        for one in self.mail():
            if one.mailbox == "Calendar":
                made = Message.of(one.octets)
                self.assertEqual(made.values("bcc"), [])
                self.assertEqual(made.mailboxes("from")[0][0].domain, "example.test")

    def test_forged(self):
        """A message that says it is another object is none, and nothing breaks."""
        self.folder("Calendar")
        for text in (
            mail(invitation("", uid="else"), ""),
            mail("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR", ""),
        ):
            forged = f"{FIELD}: {digest(UID)}\r\n{text}".encode()
            self.done(self.append("Calendar", forged))
        self.assertEqual(self.invite().spawn, ())
        self.assertEqual(self.flags(), [["error"]])
        rows = self.done(self.agenda().listed(USER))
        self.assertEqual([row.uid for row in rows], ["else"])

    def test_repeated(self):
        """A delivery that is repeated makes the same decision; a job is done once."""
        outcome = self.invite(name="0G1G900")
        self.now += AHEAD_SECONDS + 1
        again = self.invite(name="0G1G900")
        some = [one.spawn[0] for one in (outcome, again)]
        self.assertEqual(*(one.blob.octets for one in some))
        self.assertEqual(*(one.envelope for one in some))
        for marks in ({}, {}, {FILED: ""}):
            self.carry(outcome, "0G1G901", marks)
        self.carry(again, "0G1G902")
        self.assertEqual(len(self.objects()), 1)

    def test_several(self):
        """A file of public events becomes several objects."""
        text = calendar("PUBLISH", *(event(f"{n}") for n in range(3)))
        outcome = self.send(text, "PUBLISH")
        self.assertEqual(len(outcome.spawn), 3)
        self.carry(outcome)
        self.assertEqual(len(self.objects()), 3)

    def test_junk(self):
        """Mail that was judged to be junk changes nothing."""
        outcome = self.send(invitation(), marks={JUNK: "rspamd"})
        self.assertEqual(outcome.spawn, ())
        self.assertEqual(self.mail()[0].flags, {"no_action"})

    def test_full(self):
        """Without room it is tried again later, and nothing is lost."""
        outcome = self.invite()
        account = self.account()
        append = type(account).append

        async def full(*_args, **_more):
            raise OverQuota

        self.patch(type(account), "append", full)
        (done,) = self.carry(outcome)
        self.assertIsInstance(done, Deferred)
        self.patch(type(account), "append", append)
        self.carry(outcome)
        self.assertEqual(len(self.objects()), 1)

    def test_order_without_room(self):
        """A cancellation waits for the event that there is no room for yet."""
        first, second = self.invite(), self.invite(method="CANCEL", sequence=1)
        account = self.account()
        append = type(account).append

        async def full(*_args, **_more):
            raise OverQuota

        self.patch(type(account), "append", full)
        for outcome, name in ((first, "0G1G970"), (second, "0G1G971")):
            (done,) = self.carry(outcome, name)
            self.assertIsInstance(done, Deferred)
        self.patch(type(account), "append", append)
        self.assertIsInstance(self.carry(second, "0G1G971")[0], Deferred)
        for outcome, name in ((first, "0G1G970"), (second, "0G1G971")):
            self.assertIsInstance(self.carry(outcome, name)[0], Delivered)
        (one,) = self.objects()
        self.assertEqual(one.entries[0].value("STATUS"), "CANCELLED")
        self.assertIsInstance(
            self.carry(self.invite(method="CANCEL", sequence=1, uid="c"))[0], Delivered
        )

    def test_gone(self):
        """An account that is gone has no calendar; nobody is told."""
        (job,) = self.invite().spawn
        self.assertIsNone(job.envelope.sender)
        with_other = job.envelope.recipients[0].marks[CALENDAR].replace(USER, GONE)
        outcome = self.job(job, "0G1G970", {CALENDAR: with_other})
        self.assertIsInstance(outcome, Failed)


class UpdatedTests(CalendarCase):
    def test_updated(self):
        """A change is a new message; the old one is removed."""
        self.carry(self.invite())
        before = self.done(self._uids())
        self.carry(self.invite(summary="New", sequence=1))
        self.assertEqual(
            [one.entries[0].value("SUMMARY") for one in self.objects()], ["New"]
        )
        self.assertNotEqual(self.done(self._uids()), before)
        self.assertEqual(self.flags(), [["added"], ["updated"]])

    async def _uids(self):
        account = await self.accounts.open(USER)
        box = await account.mailbox("Calendar")
        return list((await box.snapshot()).uid)

    def test_ahead(self):
        """A script sees what an earlier message decided, before that was carried out."""
        outcomes = [
            self.invite(),
            self.invite(sequence=1, summary="New"),
            self.invite(method="CANCEL", sequence=2),
            self.invite(sequence=1),
        ]
        self.assertEqual(
            self.flags(), [["added"], ["updated"], ["updated"], ["no_action"]]
        )
        for one in outcomes:
            self.carry(one)
        (kept,) = self.objects()
        self.assertEqual(kept.entries[0].value("STATUS"), "CANCELLED")

    def test_ahead_is_bounded(self):
        """Few decisions are remembered, not for long, and none that is large."""
        calendars = self.ground.calendars
        for number in range(AHEAD + 50):
            calendars.decided(USER, f"{number}", "x")
        self.assertEqual(len(calendars._ahead), AHEAD)
        calendars.decided(USER, f"{AHEAD}", "x" * (AHEAD_OCTETS + 1))
        self.assertEqual(len(calendars._ahead), AHEAD - 1)
        self.now += AHEAD_SECONDS
        calendars.decided(USER, "a", "x")
        self.assertEqual(len(calendars._ahead), 1)

    def test_killed_between(self):
        """Killed between storing and removing, a job ends with one object."""
        self.carry(self.invite())
        outcome = self.invite(sequence=1, summary="New")
        account = self.account()
        box = self.done(account.mailbox("Calendar"))

        async def killed(*_):
            raise OSError("killed")

        kept = type(box).expunge
        self.patch(type(box), "expunge", killed)
        (done,) = self.carry(outcome, "0G1G950")
        self.assertIsInstance(done, Deferred)
        self.assertEqual(len(self.objects()), 2)
        self.patch(type(box), "expunge", kept)
        self.carry(outcome, "0G1G950")
        self.assertEqual(
            [one.entries[0].value("SUMMARY") for one in self.objects()], ["New"]
        )

    def test_concurrent(self):
        """What was decided before the calendar changed is joined with the change."""
        self.carry(self.invite())
        self.now += AHEAD_SECONDS + 1
        one = self.invite(sequence=1, summary="One")
        two = self.invite(sequence=2, summary="Two")
        self.carry(two)
        self.carry(one)
        self.assertEqual(
            [each.entries[0].value("SUMMARY") for each in self.objects()], ["Two"]
        )

    def test_lost_decision(self):
        """A cancellation that came before its event was entered still counts.

        After a kill nobody remembers what was decided; jobs look at the calendar anew.
        """
        first = self.invite()
        self.ground.calendars._ahead.clear()
        second = self.invite(method="CANCEL", sequence=1)
        self.assertEqual(self.flags()[1], ["no_action"])
        self.carry(first)
        self.carry(second)
        (one,) = self.objects()
        self.assertEqual(one.entries[0].value("STATUS"), "CANCELLED")

    def test_one_by_one(self):
        """Outcomes of deliveries that waited for each other come in their order.

        So do the jobs that change the calendar, which are in the outcomes' records.
        """
        self.script('require "processcalendar"; processcalendar :allowpublic; discard;')
        settled = []

        async def settle(lease, outcomes):
            settled.append(lease.id)
            return True

        before = self.filing._alone(USER)
        self.done(before.__aenter__())
        leases = [
            self.leased(f"0G1G{number}", invitation(sequence=number))
            for number in range(400)
        ]
        for lease in leases:
            Pending.fromCoroutine(self.local.deliver(lease, settle))
        self.done(before.__aexit__(None, None, None))
        self.clock.pump([0] * len(leases))
        self.assertEqual(settled, [lease.id for lease in leases])

    def leased(self, name, content):
        letter, to = blob(mail(content, "REQUEST")), Recipient(0, address(USER))
        envelope = Envelope(address(SENDER), (to,))
        return Lease(name, 1, envelope, letter, (to,), "local", 1, self.now)

    def test_stays_where_it_is(self):
        """An event that its owner moved to another calendar is changed there."""
        self.carry(self.invite())
        self.folder("Work")
        account = self.account()
        self.done(account.annotate("Work", {TYPE: b"event"}))
        source = self.done(account.mailbox("Calendar"))
        uids = list(self.done(source.snapshot()).uid)
        self.done(account.transfer(source.id, uids, "Work", move=True))
        self.carry(self.invite(sequence=1, summary="New"))
        self.assertEqual(len(self.objects("Work")), 1)
        self.assertEqual(self.objects(), [])

    def test_put_by_clients(self):
        """Messages that clients put into a calendar are known by what they hold."""
        self.folder("Calendar")
        letter = mail(invitation(""), "").encode()
        self.done(self.append("Calendar", letter))
        self.done(self.append("Calendar", b"Subject: no event\r\n\r\nBEGIN:x"))
        self.carry(self.invite(sequence=1, summary="New"))
        self.assertEqual(self.flags(), [["updated"]])
        rows = self.done(self.agenda().listed(USER))
        self.assertEqual([(row.uid, row.title) for row in rows], [(UID, "New")])

    def test_mail_in_a_calendar(self):
        """Mail that somebody filed there is no object, and stays when events change."""
        self.folder("Calendar")
        bomb = mail(invitation(""), "").replace("text/plain", "application/pdf")
        inner = mail(invitation(""), "").replace("text/plain", "message/rfc822")
        for letter in (mail(invitation()), bomb, inner):
            self.done(self.append("Calendar", letter.encode()))
        self.carry(self.invite())
        self.carry(self.invite(method="CANCEL", sequence=1))
        self.assertEqual(self.flags(), [["added"], ["updated"]])
        self.assertEqual(self.where().count("Calendar"), 4)
        self.assertEqual(len(self.done(self.agenda().listed(USER))), 1)

    def test_too_much_to_list(self):
        """A list of more than can be held in memory is refused, not begun."""
        self.patch(calendars, "EVERY_OCTETS", 2_000)
        self.carry(self.invite(uid="a"))
        self.assertEqual(len(self.done(self.agenda().listed(USER))), 1)
        self.carry(self.invite("X-LONG:" + "x" * 2_000, attendee(), uid="b"))
        self.failureResultOf(
            Pending.fromCoroutine(self.agenda().exported(USER)), TooManyEntries
        )

    def test_reply(self):
        """A reply to the owner's own invitation tells who takes part."""
        self.folder("Calendar")
        text = invitation("", organizer=f"mailto:{ME}")
        self.done(self.append("Calendar", mail(text, "").encode()))
        reply = attendee(OTHER, "ACCEPTED")
        self.carry(self.invite(reply, method="REPLY", organizer=f"mailto:{ME}"))
        self.assertEqual(self.flags(), [["updated"]])
        (one,) = self.objects()
        said = [
            line.parameter("PARTSTAT") for line in one.entries[0].all_of("ATTENDEE")
        ]
        self.assertEqual(said, ["NEEDS-ACTION", "ACCEPTED"])


class RemovedTests(CalendarCase):
    arguments = ":deletecancelled"

    def test_removed(self):
        """A cancelled event is removed, once; a repeated job finds nothing."""
        self.carry(self.invite())
        outcome = self.invite(method="CANCEL", sequence=1)
        for _ in range(2):
            self.carry(outcome, "0G1G960")
        self.assertEqual(self.objects(), [])
        self.assertEqual(self.flags(), [["added"], ["updated"]])


class PlaceTests(CalendarCase):
    def calendar(self, name, kind="event", entry=TYPE):
        row = self.folder(name)
        self.done(self.account().annotate(name, {entry: kind.encode()}))
        return row.objectid

    def test_by_id(self):
        """``:calendarid`` is the MAILBOXID of a calendar, or its name."""
        id_ = self.calendar("Work")
        for wanted, number in ((id_, 1), ("Work", 2)):
            self.script(SCRIPT.format(f':calendarid "{wanted}"'))
            self.carry(self.invite(uid=f"{number}"))
            self.assertEqual(len(self.objects("Work")), number)

    def test_no_calendar(self):
        """What is no calendar is an error, and nothing is added."""
        self.folder("Mail")
        self.script(SCRIPT.format(':calendarid "Mail"'))
        outcome = self.invite()
        self.assertEqual((outcome.spawn, self.flags()), ((), [["error"]]))

    def test_gone_meanwhile(self):
        """A calendar that went meanwhile is the default one."""
        self.calendar("Work")
        self.script(SCRIPT.format(':calendarid "Work"'))
        outcome = self.invite()
        self.done(self.account().remove("Work"))
        self.carry(outcome)
        self.assertEqual(len(self.objects()), 1)

    def test_default(self):
        """The default calendar is the one that groupware knows as such."""
        self.calendar("Work")
        self.carry(self.invite(uid="a"))
        self.assertEqual(len(self.objects("Work")), 1)
        self.calendar("Kalender", "event.default", ENTRIES[0])
        self.carry(self.invite(uid="b"))
        self.assertEqual(len(self.objects("Kalender")), 1)

    def test_other_kinds(self):
        """A mailbox of that name for something else is left alone."""
        self.calendar("Calendar", "contact")
        (done,) = self.carry(self.invite())
        self.assertEqual(self.objects(), [])
        self.assertEqual(len(self.objects("Calendar (events)")), 1)
        self.assertIsInstance(done, Delivered)

    def test_others(self):
        """Nobody's calendar but the recipient's is changed."""
        self.script(SCRIPT.format(""), account="other@example.test")
        outcome = self.send(invitation(), to="other@example.test")
        self.assertEqual(outcome.spawn, ())


class AgendaTests(CalendarCase):
    def test_listed(self):
        """Operators see what is in calendars, one by one and all together."""
        self.carry(self.invite(uid="b", dtstart="20260301T090000Z"))
        self.carry(self.invite(uid="a", dtstart="20260401T090000Z", summary="Late"))
        agenda = self.agenda()
        rows = self.done(agenda.listed(USER))
        self.assertEqual([row.uid for row in rows], ["b", "a"])
        self.assertEqual((rows[1].title, rows[1].kind), ("Late", "VEVENT"))
        whole = parse(self.done(agenda.exported(USER)))
        self.assertEqual({entries.uid(one) for one in whole.entries}, {"a", "b"})
        self.assertIn(b"UID:a", self.done(agenda.shown(USER, "a")))
        self.failureResultOf(
            Pending.fromCoroutine(agenda.shown(USER, "c")), NoSuchEntry
        )

    def ask(self, path, **query):
        """What the API answers, or the status of its problem."""
        routes = Routes(self.made.directory, self.agenda()).routes()
        asking = direct(routes, "GET", path.split("/"), Asked(query))
        got = []
        Pending.fromCoroutine(asking).addBoth(got.append)
        (answer,) = got
        return answer.value.status if isinstance(answer, Failure) else answer

    def test_routes(self):
        """The API gives the same, and says what is not there or too much."""
        self.carry(self.invite(uid="a"))
        rows = self.ask(f"calendars/{USER}")["entries"]
        self.assertEqual([row["uid"] for row in rows], ["a"])
        shown = self.ask(f"calendars/{USER}/entry", uid="a")
        self.assertIn("UID:a", shown["content"])
        self.assertIn("UID:a", self.ask(f"calendars/{USER}/export")["content"])
        self.assertEqual(self.ask(f"calendars/{USER}/entry", uid="b"), 404)
        self.assertEqual(self.ask("calendars/nobody@example.test"), 404)
        self.patch(calendars, "OBJECTS", 0)
        for what in ("", "/export"):
            self.assertEqual(self.ask(f"calendars/{USER}{what}"), 409)
        self.assertEqual(self.invite(uid="a", sequence=1).spawn, ())

    def test_none(self):
        """Who has no calendar has an empty one, and none is made by looking."""
        self.assertEqual(self.done(self.agenda().listed(USER)), [])
        parse(self.done(self.agenda().exported(USER)))
        names = [row.name for row in self.done(self.account().mailboxes())]
        self.assertNotIn("Calendar", names)

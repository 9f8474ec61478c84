"""``processcalendar`` (RFC 9671): its examples, its rules, and bad input."""

import base64
from time import thread_time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.delivery.running import CONTENT_OCTETS, QUICK, attempt
from mailsuite.icalendar.components import parse
from mailsuite.icalendar.lines import OCTETS
from mailsuite.sieve import telling
from mailsuite.sieve.actions import Keep
from mailsuite.sieve.check import check
from mailsuite.sieve.extensions.processcalendar import ProcessCalendar
from mailsuite.sieve.message import Message
from mailsuite.sieve.run import Letter
from tests.support.calendars import (
    ME,
    ORGANIZER,
    OTHER,
    attendee,
    calendar,
    event,
    invitation,
    mail,
)
from tests.support.sieve import errors, octets, run_script

REQUIRE = (
    'require ["processcalendar", "variables", "extlists", "reject", "fileinto"];\n'
)
TOLD = ' :outcome "o" :reason "r"; fileinto "${o}: ${r}";'
EXAMPLES = (
    """require [ "processcalendar" ];

processcalendar :addresses [ "me@example.com", "alsome@example.com" ]
                :calendarid "1ea6d86b-6c7f-48a2-bed3-2a4c40ec281a";
""",
    """require [ "processcalendar" ];

if allof (address ["from", "sender"] "airline@example.com",
          header :contains "subject" "itinerary") {
   processcalendar :allowpublic;
}
""",
    """require [ "processcalendar", "variables", "editheader" ];

set "processcal_outcome" "no_action";
set "processcal_reason" "";

processcalendar :outcome "processcal_outcome"
                :reason "processcal_reason";

if not string :is "${processcal_outcome}" ["added", "updated"] {
   addheader "X-ProcessCal-Outcome" "${processcal_outcome}";
   addheader "X-ProcessCal-Reason" "${processcal_reason}";
}
""",
)
"""RFC 9671 §4.10, as they stand there."""


class World(dict):
    """Answers: what the calendar has, whose addresses, which lists and calendars."""

    def __init__(self, kept=None, own=(), lists=None, places=(), strict=False):
        super().__init__()
        self.kept, self.own, self.lists = kept or {}, own, lists or {}
        self.places, self.strict = places, strict

    def __bool__(self):
        return True

    def __contains__(self, _):
        return True

    def __missing__(self, question):
        kind, subject = question.kind, question.subject
        if kind == "calendarentry":
            return self.kept.get(subject[0])
        if kind == "calendarown":
            return [one for one in subject if one in self.own]
        if kind == "calendarplace":
            return subject[0] in self.places
        if kind == "calendarsenders":
            return self.strict
        if kind == "listed":
            found = self.lists.get(subject[0], ())
            return next((one for one in subject[1:] if one in found), None)
        raise AssertionError(question)


class CalendarCase(SynchronousTestCase):
    recipient = ME

    def plan(self, script, message, world=None, **letter):
        given = {"recipient": self.recipient, **letter}
        return run_script(script, message, world or World(), **given)

    def action(self, arguments, message, world=None, **letter):
        """The action of a script with these arguments, whose plan has no trouble."""
        script = f"{REQUIRE}processcalendar {arguments};"
        plan = self.plan(script, message, world, **letter)
        self.assertEqual(plan.trouble, "")
        action, keep = plan.actions
        self.assertEqual(keep, Keep(implicit=True))
        return action

    def outcome(self, arguments, message, world=None, **letter):
        """Outcome and reason as a script sees them in its variables."""
        plan = self.plan(
            f"{REQUIRE}processcalendar {arguments}{TOLD}", message, world, **letter
        )
        self.assertEqual(plan.trouble, "")
        action, filed = plan.actions
        outcome, reason = filed.mailbox.split(": ", 1)
        self.assertEqual(
            (action.outcome, action.reason.strip()), (outcome, reason.strip())
        )
        return outcome, reason


class ExampleTests(CalendarCase):
    """RFC 9671 §4.10."""

    def test_addresses(self):
        """§4.10, first: either address is the user's; that calendar gets the event."""
        id_ = "1ea6d86b-6c7f-48a2-bed3-2a4c40ec281a"
        for who in ("me@example.com", "alsome@example.com"):
            message = mail(invitation("REQUEST", attendee(who)))
            plan = self.plan(EXAMPLES[0], message, World(places=[id_]))
            action, keep = plan.actions
            self.assertEqual((action.outcome, action.calendar), ("added", id_))
            self.assertTrue(keep.implicit)
        plan = self.plan(EXAMPLES[0], mail(invitation("REQUEST", attendee(OTHER))))
        self.assertEqual(plan.actions[0].outcome, "no_action")

    def test_itinerary(self):
        """§4.10, second: flights of one airline are added, nothing else is looked at."""
        for method in ("PUBLISH", ""):
            public = calendar(method, event("flight"), event("back"))
            message = mail(public, method, "Your itinerary").replace(
                ORGANIZER, "airline@example.com", 1
            )
            plan = self.plan(EXAMPLES[1], message)
            self.assertEqual(plan.actions[0].outcome, "added")
            self.assertEqual(
                [one.uid for one in plan.actions[0].entries], ["flight", "back"]
            )
            for other in (message.replace("itinerary", "news"), mail(public, method)):
                self.assertEqual(
                    self.plan(EXAMPLES[1], other).actions, (Keep(implicit=True),)
                )

    def test_headers(self):
        """§4.10, third: headers tell why calendar data was not processed."""
        plan = self.plan(EXAMPLES[2], mail(invitation()))
        self.assertFalse(plan.message.changed)
        for message, outcome, reason in (
            ("Subject: none\n\ntext", "no_action", "there is no calendar data in it"),
            (mail(invitation(uid="")), "error", "missing unique identifier"),
        ):
            plan = self.plan(EXAMPLES[2], message)
            self.assertEqual(plan.message.values("x-processcal-outcome"), [outcome])
            self.assertEqual(plan.message.values("x-processcal-reason"), [reason])


class OutcomeTests(CalendarCase):
    """§4.7 and what leads to each outcome."""

    def test_added_and_updated(self):
        """What is new is added, what is there updated, with the object as it will be."""
        action = self.action("", mail(invitation()))
        (one,) = action.entries
        self.assertEqual(
            (action.outcome, action.title, one.uid),
            ("added", "Plans", "one@far.example"),
        )
        self.assertEqual(parse(one.made.encode()).value("METHOD"), "")
        later = mail(invitation(sequence=1, summary="New"))
        action = self.action("", later, World({"one@far.example": one.made}))
        self.assertEqual(action.outcome, "updated")
        self.assertIn("SUMMARY:New", action.entries[0].made)

    def test_reason_empty(self):
        """Without a reason the variable is the empty string (§4.8)."""
        script = f'{REQUIRE}set "r" "x"; processcalendar{TOLD}'
        plan = self.plan(script, mail(invitation()))
        self.assertEqual(plan.actions[1].mailbox, "added: ")

    def test_nothing_there(self):
        """Messages without calendar data are left alone, whatever they hold."""
        for message in (
            "Subject: a\n\nBEGIN:VCALENDAR\n",
            mail("text", "", kind="text/plain"),
            mail("text", "", kind="message/rfc822"),
            "Content-Type: multipart/mixed\n\nnothing",
            "Content-Type: text/calendar\n",
        ):
            outcome, reason = self.outcome("", message)
            self.assertIn(outcome, ("no_action", "error"))
            self.assertTrue(reason)
        forwarded = "Content-Type: message/rfc822\n\n" + mail(invitation())
        self.assertEqual(self.outcome("", forwarded)[0], "no_action")

    def test_alone(self):
        """The calendar may be the whole message."""
        message = "Content-Type: text/calendar; method=request\n\n" + invitation()
        self.assertEqual(self.outcome("", message), ("added", ""))
        coded = message.replace("\n\n", "\nContent-Transfer-Encoding: base64\n\n", 1)
        head, _, body = coded.partition("\n\n")
        body = base64.encodebytes(body.encode()).decode()
        self.assertEqual(self.outcome("", f"{head}\n\n{body}"), ("added", ""))

    def test_malformed(self):
        """Malformed data is an error, and no action is taken (§4)."""
        for content in (
            "BEGIN:VCALENDAR",
            "",
            "<html>",
            invitation().replace("END:VEVENT", "END:VTODO"),
            invitation() + invitation(),
            invitation(dtstamp="x"),
            invitation("CANCEL"),  # Content-Type says REQUEST
        ):
            self.assertEqual(self.outcome("", mail(content))[0], "error", content)
        self.assertEqual(self.action("", mail("x")).entries, ())

    def test_unreadable_calendar(self):
        """What stands in the calendar and cannot be read is no new event."""
        world = World({"one@far.example": ""})
        self.assertEqual(
            self.outcome("", mail(invitation()), world),
            ("error", "the calendar cannot be read"),
        )

    def test_charset(self):
        """A wrong character set is an error."""
        message = mail(invitation(summary="caf\u00e9")).encode("latin-1")
        self.assertEqual(self.action("", message).outcome, "error")
        other = message.replace(b"utf-8", b"iso-8859-1")
        self.assertEqual(self.action("", other).title, "caf\u00e9")
        self.assertEqual(
            self.action("", message.replace(b"utf-8", b"utf-16")).outcome, "error"
        )


class SeveralPartsTests(CalendarCase):
    """§4: the calendar data of all parts must say the same."""

    def two(self, one, other, kind="application/ics"):
        part = f"--b\nContent-Type: {kind}; name=invite.ics\n\n{other}\n--b--\n"
        return mail(one).replace("--b--\r\n", part)

    def test_alike(self):
        """An attachment with the same event is no second one."""
        other = invitation().replace("-//far", "-//near")
        action = self.action("", self.two(invitation(), other))
        self.assertEqual((action.outcome, len(action.entries)), ("added", 1))

    def test_different(self):
        """What differs is not processed at all."""
        message = self.two(invitation(), invitation(summary="Else"))
        self.assertEqual(
            self.outcome("", message),
            ("no_action", "its parts have different calendars"),
        )

    def test_other_form(self):
        """A form that cannot be read cannot be compared."""
        message = self.two(invitation(), "{}", "application/jscalendar+json")
        self.assertEqual(self.outcome("", message)[0], "no_action")


class WhoseTests(CalendarCase):
    """§4.1, §4.2: for whom calendar data is."""

    def test_attendees(self):
        """REQUEST, CANCEL and ADD are for those that are invited."""
        for method, more in (("REQUEST", {}), ("CANCEL", {}), ("ADD", {"sequence": 1})):
            message = mail(invitation(method, attendee(OTHER), **more), method)
            self.assertEqual(
                self.outcome("", message), ("no_action", "it is for somebody else")
            )
            for world, extra in (
                (World(own=[OTHER]), {}),
                (World(), {"recipient": OTHER.upper()}),
            ):
                told = self.outcome("", message, world, **extra)[1]
                self.assertNotEqual(told, "it is for somebody else")
            told = self.outcome(f':addresses ["a@b", "{OTHER}"]', message)[1]
            self.assertNotEqual(told, "it is for somebody else")

    def test_reply(self):
        """REPLY is for the organizer."""
        message = mail(invitation("REPLY", attendee(OTHER, "ACCEPTED")), "REPLY")
        self.assertEqual(self.outcome("", message)[1], "it is for somebody else")
        kept = {"one@far.example": invitation("")}
        world = World(kept, own=[ORGANIZER])
        self.assertEqual(self.outcome("", message, world), ("updated", ""))

    def test_other_schemes(self):
        """Only the addr-spec of ``mailto:`` counts."""
        for who in (f"http://{ME}", f"mailto:{ME}.evil", f"mailto:x{ME}", "urn:uuid:1"):
            line = f"ATTENDEE:{who}"
            message = mail(invitation("REQUEST", line))
            self.assertEqual(self.outcome("", message)[0], "no_action")

    def test_public(self):
        """Public data is processed with ``:allowpublic`` alone."""
        for method, one in (
            ("PUBLISH", event("a")),
            ("", event("a", organizer=None)),
            ("", event("a")),
        ):
            message = mail(calendar(method, one), method)
            self.assertEqual(
                self.outcome("", message),
                ("no_action", "it is public, and invites nobody"),
            )
            self.assertEqual(self.outcome(":allowpublic", message), ("added", ""))

    def test_public_changes_no_targets(self):
        """``:allowpublic`` lets nobody in who is not invited."""
        message = mail(invitation("REQUEST", attendee(OTHER)))
        self.assertEqual(self.outcome(":allowpublic", message)[0], "no_action")
        plain = mail(calendar("", event("a", attendee())), "")
        self.assertEqual(self.outcome(":allowpublic", plain)[0], "no_action")

    def test_asking_methods(self):
        """REFRESH, COUNTER and DECLINECOUNTER ask a person; others nobody knows."""
        for method in ("REFRESH", "COUNTER", "DECLINECOUNTER"):
            message = mail(invitation(method), method)
            self.assertEqual(
                self.outcome(":allowpublic", message),
                ("no_action", f"{method} asks a person"),
            )
        self.assertEqual(
            self.outcome("", mail(invitation("ODD"), "ODD"))[0], "no_action"
        )

    def test_senders(self):
        """Where operators want that, only who sent it may speak in it."""
        strict = World(strict=True)
        self.assertEqual(self.outcome("", mail(invitation()), strict)[0], "added")
        message = mail(invitation()).replace(ORGANIZER, OTHER, 1)
        self.assertEqual(self.outcome("", message)[0], "added")
        self.assertEqual(
            self.outcome("", message, strict),
            ("no_action", "who speaks in it did not send it"),
        )

    def test_in_the_name_of_the_owner(self):
        """Who was invited cannot change the owner's event in the owner's name."""
        mine = f"mailto:{ME}"
        kept = World({"one@far.example": invitation("", organizer=mine)})
        for method in ("REQUEST", "CANCEL"):
            text = invitation(method, organizer=mine, sequence=1)
            self.assertEqual(
                self.outcome("", mail(text, method), kept),
                ("no_action", "who speaks in it did not send it"),
            )
            own = mail(text, method).replace(ORGANIZER, ME, 1)
            self.assertEqual(self.outcome("", own, kept)[0], "updated")

    def test_effort(self):
        """Joining large objects counts as work, and never holds up the reactor."""
        dates = (f"EXDATE:2027{n:04d}" for n in range(1_500))
        kept = invitation("", attendee(), *dates, rrule="FREQ=DAILY")
        world = World({"one@far.example": kept})
        some = [
            event(
                "one@far.example",
                attendee(),
                f"RECURRENCE-ID:2026{n:04d}",
                dtstart=None,
                summary=None,
                sequence=1,
            )
            for n in range(120)
        ]
        text = mail(calendar("CANCEL", *some), "CANCEL")
        self.assertLess(len(text), CONTENT_OCTETS)
        letter = Letter(Message.of(text.encode()), recipient=ME)
        program = check(octets(f"{REQUIRE}processcalendar :deletecancelled;"))
        before = thread_time()
        found, _ = attempt(program, letter, world, QUICK)
        self.assertLess(thread_time() - before, 0.05)
        self.assertIn("too much", found.trouble)
        self.assertEqual(
            self.outcome(":deletecancelled", text, world), ("updated", "cancelled")
        )


class ArgumentTests(CalendarCase):
    def test_updates_only(self):
        """§4.3: what is new is left alone."""
        self.assertEqual(
            self.outcome(":updatesonly", mail(invitation())),
            ("no_action", "only processing updates"),
        )

    def test_calendar(self):
        """§4.4: an identifier of no calendar is an error, if one is to be had."""
        told = self.outcome(':calendarid "x"', mail(invitation()))
        self.assertEqual(told, ("error", "there is no calendar x"))
        world = World({"one@far.example": invitation("")})
        later = mail(invitation(sequence=1))
        self.assertEqual(self.outcome(':calendarid "x"', later, world)[0], "updated")

    def test_deleted(self):
        """§4.5: a cancelled event stays, or goes."""
        world = World({"one@far.example": invitation("")})
        message = mail(invitation("CANCEL", sequence=1), "CANCEL")
        for argument, made in ((":deletecancelled", ""), ("", "STATUS:CANCELLED")):
            action = self.action(argument, message, world)
            self.assertEqual((action.outcome, action.reason), ("updated", "cancelled"))
            self.assertIn(made, action.entries[0].made)
            self.assertEqual(bool(action.entries[0].made), bool(made))

    def test_organizers(self):
        """§4.6: only organizers of the list, and only scheduling messages."""
        name = "tag:example.com,2026:bosses"
        argument = f':organizers "{name}"'
        world = World(lists={name: [ORGANIZER]})
        self.assertEqual(self.outcome(argument, mail(invitation()), world)[0], "added")
        stranger = mail(invitation(organizer=f"mailto:{OTHER}"))
        self.assertEqual(
            self.outcome(argument, stranger, world)[1],
            "its organizer is not in the list",
        )
        self.assertEqual(self.outcome(argument, mail(invitation()))[0], "no_action")
        public = ":allowpublic " + argument
        plain = mail(calendar("", event("a")), "")
        self.assertEqual(
            self.outcome(public, plain, world),
            ("no_action", "it is no scheduling message"),
        )
        published = mail(calendar("PUBLISH", event("a")), "PUBLISH")
        self.assertEqual(self.outcome(public, published, world)[0], "added")
        short = World(lists={"urn:ietf:params:sieve:addrbook:default": [ORGANIZER]})
        self.assertEqual(
            self.outcome(':organizers ":addrbook:default"', mail(invitation()), short)[
                0
            ],
            "added",
        )

    def test_wrong(self):
        """What the RFC forbids is an error with its place."""
        for script, told in (
            ('require "processcalendar"; processcalendar :outcome "o";', "variables"),
            ('require "processcalendar"; processcalendar :reason "o";', "variables"),
            ('require "processcalendar"; processcalendar :organizers "o";', "extlists"),
            (
                REQUIRE + 'processcalendar :updatesonly :calendarid "a";',
                "cannot stand beside",
            ),
            (REQUIRE + 'processcalendar :outcome "a b";', "no name of a variable"),
            (REQUIRE + "processcalendar :addresses;", "addresses"),
            ("processcalendar;", "not asked for"),
            ('require "vnd.cyrus.imip";', "write processcalendar"),
        ):
            self.assertIn(told, errors(script), script)

    def test_ihave(self):
        """Scripts for several servers ask before."""
        script = """require ["ihave", "variables", "fileinto"];
            set "o" "none"; if ihave "processcalendar" { processcalendar :outcome "o"; }
            fileinto "${o}";"""
        plan = self.plan(script, mail(invitation()))
        self.assertEqual(plan.actions[-1].mailbox, "added")


class ActionTests(CalendarCase):
    """§4.9, §5, §7.2."""

    def test_once(self):
        """A second one in a script fails, and nothing is done."""
        plan = self.plan(
            f"{REQUIRE}processcalendar; processcalendar;", mail(invitation())
        )
        self.assertIn("already", plan.trouble)
        self.assertEqual(plan.actions, (Keep(implicit=True),))

    def test_reject(self):
        """It cannot stand beside a refusal, in either order."""
        for script in (
            'reject "no"; processcalendar;',
            'processcalendar; reject "no";',
        ):
            plan = self.plan(REQUIRE + script, mail(invitation()))
            self.assertIn("refused", plan.trouble)

    def test_junk(self):
        """Nothing that was judged to be junk or malicious is looked at."""
        for marks in ({"junk": "rspamd"}, {"spam": "100 sure"}, {"virus": "4 EICAR"}):
            outcome, reason = self.outcome("", mail(invitation()), marks=marks)
            self.assertEqual(outcome, "no_action")
            self.assertIn("judged", reason)
        for marks in ({"spam": "20"}, {"virus": "1"}, {"virus": "0"}):
            self.assertEqual(
                self.outcome("", mail(invitation()), marks=marks)[0], "added"
            )

    def test_event(self):
        """It is for deliveries, not for what IMAP clients do."""
        plan = self.plan(f"{REQUIRE}processcalendar;", mail(invitation()), event="COPY")
        self.assertIn("deliveries", plan.trouble)

    def test_told(self):
        """Decisions are told in words."""
        kept = World({"one@far.example": invitation("")})
        cancel = mail(invitation("CANCEL", sequence=1), "CANCEL")
        for action, words in (
            (
                self.action("", mail(invitation())),
                "put the event 'Plans' into the calendar",
            ),
            (
                self.action("", cancel, kept),
                "change the event 'Plans' in the calendar: cancelled",
            ),
            (
                self.action(":deletecancelled", cancel, kept),
                "remove the event 'Plans' in the calendar: cancelled",
            ),
            (self.action("", "\n"), "leave the calendar as it is (no_action: there is"),
        ):
            self.assertIn(words, telling.told(action))


class BadInputTests(CalendarCase):
    """What anybody may send costs little, and is never more than an error."""

    @given(st.binary(max_size=300), st.integers(0, 400))
    def test_any_octets(self, octets, at):
        """Whatever a calendar part holds, the script goes on."""
        whole = mail("{}").encode()
        text = invitation().encode()
        message = whole.replace(b"{}", text[:at] + octets + text[at:])
        self.assertIsInstance(self.action(":allowpublic", message), ProcessCalendar)

    def test_bombs(self):
        """Large, nested and crowded ones are refused, in bounded time."""
        many = [f"ATTENDEE:mailto:a{n}@b" for n in range(3_000)]
        for content, told in (
            (invitation(description="x" * OCTETS), "octets"),
            (
                calendar(
                    "REQUEST",
                    *(
                        event("a", attendee(), recurrence_id=f"2026{n:04}")
                        for n in range(2_100)
                    ),
                ),
                "components",
            ),
            ("BEGIN:VCALENDAR\r\n" + "BEGIN:VEVENT\r\n" * 9_000, "components"),
            (invitation("REQUEST", attendee(), *many), "invites more"),
            (calendar("", *(event(str(n)) for n in range(30))), "objects"),
        ):
            before = thread_time()
            outcome, reason = self.outcome(":allowpublic", mail(content, ""))
            self.assertEqual(outcome, "error")
            self.assertIn(told, reason)
            self.assertLess(thread_time() - before, 5.0)

    def test_large(self):
        """As much as fits costs a script no more than it may do."""
        text = invitation("REQUEST", attendee(), *["X-A;B=c;D=e:f"] * 19_000)
        self.assertEqual(self.outcome("", mail(text))[0], "added")
        whole = mail(text).replace(
            "--b--", "--b\r\nContent-Type: text/calendar\r\n\r\n" + text + "\r\n--b--"
        )
        self.assertEqual(self.outcome("", whole)[0], "added")
        several = mail("x" * 600_000).replace(
            "--b--",
            f"--b\r\nContent-Type: application/ics\r\n\r\n{'x' * 600_000}\r\n--b--",
        )
        self.assertEqual(self.outcome("", several)[0], "error")

    def test_many_parts(self):
        """Not more than a few parts are compared."""
        part = f"--b\r\nContent-Type: text/calendar\r\n\r\n{invitation()}\r\n"
        message = mail(invitation()).replace("--b--", part * 50 + "--b--")
        self.assertEqual(self.outcome("", message)[0], "no_action")

    def test_title(self):
        """A title cannot command a terminal."""
        action = self.action("", mail(invitation(summary="a\\nb\\u0007" + "x" * 500)))
        self.assertTrue(action.title.isprintable())
        self.assertLessEqual(len(action.title), 200)

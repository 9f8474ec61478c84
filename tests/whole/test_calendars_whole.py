"""Invitations in a whole suite: each event is in the calendar once, whatever dies."""

import contextlib
import json
import re
import smtplib
import time
from threading import Timer

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.icalendar import entries
from mailsuite.icalendar.components import parse
from tests.support.calendars import attendee, calendar, event, mail
from tests.support.demo import Demo

TO = "user1@example.test"
BACKLOG = 500  # messages that may be on their way to the calendar
SCRIPT = """
require ["processcalendar", "variables", "editheader"];
processcalendar :outcome "o" :reason "r" :deletecancelled;
addheader "X-Outcome" "${o}";
"""


class CalendarCase(SynchronousTestCase):
    def start(self):
        self.demo = Demo(users=2)
        self.addCleanup(self.demo.remove)
        path = self.demo.folder / "before.sieve"
        path.write_text(SCRIPT, "utf-8")
        self.demo.settings["MAILSUITE_SIEVE_BEFORE"] = str(path)
        self.demo.start()

    def send(self, client, uid, method="REQUEST", sequence=0):
        made = event(uid, attendee(TO), sequence=sequence, summary=f"No. {sequence}")
        text = mail(calendar(method, made), method)
        client.sendmail("a@far.test", [TO], text.encode())

    def stored(self, folder):
        """The content of every message in a folder of the account."""
        found = []
        for sub in ("new", "cur"):
            place = self.demo.maildir() / folder / sub
            for path in place.iterdir() if place.is_dir() else ():
                with contextlib.suppress(FileNotFoundError):
                    found.append(path.read_bytes())
        return found

    def events(self):
        """UID and SEQUENCE of every object in the calendar."""
        found = []
        for one in self.stored(".Calendar"):
            (made,) = parse(one.partition(b"\r\n\r\n")[2]).entries
            found.append((entries.uid(made), entries.sequence(made)))
        return sorted(found)

    def until(self, true):
        end = time.monotonic() + 60
        while not true():
            self.assertLess(time.monotonic(), end, self.demo.output())
            time.sleep(0.1)


class UsedTests(CalendarCase):
    def test_used(self):
        """An event comes, changes and goes; IMAP clients and operators see it."""
        self.start()
        with self.demo.smtp() as client:
            self.send(client, "one")
            self.send(client, "two")
            self.send(client, "one", sequence=1)
            self.send(client, "two", "CANCEL", 1)
        self.until(lambda: b"".join(self.stored("")).count(b"X-Outcome: ") == 4)
        self.until(lambda: self.events() == [("one", 1)])
        said = b"".join(self.stored(""))
        outcomes = re.findall(rb"X-Outcome: (\w+)", said)
        self.assertEqual(sorted(outcomes), [b"added"] * 2 + [b"updated"] * 2)
        imap = self.demo.imap()
        imap.select("Calendar")
        (found,) = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][:1]
        self.assertIn(b"No. 1", found[1])
        value = imap.xatom(
            "GETMETADATA", "Calendar", "/shared/vendor/kolab/folder-type"
        )
        self.assertEqual(value[0], "OK")
        imap.logout()
        listed = json.loads(self.demo.command("calendar", "list", TO, "--json"))
        self.assertEqual([row["uid"] for row in listed["entries"]], ["one"])
        self.assertIn("No. 1", self.demo.command("calendar", "list", TO))
        self.assertIn("UID:one", self.demo.command("calendar", "show", TO, "one"))
        path = self.demo.folder / "all.ics"
        self.demo.command("calendar", "export", TO, "--output", str(path))
        self.assertEqual(len(parse(path.read_bytes()).entries), 1)
        self.tried()
        self.assertEqual(self.demo.stop(), 0)
        self.assertIn(" 0 findings", self.demo.command("verify"))

    def tried(self):
        """``sieve test`` tells the decision and changes nothing."""
        script = self.demo.folder / "before.sieve"
        letter = self.demo.folder / "letter.eml"
        made = event("one", attendee(TO), sequence=2)
        letter.write_bytes(mail(calendar("REQUEST", made)).encode())
        told = self.demo.command(
            "sieve", "test", str(script), str(letter), "--account", TO
        )
        self.assertIn("change the event 'Plans' in the calendar", told)
        new = self.demo.command("sieve", "test", str(script), str(letter), "--to", TO)
        self.assertIn("put the event 'Plans' into the calendar", new)
        self.assertEqual(self.events(), [("one", 1)])


class KilledTests(CalendarCase):
    def test_killed(self):
        """Killed while invitations come, change and go: each event is there once.

        What was acknowledged counts: an event is as the last message said that was, or
        as one said that was under way at a kill.
        """
        self.start()
        last, unsure, number, sent = {}, {}, 0, 0
        for turn in range(5):
            killer = Timer(0.6 + 0.37 * turn, self.demo.kill)
            killer.start()
            uid, sequence = "", 0
            with (
                contextlib.suppress(OSError, smtplib.SMTPException),
                self.demo.smtp() as client,
            ):
                while True:
                    number += 1
                    for sequence in range(number % 3 + 1):
                        uid = f"event{number}"
                        gone = number % 4 == 0 and sequence == number % 3
                        method = "CANCEL" if gone and sequence else "REQUEST"
                        wanted = None if method == "CANCEL" else sequence
                        unsure[uid] = {wanted, *unsure.get(uid, ())}
                        self.send(client, uid, method, sequence)
                        last[uid], unsure[uid] = wanted, {wanted}
                        sent += 1
                    self.caught_up(sent, killer)
            killer.join()
            self.demo.start()
        self.assertTrue(last)
        self.until(lambda: not self.wrong(last, unsure))
        time.sleep(1.0)  # what comes twice would come now
        self.assertEqual(self.wrong(last, unsure), [])
        self.assertEqual(self.demo.stop(), 0)
        self.assertIn(" 0 findings", self.demo.command("verify"))

    def caught_up(self, sent, killer):
        """Wait until all but the last messages are in the calendar, or all is killed."""
        while (
            not killer.finished.is_set()
            and len(self.demo.logged("event=sieve.scheduled")) < sent - BACKLOG
        ):
            time.sleep(0.05)

    def wrong(self, last, unsure):
        """What is not as acknowledged, or is there twice."""
        found = self.events()
        there = dict(found)
        return [
            *([] if len(there) == len(found) else ["twice"]),
            *(
                (uid, there.get(uid), wanted)
                for uid, wanted in last.items()
                if there.get(uid) not in {wanted, *unsure[uid]}
            ),
            *(uid for uid in there if uid not in last and uid not in unsure),
        ]

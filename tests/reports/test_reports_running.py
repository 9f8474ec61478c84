"""Reports with a running suite: by SMTP, command line, and over a restart."""

import gzip
import json
import smtplib
import socket
import sqlite3
import time
import zipfile
from contextlib import closing
from io import BytesIO

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.reports import collect, outbox
from tests.support.authentication import NameThread
from tests.support.demo import Demo
from tests.support.nameserver import Zones
from tests.support.patience import PATIENCE_SECONDS
from tests.support.reports import (
    DAY,
    FEEDBACK,
    gzipped,
    judged,
    mail,
    policy,
    row,
    tls_json,
    xml,
)


def today():
    return int(time.time() // DAY)


class RunningTests(SynchronousTestCase):
    """One demo for all that needs no restart."""

    @classmethod
    def setUpClass(cls):
        cls.demo = Demo(users=2).start()

    @classmethod
    def tearDownClass(cls):
        cls.demo.remove()

    def send(
        self, octets, to="dmarc-reports@example.test", sender="noreply@receiver.test"
    ):
        with self.demo.smtp() as client:
            client.sendmail(sender, [to], octets)

    def shown(self, what, *arguments):
        return json.loads(self.demo.command("report", what, *arguments, "--json"))

    def until(self, what, enough, *arguments):
        """Look until reports were read."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self.shown(what, *arguments)
            if enough(answer):
                return answer
            if time.monotonic() > end:
                raise AssertionError(f"{answer}\n{self.demo.output()}")
            time.sleep(0.2)

    def logged(self, word, count=1):
        end = time.monotonic() + PATIENCE_SECONDS
        while len(found := self.demo.logged(word)) < count:
            if time.monotonic() > end:
                raise AssertionError(self.demo.output())
            time.sleep(0.1)
        return found

    def test_dmarc(self):
        """A gzipped report that comes by SMTP is shown: who sends as us, what fails."""
        octets = gzipped(
            row(count=40),
            row(ip="198.51.100.9", count=2, dkim="fail", spf="fail", action="reject"),
            org="Big Receiver",
            ident="by-smtp",
            day=today() - 1,
            domain="a.example.test",
        )
        self.send(mail(octets))
        arguments = ("a.example.test", "--days", "3")
        answer = self.until("dmarc", lambda answer: answer["reports"], *arguments)
        self.assertEqual(
            [answer[key] for key in ("messages", "passed", "stopped")], [42, 40, 2]
        )
        first, second = answer["sources"]
        self.assertEqual((first["ip"], first["dkim"]), ("192.0.2.7", "example.test"))
        self.assertIn("signature does not verify", second["why"])
        text = self.demo.command("report", "dmarc", *arguments)
        self.assertIn("1 report about a.example.test in 3 days: 42 messages, 40", text)
        self.assertIn("Big Receiver", text)

    def test_known(self):
        """The same report again changes nothing."""
        for _ in range(2):
            self.send(mail(gzipped(ident="twice", domain="b.example.test")))
        self.logged("event=reports.repeated")
        self.assertEqual(
            self.shown("dmarc", "b.example.test", "--days", "999")["reports"], 1
        )

    def test_tls(self):
        """TLS reports come to their address and are shown."""
        day = time.strftime("%Y-%m-%d", time.gmtime())
        octets = mail(
            gzip.compress(tls_json(day=day, domain="t.example.test")), "tlsrpt+gzip"
        )
        self.send(octets, to="TLS-Reports@example.test")
        answer = self.until("tls", lambda answer: answer["reports"], "t.example.test")
        self.assertEqual((answer["sessions"], answer["failed"]), (100, 10))
        self.assertEqual(answer["problems"][0]["result"], "certificate-expired")
        self.assertIn(
            "10 (10.0 %) failed", self.demo.command("report", "tls", "t.example.test")
        )

    def test_failure(self):
        """A failure report is listed beside the aggregate ones."""
        self.send(FEEDBACK)
        answer = self.until("dmarc", lambda answer: answer["failures"])
        self.assertEqual(answer["failures"][0]["kind"], "auth-failure/dmarc")

    def test_foreign(self):
        """Reports about others' domains are not kept, unless an operator brings them."""
        octets = gzipped(ident="foreign", domain="foreign.test")
        self.send(mail(octets))
        self.logged("foreign.test is not ours")
        path = self.demo.folder / "foreign.xml.gz"
        path.write_bytes(octets)
        text = self.demo.command("report", "import", str(path))
        self.assertIn("foreign.test", text)
        self.assertEqual(
            self.shown("dmarc", "foreign.test", "--days", "999")["reports"], 1
        )

    def test_import(self):
        """Saved archives, messages, XML and JSON are read; others are told to be none."""
        out = BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("a.xml", xml(ident="z1"))
            archive.writestr("b.xml", xml(ident="z2"))
        contents = {
            "a.zip": out.getvalue(),
            "b.xml": xml(ident="x1"),
            "c.eml": mail(gzipped(ident="m1")),
            "d.json": tls_json(ident="j1"),
        }
        paths = []
        for name, content in contents.items():
            (self.demo.folder / name).write_bytes(content)
            paths.append(str(self.demo.folder / name))
        read = json.loads(self.demo.command("report", "import", *paths, "--json"))
        self.assertEqual(
            [one["id"] for one in read["reports"]], ["z1", "z2", "x1", "m1", "j1"]
        )
        (self.demo.folder / "none").write_bytes(b"nothing")
        with self.assertRaisesRegex(AssertionError, "no report in it"):
            self.demo.command("report", "import", str(self.demo.folder / "none"))

    def test_bomb(self):
        """A bomb and other mail are taken, told of, and kept nowhere."""
        bomb = gzip.compress(b"<feedback>" + b" " * (50 << 20))
        self.send(mail(bomb))
        self.send(b"Subject: hello\r\n\r\nI am no report.\r\n")
        self.logged("unpacks to more than 10485760 octets")
        self.logged("there is no report in it")

    def test_person(self):
        """A person of that name gets the mail, and it is read as well."""
        self.demo.command("domain", "add", "person.test")
        self.demo.command(
            "alias", "add", "dmarc-reports@person.test", self.demo.address(2)
        )
        before = len(self.demo.messages(2))
        octets = mail(gzipped(ident="person", domain="person.test"))
        self.send(octets, to="dmarc-reports@person.test")
        arguments = ("person.test", "--days", "999")
        self.until("dmarc", lambda answer: answer["reports"], *arguments)
        end = time.monotonic() + PATIENCE_SECONDS
        while len(self.demo.messages(2)) == before and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(len(self.demo.messages(2)), before + 1)

    def test_lmtp(self):
        """By LMTP as well: the reply comes once it is read."""
        path = self.demo.ready["lmtp_socket"]
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_SECONDS)
            client.connect(path)
            file = client.makefile("rwb")
            file.readline()
            for line in ("LHLO x", "MAIL FROM:<a@b.test>",
                         "RCPT TO:<dmarc-reports@example.test>", "DATA"):  # fmt: skip
                file.write(line.encode() + b"\r\n")
                file.flush()
                while (answer := file.readline())[3:4] == b"-":
                    pass
                self.assertIn(answer[:1], b"23", answer)
            file.write(mail(gzipped(ident="lmtp", domain="l.example.test")) + b".\r\n")
            file.flush()
            self.assertEqual(file.readline()[:4], b"250 ")
        found = self.shown("dmarc", "l.example.test", "--days", "999")
        self.assertEqual(found["reports"], 1)

    def test_nothing_due(self):
        """Without judged mail there is nothing to send, which is said."""
        self.assertIn("Nothing is", self.demo.command("report", "send", "--now"))
        self.assertIn("Nothing is", self.demo.command("report", "send", "--dry-run"))

    def test_unknown_still_refused(self):
        """Other names of our domains stay unknown."""
        with self.assertRaises(smtplib.SMTPRecipientsRefused):
            self.send(b"x", to="dmarc-reportsx@example.test")


class SendingTests(SynchronousTestCase):
    """What an earlier day saw is sent, and sent once, over a restart."""

    def test_sent(self):
        """Reports about our own domain come back to us and are read."""
        demo = Demo(users=1)
        self.addCleanup(demo.remove)
        demo.start()
        demo.stop()
        self.seen(demo)
        demo.start()
        (due,) = json.loads(demo.command("report", "send", "--dry-run", "--json"))[
            "reports"
        ]
        self.assertEqual((due["state"], due["messages"]), ("due", 7))
        text = demo.command("report", "send", "--now")
        self.assertIn("sent", text)
        end = time.monotonic() + PATIENCE_SECONDS
        answer = {"reports": 0}
        while not answer["reports"] and time.monotonic() < end:
            answer = json.loads(
                demo.command("report", "dmarc", "example.test", "--json")
            )
            time.sleep(0.1)
        self.assertEqual((answer["reports"], answer["messages"]), (1, 7))
        self.assertEqual(answer["reporters"][0]["org"], "mx.example.test")
        demo.kill()
        demo.start()
        self.assertIn("Nothing is", demo.command("report", "send", "--now"))
        self.assertEqual(demo.stop(), 0)

    def test_killed(self):
        """Killed between the queue's yes and its mark, it is not sent again."""
        demo = Demo(users=1)
        self.addCleanup(demo.remove)
        demo.start()
        demo.stop()
        self.seen(demo)
        path = demo.folder / "data" / "reports.db"
        with closing(sqlite3.connect(path)) as database:
            database.executescript(
                "CREATE TABLE kept AS SELECT * FROM outgoing;"
                " CREATE TRIGGER keep AFTER INSERT ON outgoing WHEN new.state = 'begun'"
                " BEGIN INSERT INTO kept SELECT * FROM outgoing; END"
            )
        demo.start()
        demo.command("report", "send", "--now")
        demo.kill()
        with closing(sqlite3.connect(path)) as database:
            database.executescript(
                "DROP TRIGGER keep; DELETE FROM outgoing;"
                " INSERT INTO outgoing SELECT * FROM kept; DROP TABLE kept"
            )
        before = len(demo.logged("event=reports.sent"))
        demo.start()
        self.settled(demo, before)
        self.assertEqual(demo.stop(), 0)
        self.assertEqual(demo.logged("event=reports.repeated"), [])
        self.assertNotIn("reports.db:", demo.command("verify"))

    def settled(self, demo, before):
        """Wait until the report was handed over again and nothing is on its way."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            known = json.loads(demo.command("report", "dmarc", "--json"))["reports"]
            open_ = json.loads(demo.command("queue", "list", "--json"))["jobs"]
            if len(demo.logged("event=reports.sent")) > before and known and not open_:
                self.assertEqual(known, 1)
                return
            time.sleep(0.1)
        raise AssertionError(demo.output())

    def seen(self, demo):
        """Put what was seen yesterday into the database."""
        collector = collect.Collector()
        asked = policy("example.test", rua=["mailto:dmarc-reports@example.test"])
        when = (today() - 1) * DAY + 5
        for n in range(7):
            collector.add(judged("example.test", asked=asked, when=when, spf=n > 2))
        batch = collector.take()
        database = sqlite3.connect(
            demo.folder / "data" / "reports.db", isolation_level=None
        )
        outbox.publish(database, batch.policies())
        for piece in batch.pieces(100):
            outbox.count(database, piece)
        database.close()


class JudgedTests(SynchronousTestCase):
    """What comes in by SMTP is judged, counted, and would be told to its owner."""

    ZONES = (
        'owner.test. 60 IN TXT "v=spf1 ip4:127.0.0.1 -all"',
        "owner.test. 60 IN MX 10 mx.owner.test.",
        (
            '_dmarc.owner.test. 60 IN TXT "v=DMARC1; p=reject;'
            ' rua=mailto:rua@owner.test,mailto:rua@dest.test; ruf=mailto:ruf@example.test"'
        ),
        'owner.test._report._dmarc.dest.test. 60 IN TXT "v=DMARC1"',
        'owner.test._report._dmarc.example.test. 60 IN TXT "v=DMARC1"',
    )

    def setUp(self):
        names = NameThread(Zones("\n".join(self.ZONES)))
        self.addCleanup(names.stop)
        self.demo = Demo(
            users=1,
            settings={
                "MAILSUITE_AUTHENTICATION_ENABLED": "true",
                "MAILSUITE_REPORTS_FAILURE": "true",
                "MAILSUITE_DNS_SERVERS": f"127.0.0.1:{names.port}",
            },
        )
        self.addCleanup(self.demo.remove)
        self.demo.start()
        self.demo.command("alias", "add", "ruf@example.test", self.demo.address())

    def send(self, ip):
        ready = self.demo.ready
        with smtplib.SMTP(
            ready["host"], ready["smtp"], "owner.test", 60, source_address=(ip, 0)
        ) as client:
            octets = b"From: a@owner.test\r\nSubject: judged\r\n\r\nhello\r\n"
            client.sendmail("a@owner.test", [self.demo.address()], octets)

    def test_judged(self):
        """Passing and forged mail are rows of one report; the forged one is told."""
        for ip in ("127.0.0.1", "127.0.0.1", "127.0.0.9"):
            self.send(ip)
        dry = ("report", "send", "--dry-run", "--json")
        (one,) = json.loads(self.demo.command(*dry))["reports"]
        self.assertEqual((one["domain"], one["state"]), ("owner.test", "collecting"))
        self.assertEqual((one["rows"], one["messages"]), (2, 3))
        self.assertEqual(one["to"], ["rua@owner.test", "rua@dest.test"])
        end = time.monotonic() + PATIENCE_SECONDS
        while not (found := self.told()):
            if time.monotonic() > end:
                raise AssertionError(self.demo.output())
            time.sleep(0.1)
        self.assertEqual(len(found), 1)
        self.assertIn(b"Feedback-Type: auth-failure", found[0])
        self.assertIn(b"Source-IP: 127.0.0.9", found[0])
        self.assertEqual(self.demo.stop(), 0)
        self.demo.start()
        (one,) = json.loads(self.demo.command(*dry))["reports"]
        self.assertEqual(one["messages"], 3)

    def told(self):
        """Failure reports that the alias's user has."""
        messages = [path.read_bytes() for path in self.demo.messages()]
        return [octets for octets in messages if b"feedback-report" in octets]

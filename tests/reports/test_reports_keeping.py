"""Reports kept: once, bounded, summed; failure reports of ours; the transport."""

import base64
import email
import json
import os
import sqlite3
from email.policy import default

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailsuite.directory import memory
from mailsuite.directory.names import parse
from mailsuite.directory.settings import Settings
from mailsuite.directory.state import Listing
from mailsuite.house.verify import sound
from mailsuite.http.api.reports import Reports as Routes
from mailsuite.http.asked import Asked
from mailsuite.http.problems import Problem
from mailsuite.http.routes import direct
from mailsuite.interfaces.queueing import IDelivery, Lease
from mailsuite.interfaces.reporting import IReportDesk, IReports
from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob, Envelope, Recipient
from mailsuite.model.errors import UsageError
from mailsuite.model.outcomes import Deferred as Late
from mailsuite.model.outcomes import Delivered
from mailsuite.model.proofs import Result
from mailsuite.net.workers import Failed, Lost
from mailsuite.relay import authorship
from mailsuite.reports import failure, inbox, schema
from mailsuite.reports.arriving import ATTEMPTS
from mailsuite.reports.service import consumed
from mailsuite.reports.settings import Reports, checked
from tests.support.reports import (
    DAY,
    NOON,
    World,
    gzipped,
    judged,
    mail,
    policy,
    row,
    signature,
    tls_json,
    xml,
)


class Case(SynchronousTestCase):
    def run_(self, work):
        return self.successResultOf(Deferred.fromCoroutine(work))

    def world(self, **more):
        world = World(**more)
        self.run_(world.service.open())
        return world

    def load(self, world, *files):
        for octets in files:
            self.run_(world.service.desk.load(octets))


class SummaryTests(Case):
    """What operators are shown."""

    def dmarc(self, world, domain="example.test", days=30):
        return self.run_(world.service.desk.dmarc(domain, days))

    def test_sources(self):
        """Sources are summed over reports and reporters, most messages first."""
        world = self.world()
        self.load(
            world,
            xml(row(count=5), row(ip="192.0.2.8", count=7), ident="1", org="A"),
            xml(row(count=5, dkim="fail"), ident="2", org="B", day=20_777),
        )
        found = self.dmarc(world)
        self.assertEqual((found.reports, found.messages, found.passed), (2, 17, 12))
        self.assertEqual(
            [(one.ip, one.messages, one.passed) for one in found.sources],
            [("192.0.2.7", 10, 5), ("192.0.2.8", 7, 7)],
        )
        self.assertEqual(
            [(one.day, one.messages) for one in found.by_day],
            [("2026-11-20", 5), ("2026-11-21", 12)],
        )
        self.assertEqual(
            [(one.org, one.messages) for one in found.reporters], [("A", 12), ("B", 5)]
        )

    def test_domain(self):
        """A domain means its subdomains too, and no others that end alike."""
        world = self.world()
        domains = ("example.test", "a.example.test", "notexample.test", "other.test")
        self.load(world, *[xml(ident=one, domain=one) for one in domains])
        self.assertEqual(self.dmarc(world).reports, 2)
        self.assertEqual(self.dmarc(world, "A.Example.Test.").reports, 1)
        self.assertEqual(self.dmarc(world, "").reports, 4)
        self.assertEqual(self.dmarc(world, "' OR 1 --%_").reports, 0)

    def test_days(self):
        """Only the days asked for count."""
        world = self.world()
        self.load(world, xml(day=20_778, ident="1"), xml(day=20_700, ident="2"))
        self.assertEqual(self.dmarc(world, days=2).reports, 1)
        self.assertEqual(self.dmarc(world, days=100).reports, 2)

    def test_names(self):
        """Names of sources are shown as far as DNS has them."""
        world = self.world()
        world.resolver.pointers = {"192.0.2.7": ["mail.example.test"]}
        self.load(world, xml(row(), row(ip="192.0.2.8")))
        self.assertEqual(
            [one.name for one in self.dmarc(world).sources], ["mail.example.test", ""]
        )

    def test_slow_names(self):
        """A DNS that hangs delays the answer by three seconds and no more."""
        world = self.world()
        self.load(world, xml())

        class Hanging:
            async def names(self, address):
                await Deferred()

        object.__setattr__(world.service.desk._ground, "resolver", Hanging())
        answer = Deferred.fromCoroutine(world.service.desk.dmarc("", 30))
        self.assertNoResult(answer)
        world.clock.advance(3)
        self.assertEqual(self.successResultOf(answer).sources[0].name, "")

    def test_lying_dates(self):
        """Dates beyond all calendars are kept and shown as numbers."""
        world = self.world()
        self.load(world, xml(day=2**24))
        self.assertEqual(self.dmarc(world).by_day[0].day, str((2**40) // DAY))

    def test_tls(self):
        """Sessions and problems are summed."""
        world = self.world()
        self.load(world, tls_json(ident="1"), tls_json(ident="2", failed=5))
        found = self.run_(world.service.desk.tls("example.test", 30))
        self.assertEqual((found.reports, found.sessions, found.failed), (2, 195, 15))
        (one,) = found.problems
        self.assertEqual((one.result, one.sessions), ("certificate-expired", 15))

    def test_many_rows(self):
        """Thousands of rows cross from the child to the database whole."""
        world = self.world()
        rows = [row(ip=f"10.0.{n >> 8}.{n & 255}", count=1) for n in range(2_500)]
        self.load(world, xml(*rows))
        found = self.dmarc(world)
        self.assertEqual((found.messages, len(found.sources)), (2_500, 100))


class KeepingTests(Case):
    """Once each, bounded, and nothing of a broken file."""

    def test_once(self):
        """Organization, domain and id make a report; the kind tells them apart."""
        world = self.world()
        desk = world.service.desk
        fresh = [
            self.run_(desk.load(octets))[0].fresh
            for octets in (xml(), xml(), xml(org="B"), xml(domain="b.test"), xml(ident="2"),
                           tls_json(ident="r-1"))
        ]  # fmt: skip
        self.assertEqual(fresh, [True, False, True, True, True, True])

    def test_retention(self):
        """Old reports go first by age, then by the number of rows."""
        world = self.world(keep_days=10, keep_rows=7)
        for n in range(4):
            self.load(world, xml(row(), row(), ident=str(n)))
            world.wall += DAY
        self.run_(world.service._forget(world.wall))
        found = self.run_(world.service.desk.dmarc("", 90))
        self.assertEqual((found.reports, found.messages), (2, 12))
        self.run_(world.service._forget(world.wall + 20 * DAY))
        rows = self.run_(
            world.archive.run(
                lambda database: database.execute(
                    "SELECT (SELECT count(*) FROM report), (SELECT count(*) FROM sighting)"
                ).fetchone()
            )
        )
        self.assertEqual(rows, (0, 0))

    def test_nonsense(self):
        """What a broken child says is kept nowhere, not even in part."""
        world = self.world()
        head = {"kind": "dmarc", "org": "o", "contact": "", "domain": "d.test", "id": "1",
                "begins": 0, "ends": 1, "policy": "", "rows": 1, "messages": 1}  # fmt: skip
        for lines in ([b'[["only one"]]'], [b"[[1", b""], [b"{}{}"]):
            work = Deferred.fromCoroutine(
                world.archive.run(inbox.put, head, lines, 0.0, proven=True)
            )
            self.failureResultOf(work)
        found = self.run_(world.service.desk.dmarc("", 30_000))
        self.assertEqual(found.reports, 0)

    def test_corrupt(self):
        """A broken database is set aside and told of; reports go on."""
        path = self.mktemp()
        world = self.world(path=path)
        self.load(world, xml())
        self.run_(world.archive.close())
        with open(path, "r+b") as file:
            file.write(b"garbage!" * 1_000)
        world = self.world(path=path)
        self.assertEqual(world.events.names(), ["reports.corrupt"])
        self.assertTrue(os.path.exists(path + ".corrupt"))
        self.load(world, xml())

    def test_newer(self):
        """A newer release's database stops the start."""
        path = self.mktemp()
        schema.connect(path).database.execute("PRAGMA user_version = 99")
        with self.assertRaisesRegex(UsageError, "newer release"):
            schema.connect(path)
        self.assertIn("newer", next(sound(path, schema.findings)))

    def test_findings(self):
        """Verify finds nothing in a good one and something in a broken one."""
        path = self.mktemp()
        self.assertEqual(list(sound(path, schema.findings)), [])
        world = self.world(path=path)
        self.load(world, xml())
        self.run_(world.archive.close())
        self.assertEqual(list(sound(path, schema.findings)), [])
        database = sqlite3.connect(path)
        database.execute("DELETE FROM report")
        database.commit()
        database.close()
        self.assertEqual(len(list(sound(path, schema.findings))), 1)

    def test_private(self):
        """The file is for its owner alone."""
        path = self.mktemp()
        schema.connect(path)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_settings(self):
        """Settings that cannot be are told."""
        for wrong in ({"addresses": ("a@b",)}, {"sender": "x"}, {"sender": "a b@c.test"},
                      {"per_minute": 0}, {"keep_days": 0}, {"addresses": ("",)}):  # fmt: skip
            with self.assertRaises(UsageError):
                checked(Reports(**wrong))
        checked(Reports(sender="dmarc@x.test", addresses=("a.b",)))

    def test_provides(self):
        """Each part provides what it says."""
        service = self.world().service
        verifyObject(IReports, service)
        verifyObject(IReportDesk, service.desk)
        verifyObject(IDelivery, service.consuming)
        verifyObject(IDelivery, service.reading(service.consuming))


class FailureTests(Case):
    """Failure reports of ours (RFC 9991)."""

    HEADER = (
        b"From: Boss <boss@sender.test>\r\nTo: victim.one@example.test\r\n"
        b"Subject: pay\r\nMessage-ID: <1@sender.test>\r\n"
        b"DKIM-Signature: v=1; i=@sender.test; d=sender.test\r\n"
    )

    def asked(self, **more):
        return policy(rua=(), ruf=("mailto:ruf@sender.test",), **more)

    def told(self, world, **more):
        more = {"asked": self.asked(), "header": self.HEADER} | more
        world.service.judged(judged(**more))
        return world.mails

    def test_form(self):
        """Fields of RFC 9991 and RFC 5965, and the header of the message."""
        spf = {"sender.test": [b"other", b"v=spf1 -all"]}
        world = self.world(failure=True, failure_redact=False, text=spf)
        bad = signature(result=Result.FAIL)
        ((envelope, octets),) = self.told(world, signatures=[bad], disposition="reject")
        self.assertIsNone(envelope.sender)
        self.assertTrue(authorship.own(envelope.marks), "it is not signed")
        message = email.message_from_bytes(octets, policy=default)
        self.assertEqual(message.get_content_type(), "multipart/report")
        self.assertEqual(
            message["Content-Type"].params["report-type"], "feedback-report"
        )
        _, fields, original = message.iter_parts()
        self.assertEqual(fields.get_content_type(), "message/feedback-report")
        fields = email.message_from_bytes(
            fields.get_payload(0).as_bytes(), policy=default
        )
        wanted = {
            "Feedback-Type": "auth-failure",
            "Version": "1",
            "Auth-Failure": "dmarc",
            "Identity-Alignment": "dkim, spf",
            "Delivery-Result": "reject",
            "Source-IP": "192.0.2.1",
            "Reported-Domain": "sender.test",
            "Original-Mail-From": "<bounce@sender.test>",
            "DKIM-Domain": "sender.test",
            "DKIM-Identity": "@sender.test",
            "DKIM-Selector": "s1",
            "SPF-DNS": 'txt : sender.test : "v=spf1 -all"',
        }
        self.assertEqual({name: fields[name] for name in wanted}, wanted)
        self.assertEqual(original.get_content_type(), "text/rfc822-headers")
        self.assertIn("victim.one@example.test", original.get_content())

    def test_redacted(self):
        """Local parts are replaced, equal ones alike, and nothing else."""
        world = self.world(failure=True)
        ((_, octets),) = self.told(world)
        self.assertNotIn(b"victim.one", octets)
        self.assertNotIn(b"boss@", octets)
        for kept in (b"@example.test", b"<1@sender.test>", b"i=@sender.test", b"pay"):
            self.assertIn(kept, octets)
        secret = b"k"
        twice = failure.reported(b"To: a@x.test, a@y.test\r\n", secret)
        first, second = twice[4:].split(b", ")
        self.assertEqual(first.split(b"@")[0], second.split(b"@")[0])

    def test_off(self):
        """By default there are none."""
        self.assertEqual(self.told(self.world()), [])

    def test_loops(self):
        """None about null reverse-paths, reports or automatic mail, nor for suffixes."""
        for more in (
            {"sender": ""},
            {"header": b"Content-Type: multipart/report; x=y\r\n"},
            {"header": b"Auto-Submitted: auto-generated\r\n"},
            {"asked": self.asked(psd="y")},
        ):
            self.assertEqual(self.told(self.world(failure=True), **more), [])
        manual = {"header": b"Auto-Submitted: no\r\n"}
        self.assertEqual(len(self.told(self.world(failure=True), **manual)), 1)

    def test_options(self):
        """``fo`` decides (RFC 9989 §4.7)."""
        bad = [signature("other.test", Result.FAIL)]
        rows = {
            ("0", False, False): 1,
            ("0", True, False): 0,
            ("1", True, False): 1,
            ("1", True, True): 0,
            ("d", True, True): 1,
            ("s", True, False): 1,
            ("s", True, True): 0,
        }
        for (option, dkim, spf), count in rows.items():
            world = self.world(failure=True)
            asked = self.asked(fo=option)
            self.told(world, asked=asked, dkim=dkim, spf=spf, signatures=bad)
            self.assertEqual(len(world.mails), count, (option, dkim, spf))

    def test_rate(self):
        """So many an hour; the next one counts the others."""
        world = self.world(failure=True, failure_per_hour=2)
        for _ in range(10):
            self.told(world)
        self.assertEqual(len(world.mails), 2)
        world.clock.advance(3_600)
        self.told(world)
        self.assertEqual(len(world.mails), 3)
        self.assertIn(b"Incidents: 9\r\n", world.mails[-1][1])

    def test_unconfirmed(self):
        """Others must confirm here as well."""
        asked = policy(rua=(), ruf=("mailto:a@victim.test",))
        self.assertEqual(self.told(self.world(failure=True), asked=asked), [])

    def test_injection(self):
        """What strangers wrote begins no field of the report."""
        header = b"Subject: x\r\n" + b"To: a\x00b@c.test\r\n" + b"X: " + b"y" * 70_000
        world = self.world(failure=True)
        ((_, octets),) = self.told(world, sender="a\r\nBcc: x@y.test", header=header)
        self.assertNotIn(b"\nBcc:", octets)
        self.assertNotIn(b"\0", octets)
        self.assertLess(len(octets), 20_000)


class TransportTests(Case):
    """Mail that comes to report addresses."""

    def lease(self, octets, attempt=1, **marks):
        to = (Recipient(0, Address("dmarc-reports", "example.test")),)
        blob = Blob("k", len(octets), octets)
        return Lease(
            "Q", 1, Envelope(None, to, marks), blob, to, "reports", attempt, NOON
        )

    def delivered(self, world, lease):
        settled = {}

        async def settle(_lease, outcomes):
            settled.update(outcomes)
            return True

        self.run_(world.service.consuming.deliver(lease, settle))
        return settled[0]

    def test_read(self):
        """A report is durable before the recipient is done."""
        world = self.world()
        outcome = self.delivered(world, self.lease(mail(gzipped())))
        self.assertIsInstance(outcome, Delivered)
        self.assertEqual(world.events.names(), ["reports.received"])

    def test_no_report(self):
        """Other mail is done with as well, and told of."""
        world = self.world()
        self.assertIsInstance(self.delivered(world, self.lease(b"x")), Delivered)
        self.assertEqual(world.events.names(), ["reports.ignored"])

    def test_poison(self):
        """What kills its reader is tried some times, then passed over."""
        world = self.world()
        for attempt in range(1, ATTEMPTS + 1):
            world.workers.trouble = [Lost("x"), Lost("x")]
            outcome = self.delivered(world, self.lease(mail(gzipped()), attempt))
            late = attempt < ATTEMPTS
            self.assertIsInstance(outcome, Late if late else Delivered)

    def test_reader_fails(self):
        """What the reader cannot do is told, and nobody gets a bounce."""
        world = self.world()
        world.workers.trouble = [Failed("MemoryError: ")]
        self.assertIsInstance(self.delivered(world, self.lease(b"x")), Delivered)
        (event,) = world.events.of("reports.ignored")
        self.assertEqual(event.fields["reason"], "MemoryError:")

    def test_huge(self):
        """A message beyond the bound is not even read."""
        world = self.world()
        self.delivered(world, self.lease(b"x" * ((32 << 20) + 1)))
        self.assertEqual(world.workers.asked, 0)

    def test_proven(self):
        """An invented report keeps no true one out, and the true one is shown so."""
        world = self.world()
        invented = mail(gzipped(row(count=999)))
        for octets, marks in (
            (invented, {"dmarc": "fail"}),
            (mail(gzipped(row(count=1))), {"dmarc": "pass"}),
            (invented, {}),
            (invented, {"dmarc": "pass"}),
        ):
            self.delivered(world, self.lease(octets, **marks))
        self.assertEqual(
            world.events.names(), [*["reports.received"] * 2, *["reports.repeated"] * 2]
        )
        found = self.run_(world.service.desk.dmarc("", 30))
        self.assertEqual(found.messages, 1)
        self.assertTrue(found.reporters[0].proven)

    def test_flood(self):
        """A flood of inventions takes no place of true reports."""
        world = self.world(keep_rows=20)
        true = {"dmarc": "pass"}
        self.delivered(world, self.lease(mail(gzipped(ident="true")), **true))
        for n in range(30):
            world.wall += 1
            self.delivered(world, self.lease(mail(gzipped(ident=str(n)))))
        self.run_(world.service._forget(world.wall))
        found = self.run_(world.service.desk.dmarc("", 30))
        self.assertEqual(
            sorted((one.proven, one.reports) for one in found.reporters),
            [(False, 9), (True, 1)],
        )

    def test_foreign(self):
        """Reports of others' domains are passed over unless wanted."""
        octets = mail(gzipped(domain="other.test"))
        world = self.world()
        self.delivered(world, self.lease(octets))
        self.assertEqual(world.events.names(), ["reports.ignored"])
        world = self.world(foreign=True)
        self.delivered(world, self.lease(octets))
        self.assertEqual(world.events.names(), ["reports.received"])

    def test_beside(self):
        """A person's mail is delivered whatever the reading comes to."""
        world = self.world()
        reading = world.service.reading(world)
        settled = []

        async def settle(_lease, outcomes):
            settled.append(outcomes)
            return True

        world.workers.trouble = [Lost("x"), Lost("x")]
        self.run_(reading.deliver(self.lease(mail(gzipped())), settle))
        self.assertEqual(len(settled), 1)
        self.run_(reading.deliver(self.lease(mail(gzipped())), settle))
        self.assertEqual(world.events.names(), ["reports.received"])
        self.run_(reading.deliver(self.lease(mail(gzipped()), attempt=2), settle))
        self.assertEqual((len(settled), world.workers.asked), (3, 3))

    def test_reload(self):
        """Other names count at once."""
        world = self.world()
        reading = world.service.reading(world)
        world.service.reload(Reports(addresses=("RUA",)))
        self.assertEqual(reading.names, frozenset({"rua"}))


class NameTests(Case):
    """Which names are read by the suite."""

    def found(self, *names):
        made = memory.make(
            {"u@example.test": "x", "tls-reports@example.test": "x", "u@c.test": "x"},
            {"dmarc-reports@c.test": ["u@c.test"]},
            catch_all={"b.test": "all@elsewhere.test"},
        )
        made.directory.rearrange(Settings(), Listing(), consumed(Reports()))
        addresses = [parse(name) for name in names]
        ways = self.run_(made.directory.transports(addresses))
        kinds = self.run_(made.directory.resolve(addresses))
        return [
            (type(kind).__name__, way) for kind, way in zip(kinds, ways, strict=True)
        ]

    def test_order(self):
        """Users and aliases go before them, a catch-all does not."""
        found = self.found(
            "DMARC-Reports@example.test",
            "tls-reports@example.test",
            "dmarc-reports@b.test",
            "other@b.test",
            "dmarc-reports@c.test",
            "dmarc-reports@elsewhere.test",
            "nobody@example.test",
        )
        self.assertEqual(
            found,
            [
                ("Consumed", "reports"),
                ("Local", "local"),
                ("Consumed", "reports"),
                ("Alias", "local"),
                ("Alias", "local"),
                ("Remote", "relay"),
                ("Unknown", "local"),
            ],
        )


class RouteTests(Case):
    """The API beneath the commands."""

    def ask(self, method, what, query=None, body=None):
        routes = Routes(self.world().service.desk).routes()
        asked = Asked(query or {}, body or {})
        return self.run_(direct(routes, method, ("reports", what), asked))

    def refused(self, *arguments, **more):
        routes = Routes(self.world().service.desk).routes()
        method, what = arguments
        work = direct(routes, method, ("reports", what), Asked(**more))
        failure = self.failureResultOf(Deferred.fromCoroutine(work), Problem)
        return failure.value.status

    def test_answers(self):
        """Summaries are plain JSON."""
        for what in ("dmarc", "tls"):
            answer = self.ask("GET", what, {"domain": "x.test", "days": "3"})
            self.assertEqual((answer["reports"], answer["days"]), (0, 3))
            json.dumps(answer)
        self.assertEqual(self.ask("GET", "outgoing"), {"reports": []})
        self.assertEqual(self.ask("POST", "send"), {"reports": []})
        content = base64.b64encode(gzipped()).decode()
        (one,) = self.ask("POST", "import", body={"content": content})["reports"]
        self.assertEqual((one["kind"], one["fresh"]), ("dmarc", True))

    def test_refused(self):
        """What is wrong is told with the right status."""
        self.assertEqual(self.refused("GET", "dmarc", query={"days": "-1"}), 400)
        self.assertEqual(self.refused("GET", "dmarc", query={"domain": "x" * 300}), 400)
        self.assertEqual(self.refused("GET", "tls", query={"other": "1"}), 400)
        self.assertEqual(self.refused("POST", "import", body={"content": "§"}), 400)
        self.assertEqual(self.refused("POST", "import", body={"content": ""}), 409)
        self.assertEqual(self.refused("GET", "nothing"), 404)

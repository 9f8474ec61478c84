"""Reports of ours: what they say, to whom they go, and that they go once."""

import email
import gzip
import io
import re
import sqlite3
from email.policy import default
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import NoSpace
from mailsuite.model.proofs import Result, Signature
from mailsuite.net.workers import Failed, Lost
from mailsuite.policy.networks import plain
from mailsuite.relay import authorship
from mailsuite.reports import aggregate, collect, outbox
from tests.support.reports import DAY, NOON, World, judged, policy, signature

SCHEMA = etree.XMLSchema(
    etree.parse(Path(__file__).parent.parent / "support" / "dmarc-report.xsd")
)


def report_of(mail):
    """The attachment's name and XML, by Python's own parser of mail."""
    message = email.message_from_bytes(mail, policy=default)
    (part,) = message.iter_attachments()
    return message, part.get_filename(), gzip.decompress(part.get_content())


class Case(SynchronousTestCase):
    def run_(self, work):
        return self.successResultOf(Deferred.fromCoroutine(work))

    def world(self, **more):
        world = World(**more)
        self.run_(world.service.open())
        return world

    def sent(self, world, *messages, days=1):
        """Count messages, let the day end, and send."""
        for one in messages:
            world.service.judged(one)
        self.run_(world.service._flush())
        world.wall += days * DAY
        return self.run_(world.service.desk.send())

    def checked(self, xml):
        document = etree.fromstring(xml)
        self.assertTrue(SCHEMA.validate(document), SCHEMA.error_log)
        return document


class ContentTests(Case):
    """What a report tells (RFC 9990 §3.1)."""

    def rows(self, *messages):
        world = self.world()
        self.sent(world, *messages)
        _, _, xml = report_of(world.mails[0][1])
        self.checked(xml)
        rows = []
        head = aggregate.read([xml], rows.append)
        return head, rows

    def test_counted(self):
        """Messages alike are one row; others are others."""
        head, rows = self.rows(
            *[judged(dkim=True, signatures=[signature()])] * 3,
            judged(ip="2001:db8::25", disposition="reject"),
        )
        self.assertEqual((head.rows, head.messages), (2, 4))
        self.assertEqual([row[:5] for row in rows], [
            ("192.0.2.1", 3, "pass", 1, 0),
            ("2001:db8::25", 1, "reject", 0, 1),
        ])  # fmt: skip

    def test_head(self):
        """Metadata, policy and the whole UTC day stand in it."""
        asked = policy(sp="quarantine", adkim="s", testing=True, fo="1:d")
        world = self.world(organization="Example & Co", contact="https://x.test/?a&b")
        self.sent(world, judged(asked=asked))
        _, _, xml = report_of(world.mails[0][1])
        space = "{urn:ietf:params:xml:ns:dmarc-2.0}"
        found = {e.tag.removeprefix(space): e.text for e in self.checked(xml).iter()}
        wanted = {
            "version": "1.0",
            "org_name": "Example & Co",
            "email": "dmarc-reports@example.test",
            "extra_contact_info": "https://x.test/?a&b",
            "begin": str(20_779 * DAY),
            "end": str(20_780 * DAY - 1),
            "discovery_method": "treewalk",
            "p": "reject",
            "sp": "quarantine",
            "np": "quarantine",
            "adkim": "s",
            "aspf": "r",
            "testing": "y",
            "fo": "1:d",
            "header_from": "sender.test",
            "envelope_from": "sender.test",
            "envelope_to": "example.test",
            "scope": "mfrom",
        }
        self.assertEqual({key: found[key] for key in wanted}, wanted)

    def test_ours(self):
        """The relay signs it: reports must prove who sent them (RFC 9990 §3.5)."""
        world = self.world()
        self.sent(world, judged())
        self.assertTrue(authorship.own(world.mails[0][0].marks))

    def test_override(self):
        """Why the owner's policy was not followed, if we said so."""
        world = self.world()
        self.sent(world, judged(override="mailing_list", comment="a < b"),
                  judged(ip="192.0.2.9", override="nonsense"))  # fmt: skip
        _, _, xml = report_of(world.mails[0][1])
        self.assertEqual(xml.count(b"<reason>"), 1)
        self.assertIn(b"<type>mailing_list</type><comment>a &lt; b</comment>", xml)

    def test_signatures(self):
        """At most a hundred, aligned and good ones first (RFC 9990 §3.1.3)."""
        bad = [signature(f"d{n}.test", Result.FAIL) for n in range(150)]
        good = [signature("other.test"), signature("mail.sender.test"), signature()]
        row = collect.row(judged(signatures=[*bad, *good]), policy())
        self.assertEqual(len(row[7]), 100)
        self.assertEqual(
            [one[0] for one in row[7][:3]],
            ["sender.test", "mail.sender.test", "other.test"],
        )

    def test_pass(self):
        """``pass`` only under a policy that would have acted."""
        mild = policy(p="none")
        self.assertEqual(collect.row(judged(dkim=True), policy())[1], "pass")
        self.assertEqual(collect.row(judged(dkim=True), mild)[1], "none")

    def test_nobody_asks(self):
        """Without rua nothing is counted."""
        world = self.world()
        world.service.judged(judged(asked=policy(rua=())))
        self.assertEqual(len(world.service._collector), 0)

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.builds(
                judged,
                ip=st.ip_addresses().map(lambda ip: plain(str(ip))),
                dkim=st.booleans(),
                spf=st.booleans(),
                sender=st.text(max_size=20),
                override=st.sampled_from(["", "other", "local_policy", "x"]),
                comment=st.text(max_size=20),
                to=st.text(max_size=10),
                disposition=st.sampled_from(["none", "quarantine", "reject", "odd"]),
                signatures=st.lists(
                    st.builds(
                        Signature,
                        st.sampled_from(Result),
                        st.text(max_size=10),
                        st.text(max_size=10),
                        reason=st.text(max_size=10),
                    ),
                    max_size=3,
                ),
            ),
            min_size=1,
            max_size=5,
        )
    )
    def test_valid(self, messages):
        """Whatever strangers put into a message, the report is valid."""
        head, _ = self.rows(*messages)
        self.assertEqual(head.messages, len(messages))


class MailTests(Case):
    """How a report travels (RFC 9990 §3.5.2)."""

    def test_form(self):
        """Subject, name and type are as the RFC wants them."""
        world = self.world()
        (told,) = self.sent(world, judged())
        self.assertEqual((told.state, told.to), ("sent", ("dmarc@sender.test",)))
        envelope, mail = world.mails[0]
        self.assertEqual(str(envelope.sender), "dmarc-reports@example.test")
        message, name, _ = report_of(mail)
        begins = 20_779 * DAY
        match = re.fullmatch(
            r"example\.test!sender\.test!(\d+)!(\d+)!([A-Za-z0-9]+)\.xml\.gz", name
        )
        self.assertEqual(match.groups()[:2], (str(begins), str(begins + DAY - 1)))
        self.assertEqual(
            " ".join(message["Subject"].split()),
            f"Report Domain: sender.test Submitter: example.test Report-ID: <{match[3]}>",
        )
        self.assertIn(b"Content-Type: application/gzip\r\n", mail)
        self.assertLessEqual(max(map(len, mail.split(b"\r\n"))), 998)
        self.assertNotIn(b"\n", mail.replace(b"\r\n", b""))

    def test_same_again(self):
        """The same report is the same file with the same id, whenever it is made."""
        first, second = self.world(), self.world()
        for world, days in ((first, 1), (second, 3)):
            self.sent(world, judged(), days=days)
        names = [report_of(world.mails[0][1])[1:] for world in (first, second)]
        self.assertEqual(*names)

    def test_own_sender(self):
        """The operator's address and name are used."""
        world = self.world(sender="rua@mail.example.test", organization='A "b"')
        self.sent(world, judged())
        message, name, _ = report_of(world.mails[0][1])
        self.assertEqual(message["From"], '"A \\"b\\"" <rua@mail.example.test>')
        self.assertTrue(name.startswith("mail.example.test!"))


class DestinationTests(Case):
    """To whom it goes (RFC 9990 §3.5, §4)."""

    CONFIRM = "sender.test._report._dmarc.dest.test"

    def to(self, *uris, text=None, **more):
        world = self.world(text=text, **more)
        (told,) = self.sent(world, judged(asked=policy(rua=uris)))
        return sorted(str(env.recipients[0].address) for env, _ in world.mails), told

    def test_own(self):
        """Addresses below the organizational domain need no confirmation."""
        found, _ = self.to("mailto:a@sender.test", "mailto:b@sub.sender.test")
        self.assertEqual(found, ["a@sender.test", "b@sub.sender.test"])

    def test_unconfirmed(self):
        """Others that do not confirm get nothing."""
        found, told = self.to("mailto:a@dest.test", "mailto:a@notsender.test")
        self.assertEqual((found, told.state), ([], "nobody"))
        self.assertIn("dest.test does not confirm", told.reason)

    def test_confirmed(self):
        """Others that confirm do."""
        text = {self.CONFIRM: [b"v=DMARC1"]}
        found, _ = self.to("mailto:a@dest.test", text=text)
        self.assertEqual(found, ["a@dest.test"])

    def test_other_text(self):
        """Any other record confirms nothing."""
        text = {self.CONFIRM: [b"v=spf1 -all", b"rua=x; v=DMARC1"]}
        self.assertEqual(self.to("mailto:a@dest.test", text=text)[0], [])

    def test_override(self):
        """The confirming record may name another address of the same host."""
        text = {self.CONFIRM: [b"v=DMARC1; rua=mailto:b@dest.test"]}
        self.assertEqual(self.to("mailto:a@dest.test", text=text)[0], ["b@dest.test"])

    def test_override_elsewhere(self):
        """One of another host stops both."""
        text = {self.CONFIRM: [b"v=DMARC1; rua=mailto:b@victim.test"]}
        self.assertEqual(self.to("mailto:a@dest.test", text=text)[0], [])

    def test_no_answer(self):
        """DNS that does not answer is asked again an hour later."""
        world = self.world(broken=[self.CONFIRM])
        asked = policy(rua=["mailto:a@dest.test"])
        (told,) = self.sent(world, judged(asked=asked))
        self.assertEqual(told.state, "later")
        self.assertEqual(self.run_(world.service.desk.send()), [])
        world.resolver.broken = frozenset()
        world.resolver.text = {self.CONFIRM: [b"v=DMARC1"]}
        world.clock.advance(3_600)
        (told,) = self.run_(world.service.desk.send())
        self.assertEqual(told.state, "sent")

    def test_sizes(self):
        """A destination that takes less than the report has gets none."""
        found, _ = self.to("mailto:a@sender.test!100", "mailto:b@sender.test!10m")
        self.assertEqual(found, ["b@sender.test"])
        _, told = self.to("mailto:a@sender.test!100")
        self.assertEqual(told.state, "nobody")
        self.assertIn("too many", told.reason)

    def test_schemes(self):
        """Only mailto counts, and only addresses that are some."""
        uris = ("https://sender.test/", "mailto:", "mailto:@sender.test", "mailto:a@",
                "mailto:a%0d%0aBcc:x@sender.test", "mailto:a@sender.test%0d%0aX:y",
                "mailto:good@sender.test?subject=x", "mailto:g%6fod@sender.test")  # fmt: skip
        self.assertEqual(self.to(*uris)[0], ["good@sender.test"])

    def test_many(self):
        """No more than five destinations of a domain are served."""
        uris = [f"mailto:a{n}@sender.test" for n in range(20)]
        self.assertEqual(len(self.to(*uris)[0]), 5)

    def test_never(self):
        """The operator's word is last, for subdomains too."""
        found, told = self.to("mailto:a@sender.test", never=("SENDER.test",))
        self.assertEqual((found, told.state), ([], "nobody"))

    def test_suffix(self):
        """A public suffix with a policy is no owner of what is below it."""
        asked = policy("bank", psd="y", rua=["mailto:a@victim.bank", "mailto:b@bank"])
        world = self.world()
        self.sent(world, judged("victim.bank", asked=asked))
        self.assertEqual(len(world.mails), 2)  # below the suffix is its own


class OnceTests(Case):
    """A day of a domain is told once for ever."""

    def test_twice(self):
        """Asked again, there is nothing due; later messages of the day are dropped."""
        world = self.world()
        self.sent(world, judged())
        self.assertEqual(self.run_(world.service.desk.send()), [])
        self.assertEqual(self.sent(world, judged(), days=0), [])
        self.assertEqual(len(world.mails), 1)
        self.assertEqual(world.events.of("reports.dropped")[0].fields, {"messages": 1})

    def test_today(self):
        """A day that is not over is not told."""
        world = self.world()
        self.assertEqual(self.sent(world, judged(), days=0), [])
        (one,) = self.run_(world.service.desk.outgoing())
        self.assertEqual((one.state, one.messages), ("collecting", 1))

    def test_dry(self):
        """Looking sends nothing."""
        world = self.world()
        world.service.judged(judged())
        world.wall += DAY
        (one,) = self.run_(world.service.desk.outgoing())
        self.assertEqual((one.state, one.to), ("due", ("dmarc@sender.test",)))
        self.assertEqual(world.mails, [])

    def test_days(self):
        """Each day and each domain has its own report."""
        world = self.world()
        told = self.sent(world, judged(), judged(when=NOON - DAY),
                         judged("b.test", asked=policy("b.test", rua=["mailto:a@b.test"])))  # fmt: skip
        self.assertEqual([(one.day, one.domain) for one in told], [
            ("2026-11-21", "sender.test"),
            ("2026-11-22", "b.test"),
            ("2026-11-22", "sender.test"),
        ])  # fmt: skip

    def crashed(self, path, **fault):
        """Send and die just ``before``, or ``after``, the queue had the mails."""
        world = self.world(path=path)
        for when in fault:
            setattr(world.queue, when, KeyboardInterrupt())
        world.service.judged(judged())
        self.run_(world.service._flush())
        world.wall += DAY
        with self.assertRaises(KeyboardInterrupt):
            world.service.desk.send().send(None)
        for when in fault:
            setattr(world.queue, when, None)
        return world

    def test_died_before(self):
        """A run that died before the queue had it sends it at the next start."""
        path = self.mktemp()
        old = self.crashed(path, before=True)
        world = self.world(path=path, queue=old.queue)
        world.wall = NOON + DAY
        self.run_(world.service._resume())
        self.assertEqual(len(old.mails), 1)
        self.assertEqual(self.run_(world.service.desk.send()), [])

    def test_died_after(self):
        """One that died when the queue had it does not send it again."""
        path = self.mktemp()
        old = self.crashed(path, after=True)
        world = self.world(path=path, queue=old.queue)
        world.wall = NOON + DAY
        self.run_(world.service._resume())
        self.assertEqual(len(old.mails), 1)
        self.assertEqual(self.run_(world.service.desk.send()), [])

    def test_no_space(self):
        """A queue without room gets it later."""
        world = self.world()
        world.queue.before = NoSpace("full")
        world.service.judged(judged())
        world.wall += DAY
        self.failureResultOf(Deferred.fromCoroutine(world.service.desk.send()), NoSpace)
        world.queue.before = None
        (told,) = self.run_(world.service.desk.send())
        self.assertEqual((told.state, len(world.mails)), ("sent", 1))

    def test_poison(self):
        """A report that kills its writer again and again is given up."""
        world = self.world()
        world.workers.trouble = [Lost("x"), Failed("y"), Lost("z")]
        states = [self.sent(world, judged())[0].state]
        states += [self.run_(world.service.desk.send())[0].state for _ in range(2)]
        self.assertEqual(states, ["later", "later", "nobody"])
        self.assertEqual(self.run_(world.service.desk.send()), [])


class MinuteTests(Case):
    """What happens by itself."""

    def test_each_night(self):
        """Reports go after midnight, at a moment chosen by chance, some each minute."""
        world = self.world(per_minute=2, spread_seconds=0)
        for n in range(5):
            domain = f"d{n}.test"
            asked = policy(domain, rua=[f"mailto:a@{domain}"])
            world.service.judged(judged(domain, asked=asked))
        world.service.start()
        sent = []
        for _ in range(12 * 60 + 6):
            world.clock.advance(60)
            world.wall += 60
            sent.append(len(world.mails))
        self.assertEqual(sent[:720], [0] * 720)
        self.assertEqual(sent[-6:], [0, 0, 2, 4, 5, 5])
        self.run_(world.service.stop())

    def test_off(self):
        """Switched off, nothing is counted or sent."""
        world = self.world(aggregate=False)
        self.assertEqual(self.sent(world, judged()), [])

    def test_stop_keeps(self):
        """What was counted is written when the house stops."""
        path = self.mktemp()
        world = self.world(path=path)
        world.service.start()
        world.service.judged(judged())
        self.run_(world.service.stop())
        world = self.world(path=path)
        (one,) = self.run_(world.service.desk.outgoing())
        self.assertEqual(one.messages, 1)

    def test_bounded(self):
        """More different rows than memory holds are counted as dropped."""
        collector = collect.Collector()
        self.patch(collect, "ROWS", 10)
        for n in range(30):
            collector.add(judged(ip=f"192.0.2.{n}"))
            collector.add(judged(ip="192.0.2.1"))
        self.assertEqual((len(collector), collector.dropped), (10, 20))

    def test_disk_full(self):
        """What cannot be written stays in memory for the next minute."""
        world = self.world()

        def full(*_arguments):
            raise sqlite3.OperationalError("database or disk is full")

        patched = self.patch(outbox, "publish", full)
        world.service.judged(judged())
        self.run_(world.service._flush())
        self.assertEqual(len(world.service._collector), 1)
        patched.restore()
        (told,) = self.sent(world)
        self.assertEqual(told.messages, 1)

    def test_row_limit(self):
        """A report has a bounded number of rows, a day too."""
        self.patch(outbox, "ROWS", 3)
        world = self.world()
        (told,) = self.sent(world, *[judged(ip=f"192.0.2.{n}") for n in range(5)])
        self.assertEqual((told.rows, told.messages), (3, 3))
        self.assertEqual(world.events.of("reports.dropped")[0].fields, {"messages": 2})

    def test_independent_reader(self):
        """Python's own XML parser finds the rows where RFC 9990 puts them."""
        world = self.world()
        self.sent(world, judged(), judged(ip="192.0.2.2"))
        xml = report_of(world.mails[0][1])[2]
        found = etree.parse(io.BytesIO(xml)).findall("./{*}record/{*}row/{*}source_ip")
        self.assertEqual({one.text for one in found}, {"192.0.2.1", "192.0.2.2"})

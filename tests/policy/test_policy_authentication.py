"""The stage that judges who sent a message: findings, measures, fields, marks."""

import base64
import time
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailsuite.dns.memory import Table
from mailsuite.events.memory import Events
from mailsuite.interfaces.receiving import IContentStage, IWatch
from mailsuite.interfaces.reporting import IReports
from mailsuite.model.errors import UsageError
from mailsuite.model.outcomes import Delivered
from mailsuite.model.principals import Peer, Principal
from mailsuite.policy.authentication.ground import Ground
from mailsuite.policy.authentication.settings import Authentication as Settings
from mailsuite.policy.authentication.verdict import Rules
from mailsuite.policy.reception import Purpose, Receptions
from mailsuite.policy.stages.authentication import Authentication
from mailsuite.policy.view import View
from tests.support import authentication
from tests.support.authentication import BODY, message, sealed, signed
from tests.support.policy import World, address

HOST = "mx.example.test"
GOOD_IP, OTHER_IP = "192.0.2.7", "203.0.113.9"


@implementer(IReports)
class Reports:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def judged(self, what: Any) -> None:
        self.seen.append(what)


class Case(SynchronousTestCase):
    purpose = Purpose.RECEPTION

    def setUp(self) -> None:
        text = {
            name: [value.encode() for value in values]
            for name, values in authentication.texts().items()
        }
        self.table = Table(
            hosts={"mail.good.test": [GOOD_IP]},
            text=text,
            pointers={GOOD_IP: ["mail.good.test"]},
        )
        self.text = text
        self.world = World(self.purpose)
        self.events: Events = self.world.events
        self.reports = Reports()
        self.clock = Clock()
        self.rules: dict[str, Rules] = {}

    def stage(self, **settings: Any) -> Authentication:
        ground = Ground(
            self.clock,
            time.time,
            self.table,
            self.events,
            HOST,
            self.reports,
        )
        return Authentication(ground, Settings(**settings), self.rules)

    def now(self, work: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def use(self, **settings: Any) -> None:
        stage = self.stage(**settings)
        self.world.receptions = Receptions(
            self.purpose,
            self.world.receptions._ground,
            self.world.settings,
            (stage,),
        )

    def send(
        self,
        octets: bytes,
        *,
        sender: str = "a@good.test",
        ip: str = GOOD_IP,
        to: tuple[str, ...] = ("u@example.test",),
        cut: int = 0,
        user: Principal | None = None,
    ) -> str:
        """The answer to a message; the last submission is ``self.taken``."""
        reception = self.world.meet(ip)
        self.now(reception.connected())
        self.now(reception.greeted("mail.good.test", secure=False))
        if user is not None:
            self.now(reception.authenticated(user))
        transaction = reception.begin()
        self.now(transaction.sender(address(sender) if sender else None, {}))
        for one in to:
            self.now(transaction.recipient(address(one), {}))
        self.now(transaction.data())
        writer = transaction.octets(0)
        step = cut or len(octets)
        for at in range(0, len(octets), step):
            writer.write(octets[at : at + step])
        blob = self.now(writer.close())
        told = self.now(transaction.finish(blob))
        return f"{told[0].code} {told[0].status}"

    @property
    def taken(self) -> Any:
        return self.world.queue.taken[-1]

    @property
    def marks(self) -> Any:
        return self.taken.envelope.marks

    @property
    def prefix(self) -> str:
        text: str = self.taken.blob.prefix.decode()
        return text.replace("\r\n\t", " ")

    def junk(self) -> list[bool]:
        return ["junk" in one.marks for one in self.taken.envelope.recipients]


class PassTests(Case):
    def test_interfaces(self) -> None:
        """The stage and its watch provide what they say."""
        stage = self.stage()
        verifyObject(IContentStage, stage)
        watch = stage.watch(View(Peer(GOOD_IP, 1, "S"), "smtp"))
        verifyObject(IWatch, watch)

    def test_all_pass(self) -> None:
        """A signed message from the right host is taken, with our findings."""
        self.use()
        self.assertEqual(self.send(signed(message())), "250 2.0.0")
        marks = self.marks
        found = {one: marks[one] for one in ("iprev", "spf", "dkim", "arc", "dmarc")}
        self.assertEqual(
            found,
            {
                "iprev": "pass",
                "spf": "pass",
                "dkim": "pass",
                "arc": "none",
                "dmarc": "pass",
            },
        )
        self.assertEqual(marks["disposition"], "ignore")
        self.assertEqual(self.junk(), [False])
        prefix = self.prefix
        self.assertIn(f"Authentication-Results: {HOST};", prefix)
        for word in ("spf=pass", "dkim=pass", "dmarc=pass", "iprev=pass"):
            self.assertIn(word, prefix)
        self.assertIn("Received-SPF: pass", prefix)

    def test_every_cut(self) -> None:
        """The octets may come in blocks of any size."""
        self.use()
        octets = signed(message())
        for cut in (1, 2, 7, 100, 511):
            self.assertEqual(self.send(octets, cut=cut), "250 2.0.0")
            self.assertEqual(self.marks["dkim"], "pass", cut)
            self.assertEqual(self.taken.blob.octets, octets)

    def test_event_and_report(self) -> None:
        """Operators are told with both ids, the writer of reports all."""
        self.use()
        self.send(signed(message()))
        (event,) = self.events.of("policy.judged")
        self.assertEqual(event.fields["qid"], "Q1")
        self.assertEqual(event.fields["sid"], "S1")
        self.assertEqual(event.fields["dmarc"], "pass")
        (judged,) = self.reports.seen
        self.assertEqual(judged.disposition, "none")
        self.assertEqual(judged.to, "example.test")
        self.assertIn(b"Subject: Hello", judged.header)

    def test_none(self) -> None:
        """Mail of a domain without policies is taken and not reported."""
        self.use()
        octets = message("a@bare.test")
        self.assertEqual(self.send(octets, sender="a@bare.test"), "250 2.0.0")
        self.assertEqual(self.marks["spf"], "none")
        self.assertEqual(self.marks["dkim"], "none")
        self.assertEqual(self.marks["dmarc"], "none")
        self.assertEqual(self.reports.seen, [])

    def test_null_sender(self) -> None:
        """A null reverse-path is judged by the greeting's domain."""
        self.use()
        self.assertEqual(self.send(signed(message()), sender=""), "250 2.0.0")
        self.assertEqual(self.marks["dmarc"], "pass")

    def test_steps(self) -> None:
        """The envelope tells every step, within its bound."""
        self.use()
        self.send(message(), ip=OTHER_IP)
        steps = self.marks["auth.steps"]
        self.assertLess(len(steps), 1_600)
        self.assertIn("verdict: DMARC fails for good.test", steps)


class MeasureTests(Case):
    def forged(self, author: str = "a@good.test", **settings: Any) -> str:
        self.use(**settings)
        return self.send(message(author), sender=author, ip=OTHER_IP)

    def test_junk(self) -> None:
        """By default what fails a policy of reject goes into Junk."""
        self.assertEqual(self.forged(), "250 2.0.0")
        self.assertEqual(self.junk(), [True])
        self.assertEqual(self.marks["disposition"], "quarantine")
        self.assertIn("dmarc=fail", self.prefix)
        (judged,) = self.reports.seen
        self.assertEqual(judged.disposition, "quarantine")
        self.assertEqual(judged.override, "local_policy")

    def test_reject(self) -> None:
        """Where told to, it is refused with the codes of RFC 7372."""
        self.assertEqual(self.forged(dmarc="reject"), "550 5.7.26")
        self.assertEqual(self.world.queue.taken, [])
        (event,) = self.events.of("policy.judged")
        self.assertEqual(event.fields["measure"], "reject")
        self.assertEqual(event.fields["qid"], "")
        (judged,) = self.reports.seen
        self.assertEqual((judged.disposition, judged.override), ("reject", ""))

    def test_owner_asks_less(self) -> None:
        """Reject does what the owner asks for, and not more."""
        self.assertEqual(self.forged("a@mild.test", dmarc="reject"), "250 2.0.0")
        self.assertEqual(self.junk(), [True])
        self.assertEqual(self.forged("a@lax.test", dmarc="reject"), "250 2.0.0")
        self.assertEqual(self.junk(), [False])
        self.assertEqual(self.marks["dmarc"], "fail")

    def test_tag(self) -> None:
        """Tag writes the findings and does nothing else."""
        self.assertEqual(self.forged(dmarc="tag"), "250 2.0.0")
        self.assertEqual(self.junk(), [False])
        self.assertIn("dmarc=fail", self.prefix)

    def test_dry_run(self) -> None:
        """A dry run says in the log what would have been done."""
        self.assertEqual(self.forged(dmarc="reject", dry_run=True), "250 2.0.0")
        self.assertEqual(self.junk(), [False])
        (event,) = self.events.of("policy.judged")
        self.assertEqual(event.fields["wanted"], "reject")
        self.assertEqual(event.fields["measure"], "tag")
        (judged,) = self.reports.seen
        self.assertEqual(judged.disposition, "none")
        self.assertEqual(judged.override, "local_policy")

    def test_owner_tries(self) -> None:
        """Of a policy under test the milder request counts, and is reported as such."""
        self.text["_dmarc.good.test"] = [b"v=DMARC1; p=reject; t=y"]
        self.assertEqual(self.forged(dmarc="reject"), "250 2.0.0")
        self.assertEqual(self.junk(), [True])
        (judged,) = self.reports.seen
        self.assertEqual(judged.disposition, "quarantine")
        self.assertEqual(judged.override, "policy_test_mode")

    def test_spf_fail(self) -> None:
        """A host that SPF forbids is refused where told to, without DMARC."""
        octets = message("a@refuses.test")
        self.use()
        self.assertEqual(self.send(octets, sender="a@refuses.test"), "250 2.0.0")
        self.assertEqual(self.junk(), [False])
        self.use(spf_fail="reject")
        self.assertEqual(self.send(octets, sender="a@refuses.test"), "550 5.7.23")
        self.use(spf_fail="quarantine")
        self.assertEqual(self.send(octets, sender="a@refuses.test"), "250 2.0.0")
        self.assertEqual(self.junk(), [True])

    def test_spf_fail_but_signed(self) -> None:
        """SPF's word does not count where DMARC passes by a signature."""
        self.use(spf_fail="reject")
        self.assertEqual(self.send(signed(message()), ip=OTHER_IP), "250 2.0.0")
        self.assertEqual(self.marks["spf"], "fail")
        self.assertEqual(self.marks["dmarc"], "pass")

    def test_changed_body(self) -> None:
        """A changed body breaks the signature."""
        self.use(dmarc="reject")
        octets = signed(message()) + b"more\r\n"
        self.assertEqual(self.send(octets, ip=OTHER_IP), "550 5.7.26")


class DomainTests(Case):
    def setUp(self) -> None:
        super().setUp()
        self.rules["example.test"] = Rules.of(Settings(dmarc="reject"))

    def test_own_rules(self) -> None:
        """A domain's own settings count for mail to it."""
        self.use(dmarc="tag")
        self.assertEqual(self.send(message(), ip=OTHER_IP), "550 5.7.26")

    def test_some_refuse(self) -> None:
        """With one answer for all, who would refuse it gets it in Junk."""
        self.use(dmarc="tag")
        taken = ("u@example.test", "x@far.test")
        self.world.receptions.desk.pipeline.stages[2]._networks = (
            __import__("ipaddress").ip_network(f"{OTHER_IP}/32"),
        )
        self.assertEqual(self.send(message(), ip=OTHER_IP, to=taken), "250 2.0.0")
        self.assertEqual(self.junk(), [True, False])


class FromTests(Case):
    def test_several(self) -> None:
        """Several From fields never pass, and go into Junk or are refused."""
        octets = signed(message(extra=b"From: <b@bare.test>\r\n"))
        self.use()
        self.assertEqual(self.send(octets), "250 2.0.0")
        self.assertEqual(self.junk(), [True])
        self.assertNotEqual(self.marks["dmarc"], "pass")
        self.use(several_from="reject")
        self.assertEqual(self.send(octets), "554 5.6.0")

    def test_double_of_signed(self) -> None:
        """A second From on top of a signed message proves nothing."""
        octets = b"From: <ceo@mild.test>\r\n" + signed(message())
        self.use(several_from="tag")
        self.assertEqual(self.send(octets, ip=OTHER_IP), "250 2.0.0")
        self.assertEqual(self.marks["dmarc"], "fail")
        self.assertEqual(self.junk(), [True])

    def test_missing(self) -> None:
        """Mail without From is tagged, or refused where told to."""
        octets = b"Subject: x\r\n\r\ny\r\n"
        self.use()
        self.assertEqual(self.send(octets), "250 2.0.0")
        self.assertEqual(self.junk(), [False])
        self.use(missing_from="reject")
        self.assertEqual(self.send(octets), "554 5.6.0")

    def test_no_blank_line(self) -> None:
        """What is all header is judged too."""
        self.use(missing_from="reject")
        self.assertEqual(self.send(b"Subject: x\r\n"), "554 5.6.0")


class ForgedTests(Case):
    FORGED = (
        b"Authentication-Results: mx.example.test; dmarc=pass\r\n",
        b"authentication-results : MX.example.test (c);\r\n dkim=pass\r\n",
    )

    def test_removed(self) -> None:
        """Results in our name are taken out of what is stored; no more than that."""
        others = b"Authentication-Results: else.test; spf=pass\r\n"
        plain = others + signed(message())
        self.use()
        for field in self.FORGED:
            for cut in (0, 1, 50):
                self.assertEqual(self.send(field + plain, cut=cut), "250 2.0.0")
                self.assertEqual(self.taken.blob.octets, plain)
                prefix = self.taken.blob.prefix
                self.assertEqual(self.taken.blob.size, len(prefix) + len(plain))
                self.assertEqual(self.marks["dkim"], "pass")

    def test_endless_header(self) -> None:
        """A header of which not all can be seen is refused."""
        self.use()
        octets = b"X: y\r\n" * 200_000 + self.FORGED[0] + b"\r\nbody\r\n"
        self.assertEqual(self.send(octets, cut=65_536), "552 5.3.4")


class DoubtTests(Case):
    def broken(self, *names: str) -> None:
        self.table.broken = frozenset(names)

    def test_policy_unknown(self) -> None:
        """Without an answer for the policy mail is deferred, or taken and marked."""
        self.broken("_dmarc.good.test")
        self.use(temporary="defer")
        self.assertEqual(self.send(message(), ip=OTHER_IP), "451 4.4.3")
        (event,) = self.events.of("policy.judged")
        self.assertEqual(event.fields["measure"], "defer")
        self.assertEqual(self.reports.seen, [])
        self.use(dmarc="reject", spf_fail="reject")
        self.assertEqual(self.send(message(), ip=OTHER_IP), "250 2.0.0")
        self.assertEqual(self.marks["dmarc"], "temperror")

    def test_key_unknown(self) -> None:
        """A key that cannot be fetched refuses nothing, but does not pass either."""
        self.broken("s1._domainkey.good.test")
        octets = signed(message())
        self.use(temporary="defer")
        self.assertEqual(self.send(octets, ip=OTHER_IP)[:3], "451")
        self.use(dmarc="reject")
        self.assertEqual(self.send(octets, ip=OTHER_IP), "250 2.0.0")
        self.assertEqual(self.marks["dkim"], "temperror")

    def test_spf_unknown(self) -> None:
        """The same for SPF."""
        self.broken("good.test")
        self.use(temporary="defer")
        self.assertEqual(self.send(message())[:3], "451")

    def test_strangers_trouble(self) -> None:
        """Broken DNS of a stranger who signs as well excuses no forgery."""
        self.text["s1._domainkey.evil.test"] = [b"x"]
        self.broken("s1._domainkey.evil.test")
        octets = signed(message(), "evil.test")
        self.use(dmarc="reject", temporary="defer")
        self.assertEqual(self.send(octets, ip=OTHER_IP), "550 5.7.26")

    def test_no_dns(self) -> None:
        """Without any DNS mail is taken, marked."""
        self.broken(*self.text, *self.table.hosts, GOOD_IP, *self.domains())
        self.use()
        self.assertEqual(self.send(signed(message())), "250 2.0.0")
        self.assertEqual(self.marks["spf"], "temperror")

    def domains(self) -> list[str]:
        return ["test", "_dmarc.test", "mail.good.test"]


class ExcuseTests(Case):
    def forwarded(self, octets: bytes, **settings: Any) -> str:
        self.use(dmarc="reject", **settings)
        return self.send(octets, sender="bounce@lists.test", ip=OTHER_IP)

    def changed(self, results: str = "dmarc=pass header.from=good.test") -> bytes:
        """What a list makes of a signed message: another subject, and a seal."""
        octets = signed(message()).replace(b"Subject: ", b"Subject: [list] ")
        return sealed(octets, "lists.test", results)

    def test_trusted_seal(self) -> None:
        """A trusted sealer's word for DMARC excuses what it changed."""
        self.assertEqual(self.forwarded(self.changed()), "550 5.7.26")
        octets = self.changed()
        self.assertEqual(self.forwarded(octets, sealers=("lists.test",)), "250 2.0.0")
        self.assertEqual(self.marks["arc"], "pass")
        self.assertEqual(self.junk(), [False])
        (judged, *_) = self.reports.seen[-1:]
        self.assertEqual(judged.override, "local_policy")
        self.assertIn("arc=pass", judged.comment)

    def test_seal_that_saw_nothing(self) -> None:
        """A trusted seal over mail that had failed there excuses nothing."""
        trusting = {"sealers": ("lists.test",)}
        for results in (
            "dmarc=fail header.from=good.test",
            "spf=pass",
            "dmarc=pass header.from=evil.test",
            "spf=fail (dmarc=pass header.from=good.test)",
        ):
            octets = self.changed(results)
            self.assertEqual(self.forwarded(octets, **trusting), "550 5.7.26", results)

    def test_broken_seal(self) -> None:
        """A chain that fails excuses nothing."""
        octets = self.changed() + b"footer\r\n"
        answer = self.forwarded(octets, sealers=("lists.test",))
        self.assertEqual(answer, "550 5.7.26")

    def test_forwarder_by_address(self) -> None:
        """A listed network may hand over what fails."""
        answer = self.forwarded(message(), forwarders=("203.0.113.0/24",))
        self.assertEqual(answer, "250 2.0.0")
        self.assertEqual(self.reports.seen[-1].override, "trusted_forwarder")

    def test_forwarder_by_name(self) -> None:
        """A listed name counts only if it leads to the address and back."""
        self.table.pointers[OTHER_IP] = ["relay.alumni.test"]
        listed = {"forwarders": (".alumni.test",)}
        self.assertEqual(self.forwarded(message(), **listed), "550 5.7.26")
        self.table.hosts["relay.alumni.test"] = [OTHER_IP]
        self.assertEqual(self.forwarded(message(), **listed), "250 2.0.0")

    def test_list(self) -> None:
        """A known list counts only if its domain is proven."""
        listed = {"lists": ("users.lists.test",)}
        octets = message(extra=b"List-Id: Users <users.lists.test>\r\n")
        self.assertEqual(self.forwarded(octets, **listed), "550 5.7.26")
        octets = signed(octets, "lists.test")
        self.assertEqual(self.forwarded(octets, **listed), "250 2.0.0")
        self.assertEqual(self.reports.seen[-1].override, "mailing_list")

    def test_wrong_setting(self) -> None:
        """What cannot be read is refused at the start."""
        with self.assertRaises(UsageError):
            self.stage(exempt=("300.0.0.0/8",))
        with self.assertRaises(UsageError):
            self.stage(forwarders=("300.0.0.0/8",))
        with self.assertRaises(UsageError):
            Settings(dmarc="maybe")


class LeftOutTests(Case):
    def untouched(self, **more: Any) -> None:
        octets = ForgedTests.FORGED[0] + message()
        self.assertEqual(self.send(octets, **more), "250 2.0.0")
        self.assertNotIn("dmarc", self.marks)
        self.assertEqual(self.taken.blob.octets, octets)
        self.assertEqual(self.events.of("policy.judged"), [])

    def test_exempt(self) -> None:
        """Mail of exempt networks is left alone."""
        self.use(dmarc="reject", exempt=("203.0.113.0/24",))
        self.untouched(ip=OTHER_IP)
        self.untouched(ip=f"::ffff:{OTHER_IP}")

    def test_authenticated(self) -> None:
        """So is that of users of ours."""
        self.use(dmarc="reject")
        user = Principal("u@example.test", "u@example.test")  # type: ignore[arg-type]
        octets = message("u@example.test")
        answer = self.send(octets, sender="u@example.test", ip=OTHER_IP, user=user)
        self.assertEqual(answer, "250 2.0.0")
        self.assertNotIn("dmarc", self.marks)


class ManyTests(Case):
    def test_fifty_signatures(self) -> None:
        """Fifty signatures cost ten keys, and the author's own still counts."""
        octets = message()
        fake = signed(octets, "evil.test")
        field = fake[: len(fake) - len(octets)]
        many = field * 49 + signed(octets)
        self.use(dmarc="reject")
        self.assertEqual(self.send(many, ip=OTHER_IP), "250 2.0.0")
        self.assertEqual(self.marks["dmarc"], "pass")

    def test_giant_key(self) -> None:
        """A key of 16,384 bits is not used."""
        number = (1 << 16_383) | 1
        public = rsa.RSAPublicNumbers(65_537, number).public_key()
        encoded = public.public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(encoded)
        self.text["s1._domainkey.good.test"] = [record]
        self.use(dmarc="reject")
        self.assertEqual(self.send(signed(message()), ip=OTHER_IP), "550 5.7.26")
        (event,) = self.events.of("policy.judged")
        self.assertNotEqual(event.fields["dkim"], "pass")

    def test_part_of_body(self) -> None:
        """A signature that leaves octets of the body out is none for DMARC."""
        octets = signed(message(), length=True) + b"an advertisement\r\n"
        self.use(dmarc="reject")
        self.assertEqual(self.send(octets, ip=OTHER_IP), "550 5.7.26")

    def test_replayed(self) -> None:
        """A signed message that others send again and again stops to count."""
        self.use(dmarc="reject", replays=3)
        octets = signed(message())
        answers = [self.send(octets, ip=OTHER_IP) for _ in range(5)]
        self.assertEqual(answers, ["250 2.0.0"] * 3 + ["550 5.7.26"] * 2)
        self.assertEqual(self.send(octets), "250 2.0.0")
        self.clock.advance(3_601)
        self.assertEqual(self.send(octets, ip=OTHER_IP), "250 2.0.0")

    def test_remembered(self) -> None:
        """What was found about a sender is asked once within the time."""
        asked: list[str] = []

        class Counted(Table):
            async def texts(self, name: str) -> Any:
                asked.append(name)
                return await Table.texts(self, name)

        self.table = Counted(text=self.text)
        self.use()
        for _ in range(3):
            self.send(message())
        self.assertEqual(asked.count("good.test"), 1)
        self.clock.advance(61)
        self.send(message())
        self.assertEqual(asked.count("good.test"), 2)

    def test_body_kept(self) -> None:
        """The body reaches the queue as it came."""
        self.use()
        self.send(message(body=BODY))
        self.assertTrue(self.taken.blob.octets.endswith(b"\r\n\r\n" + BODY))


class LMTPTests(Case):
    purpose = Purpose.LMTP

    def stage(self, **settings: Any) -> Authentication:
        made = super().stage(**settings)
        made._asks = False
        return made

    def test_no_spf(self) -> None:
        """Over LMTP signatures and DMARC are judged; the peer's address is not."""
        self.world.queue.outcomes = {0: Delivered()}
        self.use(dmarc="reject")
        octets = signed(message())
        self.assertEqual(self.send(octets, ip=OTHER_IP), "250 2.1.5")
        self.assertEqual(self.marks["dkim"], "pass")
        self.assertEqual(self.marks["dmarc"], "pass")
        self.assertEqual(self.marks["spf"], "none")
        self.assertNotIn("Received-SPF", self.prefix)
        self.assertEqual(self.send(message(), ip=GOOD_IP), "550 5.7.26")

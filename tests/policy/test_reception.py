"""Receptions: who may send what to whom, trace fields, what the queue is given."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailsuite.interfaces.receiving import (
    IReception,
    IReceptions,
    IStage,
    ITransaction,
    IView,
)
from mailsuite.model.address import Address
from mailsuite.model.changes import Room
from mailsuite.model.errors import NoSpace, UsageError
from mailsuite.model.outcomes import Deferred as Later
from mailsuite.model.outcomes import Delivered, Expanded, Failed
from mailsuite.model.principals import Peer
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import PROCEED, Phase, Proceed, Refuse
from mailsuite.policy.pipeline import Pipeline
from mailsuite.policy.reception import Purpose, stages
from mailsuite.policy.settings import Settings
from mailsuite.policy.view import View
from tests.support.policy import World, address, user


class Case(SynchronousTestCase):
    purpose = Purpose.RECEPTION

    def setUp(self) -> None:
        self.world = World(self.purpose)

    def now(self, work: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def code(self, verdict: Any) -> str:
        if isinstance(verdict, Refuse):
            return f"{verdict.reply.code} {verdict.reply.status}"
        return "ok"

    def begin(
        self,
        sender: str | None = "a@far.test",
        *recipients: str,
        parameters: dict[str, str] | None = None,
        reception: Any = None,
    ) -> Any:
        reception = reception or self.greeted()
        transaction = reception.begin()
        by = address(sender) if sender else None
        verdict = self.now(transaction.sender(by, parameters or {}))
        self.assertEqual(self.code(verdict), "ok")
        for recipient in recipients:
            verdict = self.now(transaction.recipient(address(recipient), {}))
            self.assertEqual(self.code(verdict), "ok", recipient)
        return transaction

    def greeted(self, *, extended: bool = True, **given: Any) -> Any:
        reception = self.world.meet(**given)
        self.now(reception.connected())
        secure = given.get("secure", False)
        self.now(reception.greeted("client.test", secure=secure, extended=extended))
        return reception

    def send(
        self, transaction: Any, content: bytes = b"Subject: x\r\n\r\ny\r\n"
    ) -> Any:
        writer = transaction.octets(0)
        writer.write(content)
        blob = self.now(writer.close())
        told = self.now(transaction.finish(blob))
        return [f"{told[n].code} {told[n].status}" for n in sorted(told)]

    def to(self, recipient: str, transaction: Any = None) -> str:
        transaction = transaction or self.begin()
        return self.code(self.now(transaction.recipient(address(recipient), {})))


class ReceptionTests(Case):
    def test_interfaces(self) -> None:
        """What is handed in provides what it says."""
        verifyObject(IReceptions, self.world.receptions)
        verifyObject(IReception, self.greeted())
        verifyObject(ITransaction, self.begin())
        verifyObject(IView, View(Peer("", 0, "S"), "smtp"))
        for purpose in Purpose:
            world = World(purpose)
            ground = world.receptions._ground
            for stage in stages(purpose, ground, Settings()):
                verifyObject(IStage, stage)

    def test_recipients(self) -> None:
        """Known users and aliases are taken, unknown ones 550, others 554."""
        self.assertEqual(self.to("u@example.test"), "ok")
        self.assertEqual(self.to("u+folder@example.test"), "ok")
        self.assertEqual(self.to("list@example.test"), "ok")
        self.assertEqual(self.to("nobody@example.test"), "550 5.1.1")
        self.assertEqual(self.to("x@far.test"), "554 5.7.1")
        self.assertEqual(self.to("postmaster@"), "ok")

    def test_accepted(self) -> None:
        """All recipients go to the queue in one submission, with their numbers."""
        transaction = self.begin("a@far.test", "u@example.test", "v@example.test")
        self.assertEqual(self.to("nobody@example.test", transaction), "550 5.1.1")
        self.assertEqual(self.send(transaction), ["250 2.0.0"] * 2)
        (submission,) = self.world.queue.taken
        self.assertEqual(submission.envelope.sender, Address("a", "far.test"))
        self.assertEqual(
            [(one.n, str(one.address)) for one in submission.envelope.recipients],
            [(0, "u@example.test"), (1, "v@example.test")],
        )
        self.assertEqual(submission.envelope.marks, {"role": "smtp"})
        blob = submission.blob
        self.assertEqual(blob.octets, b"Subject: x\r\n\r\ny\r\n")
        self.assertEqual(blob.size, len(blob.prefix) + len(blob.octets))
        (event,) = self.world.events.of("smtp.accepted")
        self.assertEqual(event.fields["qid"], "Q1")

    def test_trace(self) -> None:
        """Return-Path and Received stand first; one recipient is named (§4.4)."""
        self.send(self.begin("a@far.test", "u@example.test"))
        self.assertEqual(
            self.world.queue.taken[0].blob.prefix,
            b"Return-Path: <a@far.test>\r\n"
            b"Received: from client.test ([192.0.2.7])\r\n"
            b"\tby mx.example.test with ESMTP id S1.1\r\n"
            b"\tfor <u@example.test>;\r\n"
            b"\tTue, 14 Nov 2023 22:13:20 +0000\r\n",
        )

    def test_trace_of_several(self) -> None:
        """Several recipients are not named; IPv6 has its tag; TLS its S."""
        reception = self.greeted(host="2001:db8::1", secure=True)
        transaction = self.begin(
            None, "u@example.test", "v@example.test", reception=reception
        )
        self.send(transaction)
        prefix = self.world.queue.taken[0].blob.prefix
        self.assertTrue(prefix.startswith(b"Return-Path: <>\r\nReceived: "))
        self.assertIn(b"([IPv6:2001:db8::1])", prefix)
        self.assertIn(b"with ESMTPS id", prefix)
        self.assertNotIn(b"for <", prefix)

    def test_no_return_path(self) -> None:
        """Where an alias may lead elsewhere Return-Path is not written."""
        self.send(self.begin("a@far.test", "u@example.test", "list@example.test"))
        prefix = self.world.queue.taken[0].blob.prefix
        self.assertTrue(prefix.startswith(b"Received: "))

    def test_protocols(self) -> None:
        """RFC 3848 and RFC 6531: the protocol is named after what was used."""
        for reception, parameters, name in (
            (self.greeted(extended=False), {}, b"SMTP"),
            (self.greeted(), {"SMTPUTF8": ""}, b"UTF8SMTP"),
            (self.greeted(secure=True), {"SMTPUTF8": ""}, b"UTF8SMTPS"),
        ):
            transaction = self.begin(
                "a@far.test",
                "u@example.test",
                parameters=parameters,
                reception=reception,
            )
            self.send(transaction)
            prefix = self.world.queue.taken[-1].blob.prefix
            self.assertIn(b" with " + name + b" id ", prefix)

    def test_wild_greeting(self) -> None:
        """A greeting that is no name does not get into the trace."""
        reception = self.world.meet()
        self.now(reception.greeted("a(b);for<x@y>", secure=False))
        self.send(self.begin("a@far.test", "u@example.test", reception=reception))
        self.assertIn(b"from unknown (", self.world.queue.taken[0].blob.prefix)

    def test_quota(self) -> None:
        """An account without room for the declared size is 452 4.2.2."""
        self.world.accounts.full = {"u@example.test": Room(100, None)}
        self.assertEqual(self.to("u@example.test"), "ok")
        large = self.begin(parameters={"SIZE": "101"})
        self.assertEqual(self.to("u@example.test", large), "452 4.2.2")
        self.assertEqual(self.to("v@example.test", large), "ok")
        self.world.accounts.full = {"u@example.test": Room(None, 0)}
        self.assertEqual(self.to("u@example.test"), "452 4.2.2")

    def test_quota_undeclared(self) -> None:
        """A size that was not declared is judged after the message.

        Other recipients of the same message get it, and the queue tries again.
        """
        self.world.accounts.full = {"u@example.test": Room(10, None)}
        alone = self.begin("a@far.test", "u@example.test")
        self.assertEqual(self.send(alone), ["452 4.2.2"])
        self.assertTrue(self.world.blobs.writers[-1].aborted)
        self.assertEqual(self.world.queue.taken, [])
        (event,) = self.world.events.of("smtp.rejected")
        self.assertEqual(
            (event.fields["stage"], event.fields["code"]), ("message", 452)
        )
        both = self.begin("a@far.test", "u@example.test", "v@example.test")
        self.assertEqual(self.send(both), ["250 2.0.0"] * 2)
        self.assertEqual(len(self.world.queue.taken[0].envelope.recipients), 2)

    def test_loops(self) -> None:
        """More than 100 Received fields are a loop; in the body they are text."""
        field = b"Received: from a by b; now\r\n"
        for count, told in ((100, "250 2.0.0"), (101, "554 5.4.6")):
            transaction = self.begin("a@far.test", "u@example.test")
            self.assertEqual(
                self.send(transaction, field * count + b"\r\nx\r\n"), [told]
            )
        transaction = self.begin("a@far.test", "u@example.test")
        told = self.send(transaction, b"Subject: x\r\n\r\n" + field * 60)
        self.assertEqual(told, ["250 2.0.0"])
        self.assertEqual(self.world.events.of("smtp.rejected")[0].fields["code"], 554)

    def test_header_in_pieces(self) -> None:
        """However the octets are cut the header is found."""
        content = b"Received: x\r\n" * 101 + b"\r\n" + b"y\r\n" * 10
        for step in (1, 2, 3, 7, 100):
            transaction = self.begin("a@far.test", "u@example.test")
            writer = transaction.octets(0)
            for at in range(0, len(content), step):
                writer.write(content[at : at + step])
            told = self.now(transaction.finish(self.now(writer.close())))
            self.assertEqual(told[0].code, 554)
            self.assertTrue(self.world.blobs.writers[-1].aborted)

    def test_no_header(self) -> None:
        """What begins with no field is a body; with a space, no part of our field."""
        for content, bare in (
            (b" x\r\n\r\ny\r\n", True),
            (b"hello\r\n", True),
            (b"hello, world: x\r\n", True),
            (b"X: x\r\n\r\ny\r\n", False),
            (b"X : x\r\n\r\ny\r\n", False),
            (b"From a@far.test Mon\r\nX: x\r\n\r\n", False),
            (b"\r\ny\r\n", False),
        ):
            self.send(self.begin("a@far.test", "u@example.test"), content)
            prefix = self.world.queue.taken[-1].blob.prefix
            self.assertEqual(prefix.endswith(b"+0000\r\n\r\n"), bare, content)

    def test_size(self) -> None:
        """Both what is declared and what came are compared with the limit."""
        self.world.receptions.reload(Settings(message_octets=100))
        reception = self.greeted()
        verdict = self.now(reception.begin().sender(None, {"SIZE": "101"}))
        self.assertEqual(self.code(verdict), "552 5.3.4")
        transaction = self.begin("a@far.test", "u@example.test")
        self.assertEqual(self.send(transaction, b"x" * 101), ["552 5.3.4"])

    def test_queue_trouble(self) -> None:
        """A full disk is 452 4.3.1, a failed barrier 451 4.3.0, never 250."""
        for fault, told in ((NoSpace(), "452 4.3.1"), (OSError(), "451 4.3.0")):
            self.world.queue.fails = fault
            transaction = self.begin("a@far.test", "u@example.test")
            self.assertEqual(self.send(transaction), [told])

    def test_reload(self) -> None:
        """A running transaction keeps the settings that it began with."""
        before = self.begin("a@far.test", "u@example.test")
        self.world.receptions.reload(Settings(received_fields=0))
        content = b"Received: x\r\n\r\n"
        self.assertEqual(self.send(before, content), ["250 2.0.0"])
        after = self.begin("a@far.test", "u@example.test")
        self.assertEqual(self.send(after, content), ["554 5.4.6"])

    def test_bad_reload(self) -> None:
        """Settings that cannot be read are refused, and the old ones stay."""
        with self.assertRaises(UsageError):
            self.world.receptions.reload(Settings(relay_networks=("192.0.2.1/24",)))
        self.assertEqual(self.to("u@example.test"), "ok")


class OpenRelayTests(Case):
    """RFC 2505, RFC 5321 §7.9: the ways in which strangers ask for relaying."""

    FORMS = (
        "x@far.test",
        "x%far.test@example.test",
        "x@far.test@example.test",
        "far.test!x@example.test",
        "x@far.test%example.test@example.test",
        "x@[192.0.2.9]",
        "x@[ipv6:2001:db8::9]",
        "x@[127.0.0.1]",
        "x@localhost",
        "x@sub.example.test",
        "x@example.test.far.test",
        "@far.test:x@example.test",
        '"x@far.test"@example.test',
        "x@mx.example.test",
        "u@[192.0.2.25]",
        "x%far.test@[192.0.2.25]",
        "far.test!x@[192.0.2.25]",
        "x@far.test@[192.0.2.25]",
        '"far.test!x"@example.test',
        '"x%far.test"@example.test',
        "x%far.test@mx.example.test",
        "u+x@far.test",
    )

    def test_matrix(self) -> None:
        """No form is relayed, whoever the sender claims to be."""
        for sender in ("a@far.test", "u@example.test", None, "postmaster@example.test"):
            for form in self.FORMS:
                code = self.to(form, self.begin(sender))
                self.assertIn(code, {"550 5.1.1", "554 5.7.1"}, (sender, form))

    def test_listed_networks(self) -> None:
        """Only listed networks may relay, also written as IPv4 in IPv6."""
        settings = Settings(relay_networks=("192.0.2.0/24", "2001:db8::/32"))
        self.world.receptions.reload(settings)
        for host, code in (
            ("192.0.2.1", "ok"),
            ("::ffff:192.0.2.1", "ok"),
            ("2001:db8::5", "ok"),
            ("198.51.100.1", "554 5.7.1"),
            ("2001:db9::5", "554 5.7.1"),
            ("", "554 5.7.1"),
        ):
            transaction = self.begin(reception=self.greeted(host=host))
            self.assertEqual(self.to("x@far.test", transaction), code, host)


class SubmissionTests(Case):
    purpose = Purpose.SUBMISSION

    def proven(self, name: str = "u@example.test") -> Any:
        reception = self.greeted(secure=True)
        verdict = self.now(reception.authenticated(user(name)))
        self.assertEqual(self.code(verdict), "ok")
        return reception

    def test_unproven(self) -> None:
        """Without authentication MAIL is 530 5.7.0."""
        verdict = self.now(self.greeted().begin().sender(address("u@example.test"), {}))
        self.assertEqual(self.code(verdict), "530 5.7.0")

    def test_forgotten_by_tls(self) -> None:
        """Who authenticated before TLS did not."""
        reception = self.greeted()
        self.now(reception.authenticated(user()))
        self.now(reception.greeted("c", secure=True))
        verdict = self.now(reception.begin().sender(address("u@example.test"), {}))
        self.assertEqual(self.code(verdict), "530 5.7.0")

    def test_own_address(self) -> None:
        """Own addresses and aliases may send, others are 553; null may."""
        for sender, code in (
            ("u@example.test", "ok"),
            ("u+x@example.test", "ok"),
            ("list@example.test", "ok"),
            ("v@example.test", "553 5.7.1"),
            ("u@far.test", "553 5.7.1"),
            (None, "ok"),
        ):
            transaction = self.proven().begin()
            by = address(sender) if sender else None
            verdict = self.now(transaction.sender(by, {}))
            self.assertEqual(self.code(verdict), code, sender)

    def test_relays(self) -> None:
        """An authenticated user's mail goes anywhere; unknown users stay unknown."""
        transaction = self.begin("u@example.test", reception=self.proven())
        self.assertEqual(self.to("x@far.test", transaction), "ok")
        self.assertEqual(self.to("nobody@example.test", transaction), "550 5.1.1")

    def test_from(self) -> None:
        """Every address of From must be the user's."""
        for field, code in (
            (b"From: Me <u@example.test>", "250 2.0.0"),
            (b"from: u@example.test", "250 2.0.0"),
            (b"To: v@example.test", "250 2.0.0"),
            (b"From: v@example.test", "553 5.7.1"),
            (b'From: "u@example.test" <v@example.test>', "553 5.7.1"),
            (b"From: u@example.test, v@example.test", "553 5.7.1"),
            (b"From: u@example.test\r\nFrom: v@example.test", "553 5.7.1"),
            (b"From:\r\n\tv@example.test", "553 5.7.1"),
            (b"From: " + b"(" * 51 + b")" * 51 + b" v@example.test", "553 5.7.1"),
            (b"From: " + b";" * 15_000 + b"v@example.test", "553 5.7.1"),
            (b"X: y\r\n" * 10_000 + b"From: v@example.test", "552 5.3.4"),
            (b"X: " + b"y" * (1 << 20) + b"\r\nFrom: v@example.test", "552 5.3.4"),
            (b"X: y\r\n" * 9_999 + b"From: u@example.test", "250 2.0.0"),
        ):
            transaction = self.begin(
                "u@example.test", "x@far.test", reception=self.proven()
            )
            told = self.send(transaction, field + b"\r\n\r\nx\r\n")
            self.assertEqual(told, [code], field[-50:])

    def test_completion(self) -> None:
        """Date and Message-ID are added where they are missing, and only there."""
        transaction = self.begin(
            "u@example.test", "x@far.test", reception=self.proven()
        )
        self.send(transaction, b"From: u@example.test\r\n\r\nx\r\n")
        submission = self.world.queue.taken[-1]
        prefix = submission.blob.prefix
        self.assertIn(b"with ESMTPSA id", prefix)
        self.assertIn(b"\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n", prefix)
        self.assertIn(b"\r\nMessage-ID: <", prefix)
        self.assertNotIn(b"Return-Path", prefix)
        self.assertEqual(
            submission.envelope.marks, {"role": "submission", "user": "u@example.test"}
        )
        transaction = self.begin(
            "u@example.test", "x@far.test", reception=self.proven()
        )
        self.send(transaction, b"date: x\r\nMESSAGE-ID: <y>\r\n\r\nx\r\n")
        prefix = self.world.queue.taken[-1].blob.prefix
        self.assertEqual(prefix.count(b"\r\nDate:") + prefix.count(b"Message-ID"), 0)

    def test_no_header(self) -> None:
        """A message that begins with its body gets a header of its own."""
        transaction = self.begin(
            "u@example.test", "x@far.test", reception=self.proven()
        )
        self.assertEqual(self.send(transaction, b"\r\nbody\r\n"), ["250 2.0.0"])
        self.assertIn(b"\r\nDate:", self.world.queue.taken[-1].blob.prefix)

    def test_refused_by_a_stage(self) -> None:
        """A principal whom a stage refuses is not taken."""

        class Never:
            phases = frozenset({Phase.AUTH})

            async def judge(self, phase: Phase, view: IView) -> Refuse:
                return Refuse(Reply(535, "5.7.8", "No"))

        self.world.receptions._more = [Never()]
        self.world.receptions.reload(Settings())
        reception = self.greeted()
        self.assertEqual(
            self.code(self.now(reception.authenticated(user()))), "535 5.7.8"
        )
        verdict = self.now(reception.begin().sender(address("u@example.test"), {}))
        self.assertEqual(self.code(verdict), "530 5.7.0")


class LMTPTests(Case):
    purpose = Purpose.LMTP

    def test_outcomes(self) -> None:
        """Each recipient hears its own outcome; what is open is accepted."""
        self.world.queue.outcomes = {
            0: Delivered(),
            1: Failed("5.1.1", "Nobody\nhere"),
            2: Later("4.2.2", "Full"),
            3: Expanded(()),
        }
        names = [f"u+{n}@example.test" for n in range(5)]
        transaction = self.begin("a@far.test", *names)
        self.assertEqual(
            self.send(transaction),
            ["250 2.1.5", "550 5.1.1", "250 2.1.5", "250 2.1.5", "250 2.1.5"],
        )
        self.assertEqual(self.world.queue.waits, [30.0] * 5)
        self.assertIn(b" with LMTP id ", self.world.queue.taken[0].blob.prefix)

    def test_named_twice(self) -> None:
        """Who is named twice gets one copy, and each RCPT its answer."""
        self.world.queue.outcomes = {0: Delivered(), 1: Failed("5.1.1", "x")}
        names = ["u@example.test", "v@example.test", "U@EXAMPLE.test", "v@example.test"]
        transaction = self.begin("a@far.test", *names)
        told = self.send(transaction)
        self.assertEqual(told, ["250 2.1.5", "550 5.1.1", "250 2.1.5", "550 5.1.1"])
        (submission,) = self.world.queue.taken
        self.assertTrue(submission.awaited)
        numbers = [
            (each.n, each.address.local) for each in submission.envelope.recipients
        ]
        self.assertEqual(numbers, [(0, "u"), (1, "v")])

    def test_one(self) -> None:
        """The same for one."""
        self.world.queue.outcomes = {0: Failed("5.2.2", "x")}
        self.assertEqual(self.send(self.begin(None, "u@example.test")), ["550 5.2.2"])

    def test_quota_undeclared(self) -> None:
        """Who has no room hears 452, the others' mail is delivered."""
        self.world.accounts.full = {"u@example.test": Room(10, None)}
        self.world.queue.outcomes = {1: Delivered()}
        names = ["u@example.test", "v@example.test", "u@example.test"]
        told = self.send(self.begin("a@far.test", *names))
        self.assertEqual(told, ["452 4.2.2", "250 2.1.5", "452 4.2.2"])
        (submission,) = self.world.queue.taken
        (left,) = submission.envelope.recipients
        self.assertEqual((left.n, left.address.local), (1, "v"))
        self.assertEqual(self.send(self.begin(None, names[0])), ["452 4.2.2"])

    def test_no_relay(self) -> None:
        """Nothing leaves by LMTP."""
        self.assertEqual(self.to("x@far.test"), "554 5.7.1")
        self.assertEqual(self.to("nobody@example.test"), "550 5.1.1")


class Saying:
    """A stage that says what it was told to say."""

    def __init__(self, verdict: Any, *phases: Phase) -> None:
        self.phases = frozenset(phases)
        self.verdict = verdict
        self.saw: list[Any] = []

    async def judge(self, phase: Phase, view: IView) -> Any:
        self.saw.append((phase, dict(view.marks)))
        return self.verdict


class PipelineTests(Case):
    def test_order(self) -> None:
        """Stages are asked in order; marks add up, prefixes follow each other."""
        one = Saying(Proceed({"a": "1", "b": "1"}, b"A: 1\r\n"), Phase.MAIL)
        two = Saying(Proceed({"b": "2"}, b"B: 2\r\n"), Phase.MAIL, Phase.RCPT)
        view = View(Peer("", 0, "S"), "smtp")
        verdict = self.now(Pipeline([one, two]).judge(Phase.MAIL, view))
        self.assertEqual(verdict, Proceed({"a": "1", "b": "2"}, b"A: 1\r\nB: 2\r\n"))
        self.assertEqual(two.saw, [(Phase.MAIL, {"a": "1", "b": "1"})])

    def test_first_objection(self) -> None:
        """The first objection decides, and nobody is asked after it."""
        no = Saying(Refuse(Reply(550, "5.7.1", "No")), Phase.RCPT)
        after = Saying(PROCEED, Phase.RCPT)
        view = View(Peer("", 0, "S"), "smtp")
        verdict = self.now(Pipeline([no, after]).judge(Phase.RCPT, view))
        self.assertIs(verdict, no.verdict)
        self.assertEqual(after.saw, [])

    def test_nobody_asked(self) -> None:
        """A phase without stages lets all pass."""
        view = View(Peer("", 0, "S"), "smtp")
        self.assertIs(self.now(Pipeline([]).judge(Phase.DATA, view)), PROCEED)

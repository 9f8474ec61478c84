"""The relay against servers that refuse, cut off, lie and encrypt."""

import os
import time

from twisted.internet import reactor
from twisted.internet.defer import Deferred as Later
from twisted.internet.task import deferLater
from twisted.internet.tcp import Client
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mailsuite.dns.memory import Table
from mailsuite.interfaces.queueing import IDelivery, Lease
from mailsuite.interfaces.resolving import Exchanger
from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob, Envelope, Recipient
from mailsuite.model.errors import UsageError
from mailsuite.model.outcomes import Deferred, Delivered, Failed
from mailsuite.relay.remote import Ground, Remote
from mailsuite.relay.settings import Relay
from mailsuite.tls import selfsigned
from mailsuite.tls.contexts import Contexts
from mailsuite.tls.settings import TLS
from tests.support.sink import HANG, OFFERS, RESET, Sink

OCTETS = b"Subject: x\r\n\r\nhello\r\n.dot\r\n"


class Counted:
    """Events, kept."""

    def __init__(self):
        self.seen = []

    def happened(self, name, **fields):
        self.seen.append((name, fields))


def lease(*recipients, sender="anna@us.test", blob=None, marks=None):
    rows = tuple(
        Recipient(n, Address(*text.rsplit("@", 1))) for n, text in enumerate(recipients)
    )
    blob = blob or Blob("k", len(OCTETS), OCTETS, b"Received: us\r\n")
    who = Address(*sender.rsplit("@", 1)) if sender else None
    return Lease("Q1", 1, Envelope(who, rows, marks or {}), blob, rows, "relay", 1, 0.0)


def certified(folder):
    """A server context for the sink, of a certificate that nobody trusts."""
    os.makedirs(folder)
    settings = TLS(f"{folder}/cert.pem", f"{folder}/key.pem")
    selfsigned.write(settings.certificate, settings.key, ["127.0.0.1"], time.time())
    contexts = Contexts(settings)
    contexts.load()
    return contexts.creator()


class Relaying(TestCase):
    """Sinks on loopback, reached by routes or, on one port, by MX."""

    def sink(self, **says):
        sink = Sink(**says)
        port = reactor.listenTCP(0, sink, interface="127.0.0.1")
        sink.port = port.getHost().port
        self.addCleanup(port.stopListening)
        self.addCleanup(
            lambda: [c.transport.abortConnection() for c in list(sink.open)]
        )
        return sink

    def remote(self, *routes, table=None, renew=True, **settings):
        async def renewed(lease):
            self.renewed += 1
            return renew

        self.renewed = 0
        self.events = Counted()
        settings = {"allow_private": True, "idle_seconds": 5.0} | settings
        remote = Remote(
            Ground(reactor, "us.test"), Relay(routes=routes, **settings),
            table or Table(), None, renewed, self.events,
        )  # fmt: skip
        self.addCleanup(self.stop, remote)
        return remote

    def stop(self, remote):
        stopping = Later.fromCoroutine(remote.stop())
        return stopping.addCallback(lambda _: deferLater(reactor, 0.02))

    async def deliver(self, remote, job):
        outcomes = {}

        async def settle(lease, settled):
            outcomes.update(settled)
            return True

        await remote.deliver(job, settle)
        return outcomes

    async def to(self, sink, *recipients, options="", **more):
        """Deliver by a route to the sink."""
        settings = more.pop("settings", {})
        remote = self.remote(f"* [127.0.0.1]:{sink.port} {options}", **settings)
        return await self.deliver(remote, lease(*(recipients or ("a@b.test",)), **more))


class DeliveryTests(Relaying):
    async def test_delivered(self):
        """A message arrives whole, stuffed for the wire, in one pipelined go."""
        sink = self.sink()
        outcomes = await self.to(sink, "a@b.test", "c@b.test")
        self.assertIsInstance(outcomes[0], Delivered)
        self.assertIsInstance(outcomes[1], Delivered)
        self.assertIn("kept as X1", outcomes[0].text)
        self.assertEqual(
            sink.messages, [b"Received: us\r\nSubject: x\r\n\r\nhello\r\n..dot\r\n"]
        )
        self.assertEqual(self.renewed, 1)
        self.assertEqual(
            sink.heard[1:5],
            [
                f"MAIL FROM:<anna@us.test> SIZE={len(OCTETS)}",
                "RCPT TO:<a@b.test>",
                "RCPT TO:<c@b.test>",
                "DATA",
            ],
        )
        self.assertEqual([name for name, _ in self.events.seen], ["relay.connected"])

    async def test_asked(self):
        """RET, ENVID and BY go to servers that know them; BY as it is by now."""
        sink = self.sink(offers=(*OFFERS, "DSN", "DELIVERBY 60"))
        marks = {"ret": "HDRS", "envid": "QQ314", "by": "120;NT"}
        await self.to(sink, marks=marks)
        self.assertTrue(sink.heard[1].endswith(" RET=HDRS ENVID=QQ314 BY=120;NT"))
        plain = self.sink()
        outcomes = await self.to(plain, marks=marks)
        self.assertIsInstance(outcomes[0], Delivered)
        self.assertNotIn("BY", plain.heard[1])

    async def test_in_time_or_never(self):
        """What must come in time goes to no server that may let it be late."""
        marks = {"by": "120;R"}
        for offers in ((), ("DELIVERBY 240",)):
            sink = self.sink(offers=(*OFFERS, *offers))
            outcomes = await self.to(sink, marks=marks)
            self.assertEqual(outcomes[0].status, "5.4.7")
            self.assertEqual(sink.messages, [])
        sink = self.sink(offers=(*OFFERS, "DELIVERBY"))
        outcomes = await self.to(sink, marks=marks)
        self.assertIsInstance(outcomes[0], Delivered)
        outcomes = await self.to(sink, marks={"by": "-1;R"})
        self.assertEqual(outcomes[0].status, "5.4.7")

    async def test_provides(self):
        """It is an IDelivery."""
        verifyObject(IDelivery, self.remote())

    async def test_per_recipient(self):
        """Each recipient gets its own server's answer."""
        sink = self.sink(RCPT=["250 ok", "550 5.1.1 no", "450 4.2.0 later"])
        outcomes = await self.to(sink, "a@b.test", "b@b.test", "c@b.test")
        self.assertIsInstance(outcomes[0], Delivered)
        self.assertEqual(outcomes[1], Failed("5.1.1", "550 5.1.1 no", "127.0.0.1"))
        self.assertEqual(outcomes[2], Deferred("4.2.0", "450 4.2.0 later", "127.0.0.1"))

    async def test_large_file(self):
        """Large content comes from its file, as fast as it is read."""
        path = self.mktemp()
        octets = b"Subject: big\r\n\r\n" + b"0123456789abcde\r\n" * 100_000
        with open(path, "wb") as file:  # noqa: ASYNC230
            file.write(octets)
        sink = self.sink(offers=("PIPELINING",))
        blob = Blob("k", len(octets), None, b"Received: us\r\n", os.path.abspath(path))  # noqa: ASYNC240
        outcomes = await self.to(sink, blob=blob)
        self.assertIsInstance(outcomes[0], Delivered)
        self.assertEqual(sink.messages, [b"Received: us\r\n" + octets])

    async def test_missing_file(self):
        """Content that cannot be read is tried again later."""
        outcomes = await self.to(
            self.sink(), blob=Blob("k", 5, None, b"", "/nonexistent")
        )
        self.assertEqual(outcomes[0].status, "4.3.0")

    async def test_domains(self):
        """Domains of one job go their own ways, and one does not stop another."""
        good, bad = self.sink(), self.sink(MAIL="550 5.7.1 no")
        remote = self.remote(
            f"good.test [127.0.0.1]:{good.port}", f".bad.test [127.0.0.1]:{bad.port}"
        )
        outcomes = await self.deliver(
            remote, lease("a@good.test", "b@x.bad.test", "c@bad.test")
        )
        self.assertIsInstance(outcomes[0], Delivered)
        self.assertEqual([outcomes[1].status, outcomes[2].status], ["5.7.1", "5.7.1"])

    async def test_sender_of_its_own(self):
        """A forwarded recipient goes with its own sender, in its own transaction."""
        sink = self.sink()
        remote = self.remote(f"* [127.0.0.1]:{sink.port}")
        job = lease("a@b.test", sender="")
        forwarded = Recipient(1, Address("c", "b.test"), Address("srs", "us.test"))
        rows = (*job.recipients, forwarded)
        job = Lease("Q", 1, Envelope(None, rows), job.blob, rows, "relay", 1, 0.0)
        await self.deliver(remote, job)
        senders = {line.split(" ")[1] for line in sink.heard if line.startswith("MAIL")}
        self.assertEqual(senders, {"FROM:<>", "FROM:<srs@us.test>"})

    async def test_reuse(self):
        """The next job to the same hosts takes the kept connection."""
        sink = self.sink()
        remote = self.remote(f"* [127.0.0.1]:{sink.port}")
        for n in range(3):
            outcomes = await self.deliver(remote, lease(f"a@b{n}.test"))
            self.assertIsInstance(outcomes[0], Delivered)
        self.assertEqual((sink.connections, len(sink.messages)), (1, 3))

    async def test_no_delay(self):
        """The end of a message does not wait for what was sent to be acknowledged."""
        sink = self.sink()
        remote = self.remote(f"* [127.0.0.1]:{sink.port}")
        await self.deliver(remote, lease("a@b.test"))
        kept = [one for one in reactor.getReaders() if isinstance(one, Client)]
        self.assertEqual([bool(one.getTcpNoDelay()) for one in kept], [True])

    async def test_reuse_refused(self):
        """A kept connection that the server ended is replaced."""
        sink = self.sink(DOT=["250 ok"], MAIL=["250 ok", "421 4.3.2 enough"])
        remote = self.remote(f"* [127.0.0.1]:{sink.port}")
        for _ in range(2):
            outcomes = await self.deliver(remote, lease("a@b.test"))
            self.assertIsInstance(outcomes[0], Delivered)
        self.assertEqual(sink.connections, 2)

    async def test_reuse_after_refusal(self):
        """A connection over which nothing was accepted is not kept."""
        sink = self.sink(RCPT="450 4.2.0 later")
        remote = self.remote(f"* [127.0.0.1]:{sink.port}")
        for _ in range(2):
            await self.deliver(remote, lease("a@b.test"))
        self.assertEqual(sink.connections, 2)
        self.assertNotIn("RSET", sink.heard)

    async def test_reload(self):
        """New settings count for the next job; wrong ones change nothing."""
        old, new = self.sink(), self.sink()
        remote = self.remote(f"* [127.0.0.1]:{old.port}")
        await self.deliver(remote, lease("a@b.test"))
        self.assertRaises(UsageError, remote.reload, Relay(routes=("nonsense",)))
        await self.deliver(remote, lease("a@b.test"))
        remote.reload(Relay(routes=(f"* [127.0.0.1]:{new.port}",)))
        await self.deliver(remote, lease("a@b.test"))
        self.assertEqual((len(old.messages), len(new.messages)), (2, 1))
        self.assertEqual((old.connections, new.connections), (1, 1))

    async def test_fenced(self):
        """Without the lease the final dot is never sent, and nothing settled."""
        sink = self.sink()
        remote = self.remote(f"* [127.0.0.1]:{sink.port}", renew=False)
        self.assertEqual(await self.deliver(remote, lease("a@b.test")), {})
        await deferLater(reactor, 0.02)
        self.assertEqual((sink.messages, sink.open), ([], set()))

    async def test_many_recipients(self):
        """Very many recipients are sent in several transactions."""
        sink = self.sink()
        outcomes = await self.to(
            sink, *(f"r{n}@b.test" for n in range(25)), settings={"recipients": 10}
        )
        self.assertEqual(len(outcomes), 25)
        self.assertEqual(len(sink.messages), 3)

    async def test_too_many_recipients(self):
        """Who was too many for one transaction follows in the next, at once."""
        full = "452 4.5.3 too many"
        sink = self.sink(RCPT=["250 ok", full, full, "250 ok", full])
        outcomes = await self.to(sink, *(f"r{n}@b.test" for n in range(3)))
        self.assertEqual([type(outcomes[n]) for n in range(3)], [Delivered] * 3)
        self.assertEqual((sink.connections, len(sink.messages)), (1, 3))

    async def test_always_too_many(self):
        """A server that never takes any is not asked again and again."""
        sink = self.sink(RCPT=["250 ok", *["452 4.5.3 too many"] * 9])
        outcomes = await self.to(sink, "a@b.test", "b@b.test")
        self.assertEqual(outcomes[1].status, "4.5.3")
        asked = [line for line in sink.heard if line.startswith("MAIL")]
        self.assertEqual((sink.connections, len(asked)), (1, 2))

    async def test_one_connection(self):
        """A destination gets no more connections at once than it may."""
        sink = self.sink()
        settings = {"recipients": 1, "per_destination": 2}
        await self.to(sink, *(f"r{n}@b.test" for n in range(12)), settings=settings)
        self.assertEqual(len(sink.messages), 12)
        self.assertLessEqual(sink.connections, 2)


class RefusalTests(Relaying):
    async def _code(self, verb, answer):
        return (await self.to(self.sink(**{verb: answer})))[0]

    async def test_permanent(self):
        """5yz at each verb fails, in the server's words."""
        for verb in ("CONNECT", "MAIL", "RCPT", "DATA", "DOT"):
            outcome = await self._code(verb, "554 5.7.1 never")
            self.assertEqual(
                outcome, Failed("5.7.1", "554 5.7.1 never", "127.0.0.1"), verb
            )

    async def test_temporary(self):
        """4yz at each verb defers, in the server's words."""
        for verb in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"):
            outcome = await self._code(verb, "451 4.3.0 later")
            self.assertEqual(
                outcome, Deferred("4.3.0", "451 4.3.0 later", "127.0.0.1"), verb
            )

    async def test_busy(self):
        """421 at each verb defers."""
        for verb in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"):
            outcome = await self._code(verb, "421 4.3.2 busy")
            self.assertEqual(
                outcome, Deferred("4.3.2", "421 4.3.2 busy", "127.0.0.1"), verb
            )

    async def test_reset(self):
        """A cut connection at each verb defers."""
        for verb in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"):
            outcome = await self._code(verb, RESET)
            self.assertIsInstance(outcome, Deferred, verb)
            self.assertIn(outcome.status, {"4.4.1", "4.4.2"})

    async def test_hang(self):
        """Silence at each verb defers when the time is over."""
        for verb in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"):
            sink = self.sink(**{verb: HANG})
            settings = {"reply_seconds": 0.05, "end_seconds": 0.05}
            outcome = (await self.to(sink, settings=settings))[0]
            self.assertIsInstance(outcome, Deferred, verb)
            self.assertIn("timed out", outcome.text)

    async def test_total(self):
        """A server that always says a little is cut off in the end."""
        sink = self.sink(MAIL="250-" + "\r\n250-".join("x" * 400))
        settings = {"total_seconds": 0.1}
        outcome = (await self.to(sink, settings=settings))[0]
        self.assertIsInstance(outcome, Deferred)

    async def test_endless(self):
        """An endless answer defers at once."""
        sink = self.sink(EHLO="\r\n".join(["250-x"] * 1000))
        outcome = (await self.to(sink))[0]
        self.assertEqual(outcome.status, "4.5.0")
        self.assertIn("too long", outcome.text)

    async def test_not_smtp(self):
        """So does what is no SMTP."""
        outcome = await self._code("CONNECT", "SSH-2.0-OpenSSH")
        self.assertEqual(outcome.status, "4.5.0")

    async def test_kept_refusals(self):
        """Who was refused for ever stays so when the connection is lost later."""
        sink = self.sink(offers=(), RCPT=["550 5.1.1 no", "250 ok"], DATA=RESET)
        outcomes = await self.to(sink, "a@b.test", "b@b.test")
        self.assertEqual(outcomes[0].status, "5.1.1")
        self.assertEqual(outcomes[1].status, "4.4.2")

    async def test_helo(self):
        """A server without EHLO is served too."""
        sink = self.sink(EHLO="502 what?")
        self.assertIsInstance((await self.to(sink))[0], Delivered)
        self.assertEqual(sink.heard[1], "HELO us.test")


class NeedsTests(Relaying):
    async def test_size(self):
        """A message above the server's limit fails without being sent."""
        outcome = (await self.to(self.sink(offers=("SIZE 10",))))[0]
        self.assertEqual(outcome.status, "5.3.4")

    async def test_eight_bit(self):
        """8-bit content needs 8BITMIME."""
        blob = Blob("k", 9, b"A: b\r\n\r\n\xff\r\n")
        sink = self.sink()
        self.assertIsInstance((await self.to(sink, blob=blob))[0], Delivered)
        self.assertIn("BODY=8BITMIME", sink.heard[1])
        outcome = (await self.to(self.sink(offers=("SIZE",)), blob=blob))[0]
        self.assertEqual(outcome.status, "5.6.3")

    async def test_utf8(self):
        """An address that is not ASCII needs SMTPUTF8; others still get theirs."""
        outcomes = await self.to(self.sink(), "é@b.test", "a@b.test")
        self.assertEqual(outcomes[0].status, "5.6.7")
        self.assertIsInstance(outcomes[1], Delivered)
        sink = self.sink(offers=("SMTPUTF8", "8BITMIME"))
        self.assertIsInstance((await self.to(sink, "é@b.test"))[0], Delivered)
        self.assertTrue(sink.heard[1].endswith("SMTPUTF8"))
        self.assertEqual(sink.heard[2], "RCPT TO:<é@b.test>")

    async def test_utf8_header(self):
        """A header that was sent as SMTPUTF8 needs it again."""
        blob = Blob("k", 9, "Subject: é\r\n\r\nx\r\n".encode())
        outcome = (await self.to(self.sink(), blob=blob, marks={"smtputf8": "yes"}))[0]
        self.assertEqual(outcome.status, "5.6.7")
        self.assertIsInstance((await self.to(self.sink(), blob=blob))[0], Delivered)

    async def test_injection(self):
        """An address with a line end fails by itself."""
        outcomes = await self.to(self.sink(), "a\r\nQUIT@b.test", "c@b.test")
        self.assertEqual(outcomes[0].status, "5.1.3")
        self.assertIsInstance(outcomes[1], Delivered)


class TLSTests(Relaying):
    OFFERS = ("STARTTLS", "PIPELINING", "AUTH PLAIN LOGIN")

    async def test_opportunistic(self):
        """TLS is used where it is offered, with any certificate."""
        sink = self.sink(offers=self.OFFERS, context=certified(self.mktemp()))
        self.assertIsInstance((await self.to(sink))[0], Delivered)
        self.assertEqual(sink.secured, 1)
        self.assertEqual(
            [line.split()[0] for line in sink.heard[:4]],
            ["EHLO", "STARTTLS", "EHLO", "MAIL"],
        )
        self.assertEqual(self.events.seen[0][1]["tls"], "yes")

    async def test_large(self):
        """Large content goes through TLS with back-pressure."""
        octets = b"A: b\r\n\r\n" + b"0123456789abcde\r\n" * 60_000
        sink = self.sink(offers=self.OFFERS, context=certified(self.mktemp()))
        await self.to(sink, blob=Blob("k", len(octets), octets))
        self.assertEqual(sink.messages, [octets])

    async def test_refused(self):
        """A refused STARTTLS leads on in plain."""
        sink = self.sink(offers=self.OFFERS, STARTTLS="454 4.7.0 no")
        self.assertIsInstance((await self.to(sink))[0], Delivered)
        self.assertEqual(sink.connections, 1)

    async def test_failed_handshake(self):
        """A failed handshake leads to a new connection in plain."""
        sink = self.sink(
            offers=self.OFFERS,
        )
        self.assertIsInstance((await self.to(sink))[0], Delivered)
        self.assertEqual(sink.connections, 2)

    async def test_required(self):
        """Where TLS is required nothing is sent in plain."""
        for says, options, status in (
            ({}, "tls=required", "4.7.4"),
            ({"STARTTLS": "454 4.7.0 no"}, "tls=required", "4.7.4"),
            ({"EHLO": "250-hi\r\n250 STARTTLS"}, "tls=required", "4.7.5"),
            ({}, "tls=verify", "4.7.4"),
        ):
            offers = self.OFFERS if says else ()
            sink = self.sink(offers=offers, **says)
            outcome = (await self.to(sink, options=options))[0]
            self.assertEqual(outcome.status, status, says)
            self.assertNotIn("MAIL", " ".join(sink.heard))

    async def test_unverified(self):
        """A certificate that nobody vouches for is no good where it counts."""
        sink = self.sink(offers=self.OFFERS, context=certified(self.mktemp()))
        outcome = (await self.to(sink, options="user=u password=p"))[0]
        self.assertEqual(outcome.status, "4.7.5")
        self.assertNotIn("AUTH", " ".join(sink.heard))

    async def test_login(self):
        """A smarthost is told name and password, under TLS."""
        sink = self.sink(offers=self.OFFERS, context=certified(self.mktemp()))
        options = "user=u password=p tls=required"
        self.assertIsInstance((await self.to(sink, options=options))[0], Delivered)
        self.assertIn("AUTH PLAIN AHUAcA==", sink.heard)

    async def test_login_refused(self):
        """A wrong password is our fault and bounces nobody's mail."""
        sink = self.sink(
            offers=self.OFFERS, context=certified(self.mktemp()), AUTH="535 5.7.8 no"
        )
        outcome = (await self.to(sink, options="user=u password=p tls=required"))[0]
        self.assertEqual(outcome.status, "4.7.8")


class RoutingTests(Relaying):
    """MX on loopback: every host has its own 127.0.0.x and the sink's port."""

    async def _by_mx(self, table, **settings):
        remote = self.remote(table=table, port=self.port, **settings)
        return (await self.deliver(remote, lease("a@b.test")))[0]

    def setUp(self):
        self.good = self.sink()
        self.port = self.good.port

    def _at(self, address, **says):
        sink = Sink(**says)
        port = reactor.listenTCP(self.port, sink, interface=address)
        self.addCleanup(port.stopListening)
        return sink

    def _table(self, *addresses):
        mail = [Exchanger(n, f"mx{n}.b.test") for n in range(len(addresses))]
        hosts = {f"mx{n}.b.test": [address] for n, address in enumerate(addresses)}
        return Table(hosts, {"b.test": mail})

    async def test_fallback(self):
        """Who cannot be reached, is busy or refuses at once is passed over."""
        busy = self._at("127.0.0.2", CONNECT="421 4.3.2 busy")
        rude = self._at("127.0.0.3", CONNECT="554 5.3.2 no")
        table = self._table("127.0.0.9", "127.0.0.2", "127.0.0.3", "127.0.0.1")
        self.assertIsInstance(await self._by_mx(table), Delivered)
        self.assertEqual((busy.connections, rude.connections), (1, 1))

    async def test_put_off(self):
        """Who is put off by one server is taken by the next, others are not asked again."""
        first = self._at(
            "127.0.0.2", RCPT=["250 ok", "450 4.2.0 later", "550 5.1.1 no"]
        )
        remote = self.remote(
            table=self._table("127.0.0.2", "127.0.0.1"), port=self.port
        )
        job = lease("a@b.test", "b@b.test", "c@b.test")
        outcomes = await self.deliver(remote, job)
        self.assertIsInstance(outcomes[0], Delivered)
        self.assertIsInstance(outcomes[1], Delivered)
        self.assertEqual(outcomes[2].status, "5.1.1")
        self.assertEqual((len(first.messages), len(self.good.messages)), (1, 1))
        asked = [line for line in self.good.heard if line.startswith("RCPT")]
        self.assertEqual(asked, ["RCPT TO:<b@b.test>"])

    async def test_settled_first(self):
        """Who has the message is settled before others go to the next server."""
        self._at("127.0.0.2", RCPT=["250 ok", "450 4.2.0 later", "550 5.1.1 no"])
        remote = self.remote(
            table=self._table("127.0.0.2", "127.0.0.1"), port=self.port
        )
        settled = []

        async def settle(lease, outcomes):
            settled.append((sorted(outcomes), self.good.connections))
            return True

        await remote.deliver(lease("a@b.test", "b@b.test", "c@b.test"), settle)
        self.assertEqual(settled, [([0], 0), ([1, 2], 1)])

    async def test_put_off_by_two(self):
        """Two servers are asked in one attempt, each once; the last one is quoted."""
        says = {"DOT": "452 4.3.1 full"}
        one, other = self._at("127.0.0.2", **says), self._at("127.0.0.3", **says)
        table = self._table("127.0.0.2", "127.0.0.3", "127.0.0.1")
        outcome = await self._by_mx(table)
        self.assertEqual((outcome.status, outcome.host), ("4.3.1", "mx1.b.test"))
        self.assertEqual((one.connections, other.connections), (1, 1))
        self.assertEqual(self.good.connections, 0)

    async def test_lost_at_the_end(self):
        """Who may have the message already is no reason to ask another server."""
        self._at("127.0.0.2", DOT=RESET)
        outcome = await self._by_mx(self._table("127.0.0.2", "127.0.0.1"))
        self.assertEqual((outcome.status, self.good.connections), ("4.4.2", 0))

    async def test_hope(self):
        """When one host may do later, the mail is tried again later."""
        self._at("127.0.0.3", CONNECT="554 5.3.2 no")
        outcome = await self._by_mx(self._table("127.0.0.9", "127.0.0.3"))
        self.assertEqual(outcome.status, "4.4.1")

    async def test_second_address(self):
        """A host's other addresses are tried."""
        table = Table(
            {"mx.b.test": ["127.0.0.9", "127.0.0.1"]},
            {"b.test": [Exchanger(1, "mx.b.test")]},
        )
        self.assertIsInstance(await self._by_mx(table), Delivered)

    async def test_no_mx(self):
        """Without MX the domain's own address counts; a literal is taken as it is."""
        table = Table({"b.test": ["127.0.0.1"]})
        self.assertIsInstance(await self._by_mx(table), Delivered)
        remote = self.remote(port=self.port)
        outcomes = await self.deliver(remote, lease("a@[127.0.0.1]"))
        self.assertIsInstance(outcomes[0], Delivered)

    async def test_null_mx(self):
        """A null MX fails at once."""
        outcome = await self._by_mx(Table({}, {"b.test": [Exchanger(0, ".")]}))
        self.assertEqual(outcome.status, "5.1.10")

    async def test_names(self):
        """What does not exist fails, what does not answer is tried again."""
        self.assertEqual((await self._by_mx(Table())).status, "5.1.2")
        silent = Table(broken=frozenset({"b.test"}))
        self.assertEqual((await self._by_mx(silent)).status, "4.4.3")
        lame = Table({}, {"b.test": [Exchanger(1, "gone.test")]})
        self.assertEqual((await self._by_mx(lame)).status, "5.4.4")
        empty = Table({"b.test": []})
        self.assertEqual((await self._by_mx(empty)).status, "5.4.4")

    async def test_loops(self):
        """Our own name as the best MX is a loop; better ones are tried alone."""
        us = Exchanger(5, "us.test")
        outcome = await self._by_mx(Table({}, {"b.test": [us]}))
        self.assertEqual(outcome.status, "5.4.6")
        hosts = {"mx.b.test": ["127.0.0.9"], "worse.test": ["127.0.0.1"]}
        mail = [Exchanger(1, "mx.b.test"), us, Exchanger(9, "worse.test")]
        outcome = await self._by_mx(Table(hosts, {"b.test": mail}))
        self.assertEqual((outcome.status, self.good.connections), ("4.4.1", 0))

    async def test_private(self):
        """A stranger's MX on loopback or a private network is not connected to."""
        for address in (
            "127.0.0.1",
            "10.0.0.1",
            "169.254.1.1",
            "::1",
            "::ffff:127.0.0.1",
            "fd00::1",
        ):
            outcome = await self._by_mx(self._table(address), allow_private=False)
            self.assertEqual(outcome.status, "5.4.4", address)
        self.assertEqual(self.good.connections, 0)

    async def test_many_hosts(self):
        """Of a thousand MX hosts a few are tried."""
        table = self._table(*["127.0.0.9"] * 1000)
        await self._by_mx(table)
        self.assertLessEqual(len(self.events.seen), 20)

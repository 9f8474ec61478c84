"""What the doctor sees: this machine, its ports, and what lies around."""

import os
import time
from pathlib import Path

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mailsuite.dns.memory import Table
from mailsuite.dns.settings import Published
from mailsuite.house.doctor import machine, network
from mailsuite.house.doctor.examination import Doctor, Practice
from mailsuite.house.paths import Places
from mailsuite.house.publishing import ports
from mailsuite.house.settings import Doctor as Settings
from mailsuite.house.settings import Server
from mailsuite.house.tree import Tree
from mailsuite.imap.settings import IMAP
from mailsuite.interfaces.directory import Domain
from mailsuite.interfaces.publishing import NOTE, RIGHT, WRONG, Finding
from mailsuite.managesieve.settings import ManageSieve
from mailsuite.model.errors import UsageError
from mailsuite.net.endpoints import Place
from mailsuite.net.probe import Probe, Silent
from mailsuite.pop3.settings import POP3
from mailsuite.smtp.settings import LMTP, SMTP, Submission
from mailsuite.tls import selfsigned
from mailsuite.tls.settings import TLS

NOW = time.time()


class Machine:
    """A folder like a suite's."""

    def made(self):
        root = Path(self.mktemp())
        root.mkdir()
        self.data = root / "var"
        self.data.mkdir(mode=0o700)
        (self.data / "state.db").touch(mode=0o600)
        (root / "mailsuite.toml").touch(mode=0o644)
        self.root = root
        self.places = Places(
            str(root / "mailsuite.toml"), str(self.data), str(self.data / "ctl")
        )
        return self.places

    def certified(self, *names, now=NOW):
        pem, key = selfsigned.make(names, now)
        (self.root / "c.pem").write_bytes(pem)
        (self.root / "k.pem").write_bytes(key)
        os.chmod(self.root / "k.pem", 0o600)
        return TLS(str(self.root / "c.pem"), str(self.root / "k.pem"))


class MachineTests(SynchronousTestCase, Machine):
    def setUp(self):
        self.made()

    def folders(self, tls=None):
        found = machine.folders(Tree(tls=tls or TLS()), self.places)
        return {one.subject: one for one in found}

    def test_modes(self):
        """What others may read or change is wrong, with the command that mends it."""
        tls = self.certified("mx.test")
        found = self.folders(tls)
        self.assertEqual({one.state for one in found.values()}, {RIGHT}, found)
        os.chmod(self.data, 0o755)
        os.chmod(self.data / "state.db", 0o644)
        os.chmod(tls.key, 0o604)
        os.chmod(self.places.config, 0o666)
        found = self.folders(tls)
        self.assertEqual({one.state for one in found.values()}, {WRONG}, found)
        self.assertEqual(found["data folder"].hint, f"chmod 700 {self.data}")
        self.assertEqual(found["TLS key"].hint, f"chmod 600 {tls.key}")

    def test_missing(self):
        """What is not there is told."""
        (self.data / "state.db").unlink()
        self.assertEqual(self.folders()["directory"].state, WRONG)

    def test_disk(self):
        """Less room than mail needs is wrong."""
        (found, *_) = machine.disk(self.places, 1)
        self.assertIn(found.state, {RIGHT, NOTE})
        (found, *_) = machine.disk(self.places, 1 << 60)
        self.assertEqual(found.state, WRONG)
        (found,) = machine.disk(evolve(self.places, data="/nowhere"), 1)
        self.assertEqual(found.state, WRONG)

    def test_clock(self):
        """A clock that was never set, or lags behind our files."""
        self.assertIn(machine.clock(self.places, time.time).state, {RIGHT, NOTE})
        self.assertEqual(machine.clock(self.places, lambda: 0.0).state, WRONG)
        early = lambda: time.time() - 7200  # noqa: E731
        found = machine.clock(self.places, early)
        self.assertEqual(found.state, WRONG)
        self.assertIn("newest file", found.said)

    def test_certificate(self):
        """None, expired, soon ending, for another name, unreadable, self-signed."""
        tree = Tree(server=Server("mx.test"))
        state = lambda tls, now=NOW: machine.certificates(  # noqa: E731
            evolve(tree, tls=tls), lambda: now
        )
        self.assertEqual(state(TLS()).state, WRONG)
        tls = self.certified("mx.test")
        self.assertEqual(state(tls).state, NOTE)
        days = 86_400
        self.assertIn("ends in", state(tls, NOW + 820 * days).said)
        self.assertIn("not valid", state(tls, NOW + 900 * days).said)
        self.assertIn("not valid", state(tls, NOW - 90 * days).said)
        self.assertEqual(state(self.certified("*.test")).state, NOTE)
        found = state(self.certified("mail.test"))
        self.assertEqual((found.state, found.hint), (WRONG, "get one for mx.test"))
        Path(tls.certificate).write_text("x")
        self.assertIn("no PEM", state(tls).said)

    def test_ports(self):
        """Offered services are those that listen and have TLS."""
        tree = Tree(imap=IMAP(listen=(), listen_tls=("*:1993",)))
        self.assertEqual(ports(tree), {})
        found = ports(evolve(tree, tls=TLS("c", "k")))
        self.assertEqual((found["imaps"], found["submission"]), (1993, 587))
        self.assertNotIn("imap", found)


class Greeting(Protocol):
    text = b"220 mx.test ESMTP\r\n"

    def connectionMade(self):
        self.transport.write(self.text)


class NetworkTests(TestCase):
    def serving(self, text):
        protocol = type("Said", (Greeting,), {"text": text})
        factory = Factory.forProtocol(protocol)
        factory.noisy = False
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return port.getHost().port

    def probe(self, seconds=5.0):
        return Probe(reactor, seconds)

    async def test_doors(self):
        """A door that greets is right; silence and strangers are not."""
        right = network.Door("smtp", Place("0.0.0.0", self.serving(Greeting.text)))
        found = await network.listening(self.probe(), right)
        self.assertEqual(found.state, RIGHT, found)
        greeting = b'"IMPLEMENTATION" "x"\r\nOK\r\n'
        right = network.Door("managesieve", Place("127.0.0.1", self.serving(greeting)))
        found = await network.listening(self.probe(), right)
        self.assertEqual(found.state, RIGHT, found)
        stranger = network.Door(
            "imap", Place("127.0.0.1", self.serving(b"SSH-2.0\r\n"))
        )
        found = await network.listening(self.probe(), stranger)
        self.assertIn("SSH-2.0", found.said)
        silent = network.Door("pop3", Place("127.0.0.1", self.serving(b"")))
        found = await network.listening(self.probe(0.2), silent)
        self.assertIn("no greeting", found.said)
        tls = network.Door("imaps", silent.place)
        self.assertEqual((await network.listening(self.probe(), tls)).state, RIGHT)
        closed = network.Door("smtp", Place("127.0.0.1", 1))
        self.assertEqual((await network.listening(self.probe(), closed)).state, WRONG)

    async def test_greeting_is_bounded(self):
        """A line without an end is cut."""
        said = await self.probe().greeting("127.0.0.1", self.serving(b"x" * 100_000))
        self.assertEqual(len(said), 512)

    async def test_hung_up(self):
        """An end without a greeting is told as that."""

        class Ends(Protocol):
            def connectionMade(self):
                self.transport.loseConnection()

        factory = Factory.forProtocol(Ends)
        factory.noisy = False
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        with self.assertRaises(Silent):
            await self.probe().greeting("127.0.0.1", port.getHost().port)

    async def test_outbound(self):
        """Port 25 outwards: open, closed, unknown."""
        table = Table(hosts={"far.test": ["127.0.0.1"]})
        target = f"far.test:{self.serving(Greeting.text)}"
        found = await network.outbound(self.probe(), table, target)
        self.assertEqual(found.state, RIGHT, found)
        found = await network.outbound(self.probe(), table, "far.test:1")
        self.assertEqual(found.state, WRONG)
        self.assertIn("[relay] routes", found.hint)
        found = await network.outbound(self.probe(), table, "gone.test:25")
        self.assertEqual(found.state, NOTE)
        with self.assertRaises(UsageError):
            await network.outbound(self.probe(), table, "far.test")

    async def test_resolver(self):
        """Any answer will do; none will not."""
        found = await network.resolving(Table())
        self.assertEqual(found.state, RIGHT)
        found = await network.resolving(Table(broken=frozenset(["org"])))
        self.assertEqual(found.state, WRONG)

    async def test_blocklists(self):
        """On the list, not on it, no such list; both kinds of addresses."""
        table = Table(
            hosts={
                "1.2.0.192.bad.test": ["127.0.0.2"],
                "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.bad.test": ["127.0.0.3"],
            },
            broken=frozenset(["1.2.0.192.gone.test"]),
        )
        lists = ("bad.test", "good.test", "gone.test")
        found = [one async for one in network.listed(table, "192.0.2.1", lists)]
        self.assertEqual([one.state for one in found], [WRONG, RIGHT, NOTE])
        found = [
            one async for one in network.listed(table, "2001:db8::1", ("bad.test",))
        ]
        self.assertEqual([one.state for one in found], [WRONG])


class Admin:
    names: tuple = ()

    async def domains(self):
        return [Domain(name, "", "") for name in self.names]


class Publishing:
    found: tuple = ()

    async def compared(self, domain):
        return [Finding("mx.test", WRONG, "first", "seen elsewhere"), *self.found]


class ExaminationTests(TestCase, Machine):
    def practice(self, table, names=("a.test",), found=()):
        admin, publishing = Admin(), Publishing()
        admin.names, publishing.found = names, found
        places = self.made()
        return Practice(reactor, time.time, places, table, admin, publishing)

    def tree(self, **more):
        return Tree(
            server=Server("mx.test"),
            smtp=SMTP(listen=()),
            submission=Submission(listen=(), listen_tls=()),
            lmtp=LMTP(listen=()),
            imap=IMAP(listen=(), listen_tls=()),
            pop3=POP3(listen=(), listen_tls=()),
            managesieve=ManageSieve(listen=()),
            doctor=Settings(outbound="", **more),
            records=Published(),
        )

    async def test_whole(self):
        """Every part is looked at; of domains only what is wrong is told."""
        table = Table(
            hosts={"mx.test": ["127.0.0.1"]}, pointers={"127.0.0.1": ["mx.test"]}
        )
        notes = (
            Finding("a", RIGHT, "x"),
            Finding("b", NOTE, "y", "h"),
            Finding("c", WRONG, "z", "h"),
        )
        doctor = Doctor(self.tree(), self.practice(table, found=notes))
        found = await doctor.examined()
        told = {one.subject: one.state for one in found}
        self.assertEqual(told["mx.test"], RIGHT)
        self.assertEqual((told["c"], told["a.test"]), (WRONG, NOTE))
        self.assertNotIn("a", told)
        self.assertEqual(told["certificate"], WRONG)

    async def test_no_domains(self):
        """A suite without domains is not fit for mail."""
        doctor = Doctor(self.tree(), self.practice(Table(), names=()))
        told = {one.subject: one.state for one in await doctor.examined()}
        self.assertEqual(told["domains"], WRONG)

    async def test_hangs(self):
        """A part that does not end is given up, the others are told."""

        class Hanging(Table):
            async def addresses(self, name):
                return await Deferred()

        self.patch(machine, "certificates", lambda *_: Finding("c", RIGHT, ""))
        doctor = Doctor(self.tree(), self.practice(Hanging()), 0.1)
        told = {one.subject: one for one in await doctor.examined()}
        self.assertIn("took more", told["names"].said)
        self.assertEqual(told["a.test"].state, RIGHT)

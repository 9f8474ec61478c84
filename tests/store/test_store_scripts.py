"""Scripts and memories in account.db (:mod:`mailsuite.store.scripts`)."""

import shutil
import tempfile

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from mailsuite.events.memory import Events
from mailsuite.interfaces.scripts import (
    BadScriptName,
    BadScriptText,
    IMemories,
    IScripts,
    NoSuchScript,
    Script,
    ScriptActive,
    ScriptExists,
    ScriptsFull,
)
from mailsuite.model.envelope import Once
from mailsuite.model.ids import QueueId
from mailsuite.sieve.settings import Sieve
from mailsuite.store.memories import Memories
from mailsuite.store.scripts import InMemory, Scripts
from tests.support.store import House, ruined

ALICE, BOB = "alice@example.test", "bob@example.test"
ONCE = Once(QueueId("0G1G2"), 0, 7)


async def judged(account, content):
    """A check that takes everything but ``bad``."""
    if content == b"bad":
        raise BadScriptText("line 1, column 1: bad")
    return ["warned"] if content == b"warn" else []


class ScriptsTests(SynchronousTestCase):
    def setUp(self):
        self.facts = InMemory()
        self.addCleanup(self.facts.close)
        self.events = Events()
        self.now = 1_000.0
        limits = Sieve(scripts=3, octets=100)
        self.scripts = Scripts(
            self.facts, judged, lambda: self.now, self.events, limits
        )
        self.memories = Memories(self.facts, lambda: self.now)

    def done(self, work):
        return self.successResultOf(Deferred.fromCoroutine(work))

    def fails(self, work, error):
        return self.failureResultOf(Deferred.fromCoroutine(work), error).value

    def put(self, name, content=b"keep;"):
        return self.done(self.scripts.put(ALICE, name, content))

    def test_interfaces(self):
        """Both provide what they say."""
        verifyObject(IScripts, self.scripts)
        verifyObject(IMemories, self.memories)

    def test_kept(self):
        """A script is given back, listed with its size and date, and replaced."""
        self.put("b", b"stop;")
        self.put("a", b"warn")
        self.now = 2_000.0
        self.assertEqual(self.put("a", b"warn"), ["warned"])
        rows = self.done(self.scripts.listed(ALICE))
        told = [(r.name, r.active, r.octets, r.changed) for r in rows]
        self.assertEqual(told, [("a", False, 4, 2e3), ("b", False, 5, 1e3)])
        self.assertEqual(self.done(self.scripts.get(ALICE, "b")), b"stop;")
        self.assertEqual(self.done(self.scripts.listed(BOB)), [])

    def test_order(self):
        """Who asks for an active script comes after those who wait for it."""
        answers, order = [], []

        class Slow:
            async def facts(self, *_):
                answers.append(Deferred())
                return await answers[-1]

        self.scripts = evolve(self.scripts, accounts=Slow())

        async def asked(number):
            await self.scripts.active(ALICE)
            order.append(number)

        for number in range(2):
            Deferred.fromCoroutine(asked(number))
        answers[0].callback(None)
        Deferred.fromCoroutine(asked(2))
        self.assertEqual(order, [0])
        for answer in answers[1:]:
            answer.callback(None)
        self.done(asked(3))
        self.assertEqual((order, len(answers)), ([0, 1, 2, 3], 3))

    def test_active(self):
        """One script counts at a time; the empty name lets none count."""
        for name in ("a", "b"):
            self.put(name, name.encode())
            self.done(self.scripts.activate(ALICE, name))
            found = self.done(self.scripts.active(ALICE))
            self.assertEqual(found, Script(name, name.encode()))
        self.put("b", b"other")
        self.assertEqual(self.done(self.scripts.active(ALICE)).content, b"other")
        self.done(self.scripts.rename(ALICE, "b", "c"))
        self.assertEqual(self.done(self.scripts.active(ALICE)).name, "c")
        self.fails(self.scripts.remove(ALICE, "c"), ScriptActive)
        self.done(self.scripts.activate(ALICE, ""))
        self.assertIsNone(self.done(self.scripts.active(ALICE)))
        self.done(self.scripts.remove(ALICE, "c"))
        self.assertEqual(len(self.done(self.scripts.listed(ALICE))), 1)

    def test_missing(self):
        """What is not there is said to be missing, and nothing changes."""
        self.put("a")
        self.done(self.scripts.activate(ALICE, "a"))
        for work in (
            self.scripts.get(ALICE, "x"),
            self.scripts.activate(ALICE, "x"),
            self.scripts.remove(ALICE, "x"),
            self.scripts.rename(ALICE, "x", "y"),
        ):
            self.fails(work, NoSuchScript)
        self.put("b")
        self.fails(self.scripts.rename(ALICE, "b", "a"), ScriptExists)
        self.assertEqual(self.done(self.scripts.active(ALICE)).name, "a")

    def test_bad(self):
        """A bad text or name changes nothing."""
        self.put("a")
        self.fails(self.scripts.put(ALICE, "a", b"bad"), BadScriptText)
        for name in ("", "a\x00b", "a\nb", "x" * 513, "\u2028"):
            self.fails(self.scripts.put(ALICE, name, b"keep;"), BadScriptName)
            self.fails(self.scripts.room(ALICE, name, 1), BadScriptName)
            self.fails(self.scripts.rename(ALICE, "a", name), BadScriptName)
        self.assertEqual(self.done(self.scripts.get(ALICE, "a")), b"keep;")

    def test_names(self):
        """A name is the same in each way Unicode writes it, and may be anything."""
        self.put("cafe\u0301")
        self.assertEqual(self.done(self.scripts.get(ALICE, "caf\xe9")), b"keep;")
        self.put("../../etc/passwd")
        self.put("\U0001f600" * 128)

    def test_lowered_limits(self):
        """Who has more than is allowed since may replace and shrink, not add or grow."""
        for name in "abc":
            self.put(name, b"#" * 30)
        self.scripts.settings = Sieve(scripts=2, octets=50)
        self.put("a", b"#" * 30)
        self.put("a", b"#" * 29)
        self.assertEqual(
            self.fails(self.scripts.room(ALICE, "a", 30), ScriptsFull).which, "maxsize"
        )
        self.assertEqual(
            self.fails(self.scripts.room(ALICE, "d", 0), ScriptsFull).which,
            "maxscripts",
        )

    def test_quota(self):
        """Neither too many scripts nor too many octets are taken."""
        self.put("a", b"x" * 60)
        error = self.fails(self.scripts.put(ALICE, "b", b"x" * 41), ScriptsFull)
        self.assertEqual(error.which, "maxsize")
        self.put("a", b"x" * 100)
        self.put("a", b"x")
        self.put("b")
        self.put("c")
        error = self.fails(self.scripts.room(ALICE, "d", 1), ScriptsFull)
        self.assertEqual(error.which, "maxscripts")
        self.done(self.scripts.room(ALICE, "c", 50))

    def test_remembered(self):
        """A memory lasts until its time, and is the account's own."""
        remember = self.memories.remember
        self.assertTrue(self.done(remember(ALICE, "vacation", "k", 1_100.0)))
        self.assertFalse(self.done(remember(ALICE, "vacation", "k", 9_000.0)))
        self.assertTrue(self.done(remember(BOB, "vacation", "k", 1_100.0)))
        self.assertTrue(self.done(remember(ALICE, "duplicate", "k", 1_100.0)))
        self.now = 1_100.0
        self.assertFalse(self.done(self.memories.known(ALICE, "vacation", "k")))
        self.assertTrue(self.done(remember(ALICE, "vacation", "k", 2_000.0)))

    def test_repeated_action(self):
        """An action that is repeated does not meet itself; others meet it."""
        remember, known = self.memories.remember, self.memories.known
        other = evolve(ONCE, action=8)
        for kind in ("vacation", "duplicate"):
            self.assertTrue(self.done(remember(ALICE, kind, "k", 2e3, ONCE)))
            self.assertTrue(self.done(remember(ALICE, kind, "k", 2e3, ONCE)))
            self.assertFalse(self.done(known(ALICE, kind, "k", ONCE)))
            self.assertTrue(self.done(known(ALICE, kind, "k", other)))
            self.assertFalse(self.done(remember(ALICE, kind, "k", 2e3, other)))

    def test_renewed(self):
        """What is renewed lasts longer."""
        self.done(self.memories.remember(ALICE, "duplicate", "k", 1_100.0))
        self.done(self.memories.renew(ALICE, "duplicate", "k", 3_000.0))
        self.now = 2_000.0
        self.assertTrue(self.done(self.memories.known(ALICE, "duplicate", "k")))


class DurableTests(TestCase):
    def setUp(self):
        self.data = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.data)
        self.house = House(reactor, self.data)

    async def opened(self):
        accounts = await self.house.start()
        return Scripts(accounts, judged, lambda: 1e9, Events(), Sieve())

    async def killed(self):
        """Scripts are there after a kill right behind the call."""
        scripts = await self.opened()
        await scripts.put(ALICE, "a", b"keep;")
        await scripts.activate(ALICE, "a")
        await self.house.kill()
        scripts = await self.opened()
        self.assertEqual(await scripts.active(ALICE), Script("a", b"keep;"))
        await self.house.stop()

    def test_killed(self):
        """Scripts are there after a kill right behind the call."""
        return Deferred.fromCoroutine(self.killed())

    async def salvaged(self, name, directory):
        scripts = await self.opened()
        await scripts.put(name, "a", b"keep;")
        await scripts.activate(name, "a")
        await self.house.stop()
        home = self.house.home().parent / directory
        ruined(home / "account.db", "mailbox")
        scripts = await self.opened()
        self.assertEqual(await scripts.active(name), Script("a", b"keep;"))
        await self.house.stop()

    def test_salvaged(self):
        """Scripts outlive damage to other tables of a database that is set aside."""
        return Deferred.fromCoroutine(self.salvaged(ALICE, "alice"))

    def test_salvaged_odd_name(self):
        """So do those of a user whose directory is spelled with escapes."""
        odd = "\xe5lice@example.test"
        return Deferred.fromCoroutine(self.salvaged(odd, "%C3%A5lice"))

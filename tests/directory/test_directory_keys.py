"""Signing keys: made, rotated with overlap, kept private, forgotten."""

import os
import stat
import tempfile

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from mailsuite.directory import keymaking, memory
from mailsuite.directory.admin import Admin
from mailsuite.directory.keys import ACTIVE, NEW, OLD, Keys
from mailsuite.directory.keysadmin import KeysAdmin
from mailsuite.directory.names import parse
from mailsuite.directory.registry import Registry, rules_of
from mailsuite.directory.settings import Settings
from mailsuite.directory.state import Listing, State
from mailsuite.directory.turnover import DAY_SECONDS, TURN_SECONDS, Turnover
from mailsuite.dns.memory import Table
from mailsuite.events.memory import Events
from mailsuite.interfaces.directory import Domain
from mailsuite.interfaces.signing import IKeys, IKeysAdmin
from mailsuite.mailauth.dkim import keys as public
from mailsuite.mailauth.dkim import sign
from mailsuite.mailauth.settings import Signing
from mailsuite.model.errors import UsageError
from mailsuite.net.lanes import Inline, Lane

START = 1_795_305_600.0  # 2026-11-22
OURS = "ours.test"


class Kept:
    """A directory on disk with the domain ``ours.test``."""

    def setUp(self):
        self.path = os.path.join(tempfile.mkdtemp(), "state.db")
        self.now = START
        self.events = Events()
        self.opened()
        self.get(self.admin.add_domain(OURS))

    def get(self, coroutine):
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def refused(self, coroutine):
        failure = self.failureResultOf(Deferred.fromCoroutine(coroutine), UsageError)
        return str(failure.value)

    def opened(self, thread=None, files=()):
        self.clock = Clock()
        wall = lambda: self.now  # noqa: E731 - a clock
        state = State(self.path, Inline(), self.events)
        listing = Listing(tuple(Domain(name, "", "file") for name in files))
        state.arrange(rules_of(Settings(), "mx.host.test"), listing)
        self.registry = Registry(self.clock, state, memory.Plain())
        self.get(self.registry.start())
        self.keys = Keys(state, thread or Inline(), wall, self.events)
        self.changes = KeysAdmin(state, self.keys, wall)
        self.admin = Admin(state, memory.Plain(), wall, self.events, self.keys)

    def turnover(self, table=None, **settings):
        return Turnover(
            self.clock,
            lambda: self.now,
            self.changes,
            table or Table(),
            self.events,
            Signing(**settings),
        )

    def states(self):
        return [(key.selector, key.state) for key in self.keys.published(OURS)]


class KeyTests(Kept, SynchronousTestCase):
    def test_provides(self):
        """Every interface is provided."""
        self.assertTrue(verifyObject(IKeys, self.keys))
        self.assertTrue(verifyObject(IKeysAdmin, self.changes))

    def test_domain_add(self):
        """A new domain signs with RSA-2048 and Ed25519 at once."""
        self.assertEqual(self.states(), [("r20261122", ACTIVE), ("e20261122", ACTIVE)])
        for key, kind, bits in zip(
            self.keys.signing(OURS), ("rsa", "ed25519"), (2048, 256), strict=True
        ):
            read = public.read(key.record.encode(), kind)
            self.assertEqual(read.bits, bits)
            signer = sign.signer(key)
            self.assertEqual(
                signer.private.public_key().public_bytes_raw()
                if kind == "ed25519"
                else signer.private.public_key().public_numbers(),
                read.public.public_bytes_raw()
                if kind == "ed25519"
                else read.public.public_numbers(),
            )

    def test_durable_and_private(self):
        """Opened again they are the same, and nobody else may read them."""
        before = self.keys.signing(OURS)
        self.opened()
        self.assertEqual(self.keys.signing(OURS), before)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertNotIn("PRIVATE", repr(before))
        self.assertNotIn("PRIVATE", repr(self.events.seen))

    def test_overlap(self):
        """New keys are published first, old ones stay published."""
        self.get(self.changes.rotate(OURS))
        self.assertEqual(
            self.states(),
            [
                ("r20261122", ACTIVE),
                ("e20261122", ACTIVE),
                ("r20261122-2", NEW),
                ("e20261122-2", NEW),
            ],
        )
        self.assertIn("dkim activate", self.refused(self.changes.rotate(OURS)))
        self.get(self.changes.activate(OURS))
        self.assertEqual(
            [state for _, state in self.states()], [OLD, OLD, ACTIVE, ACTIVE]
        )
        self.assertIn("dkim rotate", self.refused(self.changes.activate(OURS)))
        self.get(self.changes.retire(OURS))
        self.assertEqual(len(self.states()), 2)
        self.assertIn("no old keys", self.refused(self.changes.retire(OURS)))
        after = self.keys.signing(OURS)
        self.opened()
        self.assertEqual(self.keys.signing(OURS), after)

    def test_selectors(self):
        """No selector ever names two keys, even after one is forgotten."""
        for _ in range(3):
            self.get(self.changes.rotate(OURS))
            self.get(self.changes.activate(OURS))
            self.get(self.changes.retire(OURS))
        self.assertEqual([s for s, _ in self.states()], ["r20261122-4", "e20261122-4"])
        taken = ["r20261122", "r20261122-9", "r20261122-10", "r20261122-x", "other"]
        name = keymaking.selector(keymaking.RSA, START, taken)
        self.assertEqual(name, "r20261122-11")

    def test_retire_one(self):
        """A named key: an active one signs no more, the last one must."""
        self.get(self.changes.retire(OURS, "r20261122"))
        self.assertEqual(self.states()[0], ("r20261122", OLD))
        said = self.refused(self.changes.retire(OURS, "e20261122"))
        self.assertIn("only key", said)
        self.get(self.changes.retire(OURS, "r20261122"))
        self.assertEqual(self.states(), [("e20261122", ACTIVE)])
        self.assertIn("no key x", self.refused(self.changes.retire(OURS, "x")))

    def test_strangers(self):
        """Only domains of ours, and our own name, have keys."""
        self.assertIn("not one of our", self.refused(self.changes.add("far.test")))
        self.assertEqual(self.get(self.keys.needed("far.test")), ())
        self.assertEqual(self.keys.signing("far.test"), ())
        self.get(self.changes.add("mx.host.test"))
        self.assertEqual(len(self.keys.signing("mx.host.test")), 2)
        self.assertIn("has keys", self.refused(self.changes.add(OURS)))
        self.assertIn(
            "dkim add", self.refused(self.changes.rotate("far.test")) + "dkim add"
        )

    def test_domain_removed(self):
        """Its keys go with a domain."""
        self.get(self.admin.remove_domain(OURS))
        self.assertEqual(self.states(), [])
        self.opened()
        self.assertEqual(self.states(), [])

    def test_file_gone(self):
        """Keys of a domain that is no longer ours do not sign."""
        self.opened(files=("file.test",))
        self.assertEqual(len(self.get(self.keys.needed("file.test"))), 2)
        self.opened()
        self.assertEqual(self.keys.signing("file.test"), ())
        self.assertEqual(len(self.keys.published("file.test")), 2)

    def test_spelling(self):
        """Any spelling of a domain finds its keys."""
        self.get(self.admin.add_domain("Grün.test"))
        self.assertEqual(len(self.keys.signing("GRÜN.test")), 2)
        self.assertEqual(len(self.keys.signing("xn--grn-ioa.test")), 2)

    def test_other_process(self):
        """What another process changes counts within a second."""
        registry, clock, keys = self.registry, self.clock, self.keys
        self.opened()
        self.get(self.changes.rotate(OURS))
        self.assertEqual(len(keys.published(OURS)), 2)
        clock.advance(1)
        self.assertEqual(len(keys.published(OURS)), 4)
        self.assertIsNotNone(registry)

    def test_settings(self):
        """An unknown algorithm is refused, and the old settings stay."""
        with self.assertRaises(UsageError):
            self.keys.rearrange(Signing(algorithms=("rsa-sha1",)))
        self.keys.rearrange(Signing(algorithms=("ed25519-sha256",)))
        self.get(self.changes.rotate(OURS))
        self.assertEqual(self.states()[-1], ("e20261122-2", NEW))
        self.get(self.changes.activate(OURS))
        self.assertEqual(len(self.keys.signing(OURS)), 1)

    def test_memory(self):
        """The directory in memory has keys when they are asked for."""
        made = memory.make({"ann@m.test": "x"})
        self.assertEqual(made.keys.signing("m.test"), ())
        self.assertEqual(len(self.get(made.keys.needed("m.test"))), 2)
        self.assertEqual(parse("ann@m.test").domain, "m.test")


class TurnoverTests(Kept, SynchronousTestCase):
    """Time moves keys on; nobody has to remember."""

    def published(self):
        """DNS as it should be."""
        return Table(
            text={
                key.name: [key.record.replace("; ", ";").encode()]
                for key in self.keys.published(OURS)
            }
        )

    def turn(self, table=None, **settings):
        self.get(self.turnover(table or self.published(), **settings).turn())

    def later(self, days):
        self.now += days * DAY_SECONDS

    def test_takes_over(self):
        """After their days in DNS new keys sign; old ones stay, then go."""
        self.get(self.changes.rotate(OURS))
        self.later(1.9)
        self.turn()
        self.assertEqual(self.states()[-1][1], NEW)
        self.later(0.2)
        self.turn()
        self.assertEqual(
            [state for _, state in self.states()], [OLD, OLD, ACTIVE, ACTIVE]
        )
        self.later(13.9)
        self.turn()
        self.assertEqual(len(self.states()), 4)
        self.later(0.2)
        self.turn()
        self.assertEqual([state for _, state in self.states()], [ACTIVE, ACTIVE])

    def test_unpublished(self):
        """Keys that DNS does not show do not sign, and somebody is told."""
        self.get(self.changes.rotate(OURS))
        table = Table(text={self.keys.published(OURS)[2].name: [b"v=DKIM1; p=other"]})
        self.later(30)
        self.turn(table)
        self.turn(Table(broken=frozenset({self.keys.published(OURS)[2].name})))
        self.assertEqual(self.states()[-1][1], NEW)
        names = [event.name for event in self.events.seen]
        self.assertEqual(names.count("directory.unpublished"), 4)
        self.turn(table, check_published=False)
        self.assertEqual(self.states()[-1][1], ACTIVE)

    def test_rotates_by_itself(self):
        """Where the settings say so."""
        self.later(400)
        self.turn()
        self.assertEqual(len(self.states()), 2)
        self.turn(rotate_days=180.0)
        self.assertEqual(len(self.states()), 4)
        self.later(1)
        self.turn(rotate_days=180.0)
        self.assertEqual(len(self.states()), 4)

    def test_clock(self):
        """It looks from time to time, and stops."""
        turnover = self.turnover(self.published(), rotate_days=1.0)
        turnover.start()
        self.later(2)
        self.clock.advance(TURN_SECONDS)
        self.assertEqual(len(self.states()), 4)
        self.get(turnover.stop())
        self.clock.advance(TURN_SECONDS)


class ThreadTests(Kept, TestCase):
    async def test_at_once(self):
        """However many ask at once, a domain gets one pair of keys."""
        lane = Lane(reactor, "keys")
        self.addCleanup(lane.stop)
        self.opened(lane, files=("file.test",))
        asked = [
            Deferred.fromCoroutine(self.keys.needed("file.test")) for _ in range(5)
        ]
        for found in await gatherResults(asked):
            self.assertEqual(len(found), 2)
        self.assertEqual(len(self.keys.published("file.test")), 2)

"""SCRAM in the directory: keys derived, kept, made up, forgotten."""

import os
import sqlite3
import tempfile
from contextlib import closing

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.directory import memory, rows, schema
from mailsuite.directory.admin import Admin
from mailsuite.directory.book import Book
from mailsuite.directory.names import parse
from mailsuite.directory.passwords import ITERATIONS, hash_now, key_now, verify_now
from mailsuite.directory.registry import Registry, rules_of
from mailsuite.directory.settings import Settings
from mailsuite.directory.state import Listing, State
from mailsuite.events.memory import Events
from mailsuite.model.errors import UsageError
from mailsuite.model.principals import Denied, Password, Principal
from mailsuite.net.lanes import Inline
from mailsuite.wire.sasl.exchange import step
from mailsuite.wire.sasl.scram import DIGESTS, Scram
from tests.support.scram import Client

ANN = parse("ann@example.test")
IS_ANN = Principal("ann@example.test", "ann@example.test")


class ScramTests(SynchronousTestCase):
    def setUp(self):
        self.path = os.path.join(tempfile.mkdtemp(), "state.db")
        self.registry, self.admin = self.opened()
        self.get(self.admin.add_domain("example.test"))
        self.get(self.admin.add_user(ANN, "secret"))

    def opened(self, **settings):
        settings, events = Settings(**settings), Events()
        self.state = State(self.path, Inline(), events)
        self.state.arrange(rules_of(settings), Listing())
        registry = Registry(Clock(), self.state, memory.Plain(), settings)
        self.get(registry.start())
        self.addCleanup(lambda: self.get(registry.stop()))
        return registry, Admin(self.state, memory.Plain(), lambda: 1.0, events)

    def get(self, coroutine):
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def known(self, name, digest="sha256"):
        return self.get(self.registry.credentials(name, digest))

    def signed(self, name, secret, digest="sha256"):
        """What a client proves with that password."""
        client, exchange = Client(name, secret, digest), Scram(digest, False, "s")
        challenge = self.get(step(exchange, client.first, self.registry))
        return exchange.step(client.final(challenge.octets))

    def login(self, name, secret, digest="sha256"):
        proof = self.signed(name, secret, digest)
        return self.get(self.registry.authenticate(proof, "::1"))

    def plain(self, name, secret):
        return self.get(self.registry.authenticate(Password(name, secret), "::1"))

    def unkeyed(self):
        """As the release before SCRAM left it."""
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute("DELETE FROM scram")
        self.get(self.state.poll())

    def test_login(self):
        """The right password proves itself, by each digest and way to write a name."""
        for digest in DIGESTS.values():
            for name in ("ann", "ANN@EXAMPLE.TEST", "\uff41nn@example.test"):
                self.assertEqual(self.login(name, "secret", digest), IS_ANN)
            self.assertEqual(self.login("ann", "secrex", digest), Denied())
            self.assertEqual(self.login("eve", "secret", digest), Denied())

    def test_durable(self):
        """Keys are of the same commit as the password."""
        self.registry, _ = self.opened()
        self.assertEqual(self.login("ann", "secret"), IS_ANN)
        self.assertTrue(self.registry.offers_scram())

    def test_disabled(self):
        """Who is disabled cannot log in, and their challenge looks as before."""
        before = self.known("ann")
        self.get(self.admin.set_disabled(ANN, disabled=True))
        self.assertEqual(self.known("ann"), before)
        self.assertEqual(self.login("ann", "secret"), Denied())

    def test_changed(self):
        """After a change the old password fails, in an exchange under way too."""
        old = self.signed("ann", "secret")
        salt = self.known("ann").salt
        self.get(self.admin.set_password(ANN, "other"))
        self.assertEqual(self.get(self.registry.authenticate(old, "::1")), Denied())
        self.assertEqual(self.known("ann").salt, salt)
        self.assertEqual(self.login("ann", "other"), IS_ANN)
        self.get(self.admin.set_quota(ANN, 5))
        self.assertEqual(self.login("ann", "other"), IS_ANN)

    def test_unknown(self):
        """Nobody's salt looks like somebody's, and stays over a restart."""
        eve, ann = self.known("eve@example.test"), self.known("ann")
        self.assertEqual(eve, self.known("EVE"))
        self.assertEqual(eve, self.known("\uff25ve"))
        self.assertEqual(
            (len(eve.salt), eve.iterations, len(eve.stored_key)),
            (len(ann.salt), ann.iterations, len(ann.stored_key)),
        )
        others = {self.known(name).salt for name in ("bob", "eve@far.test", "", "@")}
        others |= {eve.salt, ann.salt, self.known("eve", "sha1").salt}
        self.assertEqual(len(others), 7)
        self.registry, _ = self.opened()
        self.assertEqual(self.known("eve"), eve)

    def test_always_the_same(self):
        """No change of a user shows in what a challenge tells."""
        names = ("bob", "b\uff4fb@example.test")
        bob = parse("bob@example.test")

        def told():
            return {
                (name, digest, one.salt, one.iterations)
                for name in names
                for digest in DIGESTS.values()
                for one in [self.known(name, digest)]
            }

        before = told()
        self.get(self.admin.add_user(bob, "one"))
        self.assertEqual(told(), before)
        self.get(self.admin.set_password(bob, "two"))
        self.assertEqual(told(), before)
        self.unkeyed()
        self.assertEqual(told(), before)
        self.assertEqual(self.plain("bob", "two").account, "bob@example.test")
        self.assertEqual(self.login("bob", "two").account, "bob@example.test")
        self.assertEqual(told(), before)
        self.get(self.admin.remove_user(bob))
        self.assertEqual(told(), before)

    def test_salt_stays(self):
        """A salt that an older release drew stays as long as its user."""
        account = self.state.book.accounts[str(ANN)]
        drawn = {digest: os.urandom(16) for digest in DIGESTS.values()}
        keys = key_now("secret", drawn, 2)
        self.get(self.state.put(evolve(account, keys=keys)))
        self.get(self.admin.set_password(ANN, "other"))
        for digest, salt in drawn.items():
            self.assertEqual(self.known("ann", digest).salt, salt)
        self.assertEqual(self.login("ann", "other"), IS_ANN)

    def test_two_domains(self):
        """Names without a domain are told apart even where none can be meant."""
        self.get(self.admin.add_domain("other.test"))
        self.assertNotEqual(self.known("ann"), self.known("eve"))
        self.assertNotEqual(self.known("ann"), self.known("ann@example.test"))

    def test_other_seed(self):
        """Another house makes up other salts."""
        eve = self.known("eve")
        self.path = os.path.join(tempfile.mkdtemp(), "state.db")
        self.registry, self.admin = self.opened()
        self.get(self.admin.add_domain("example.test"))
        self.assertNotEqual(self.known("eve").salt, eve.salt)

    def test_ready(self):
        """SCRAM is told of when everybody who may log in has keys."""
        self.assertTrue(self.registry.offers_scram())
        self.assertTrue(self.get(self.admin.users())[0].scram)
        self.unkeyed()
        self.assertFalse(self.registry.offers_scram())
        self.assertFalse(self.get(self.admin.users())[0].scram)
        self.get(self.admin.set_disabled(ANN, disabled=True))
        self.assertTrue(self.registry.offers_scram())
        self.get(self.admin.set_disabled(ANN, disabled=False))
        self.assertFalse(self.registry.offers_scram())
        self.registry, _ = self.opened(scram="always")
        self.assertTrue(self.registry.offers_scram())

    def test_derived_at_login(self):
        """An older password gets its keys when it is next seen, and only a right one."""
        self.unkeyed()
        made_up = self.known("ann")
        self.assertEqual(self.login("ann", "secret"), Denied())
        self.assertEqual(self.plain("ann", "wrong"), Denied())
        self.assertEqual(self.known("ann"), made_up)
        self.assertEqual(self.plain("ann", "secret"), IS_ANN)
        self.assertTrue(self.registry.offers_scram())
        self.assertEqual(self.login("ann", "secret"), IS_ANN)
        self.registry, _ = self.opened()
        self.assertEqual(self.login("ann", "secret", "sha1"), IS_ANN)

    def test_derived_too_late(self):
        """Keys of a password that was changed meanwhile are not kept."""
        self.unkeyed()
        account = self.state.book.accounts[str(ANN)]
        stale = evolve(account, password="before")
        salts = self.state.book.salts("ann")
        self.get(self.state.key(stale, key_now("before", salts, 2)))
        self.assertEqual(self.state.book.accounts[str(ANN)].keys, ())
        self.registry, _ = self.opened()
        self.assertEqual(self.login("ann", "before"), Denied())

    def test_never(self):
        """No keys are kept or made, and those that were are gone from the disk."""
        self.registry, self.admin = self.opened(scram="never")
        self.assertFalse(self.registry.offers_scram())
        bob = parse("bob@example.test")
        self.get(self.admin.add_user(bob, "x"))
        self.assertEqual(self.plain("ann", "secret"), IS_ANN)
        with closing(sqlite3.connect(self.path)) as database:
            rows = database.execute("SELECT * FROM scram").fetchall()
        self.assertEqual(rows, [])
        self.assertEqual(self.login("ann", "secret"), Denied())
        self.registry.rearrange(Settings(), Listing())
        self.assertFalse(self.registry.offers_scram())
        for name, secret in (("ann", "secret"), ("bob", "x")):
            self.plain(name, secret)
            self.assertEqual(self.login(name, secret).account[:3], name)
        self.registry.rearrange(Settings(scram="never"), Listing())
        self.assertEqual(self.login("ann", "secret"), Denied())

    def test_removed(self):
        """A user who is gone leaves no keys."""
        self.get(self.admin.remove_user(ANN))
        with closing(sqlite3.connect(self.path)) as database:
            rows = database.execute("SELECT * FROM scram").fetchall()
        self.assertEqual(rows, [])

    def test_never_meanwhile(self):
        """Keys that are being written when the setting forbids them go again."""
        self.unkeyed()
        test = self

        class Hooked(Inline):
            async def run(self, call, *args, **how):
                found = await super().run(call, *args, **how)
                if call is rows.key:
                    test.registry.rearrange(Settings(scram="never"), Listing())
                return found

        self.state._thread = Hooked()
        self.assertEqual(self.plain("ann", "secret"), IS_ANN)
        self.assertEqual(self.state.book.accounts[str(ANN)].keys, ())
        with closing(sqlite3.connect(self.path)) as database:
            kept = database.execute("SELECT * FROM scram").fetchall()
        self.assertEqual(kept, [])

    def test_nothing_left(self):
        """The octets of forgotten keys are overwritten in the file."""
        stored = self.state.book.accounts[str(ANN)].keys[0].stored_key
        with open(self.path, "rb") as file:
            self.assertIn(stored, file.read())
        self.registry.rearrange(Settings(scram="never"), Listing())
        with open(self.path, "rb") as file:
            self.assertNotIn(stored, file.read())

    def test_wrong_setting(self):
        """The setting has three words."""
        with self.assertRaisesRegex(UsageError, "directory.scram"):
            rules_of(Settings(scram="on"))

    def test_prepared(self):
        """Passwords are what they look like (RFC 4013); older ones stay right."""
        self.get(self.admin.set_password(ANN, "se\u00adcr\u00e9t\u00a0\u2168"))
        for secret in ("secr\u00e9t IX", "secre\u0301t\u2003IX"):
            self.assertEqual(self.plain("ann", secret), IS_ANN)
        self.assertEqual(self.login("ann", "secr\u00e9t IX"), IS_ANN)
        account = self.state.book.accounts[str(ANN)]
        self.get(self.state.put(evolve(account, password="\u2168", keys=())))
        self.assertEqual(self.plain("ann", "IX"), Denied())
        self.assertEqual(self.plain("ann", "\u2168"), IS_ANN)
        self.assertEqual(self.login("ann", "IX"), IS_ANN)

    def test_older(self):
        """A database from before SCRAM opens, and its users log in as ever."""
        path = os.path.join(tempfile.mkdtemp(), "state.db")
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            for made in schema._STEPS[:2]:
                database.executescript(made)
            database.execute("PRAGMA user_version = 2")
            database.execute("INSERT INTO domain (name) VALUES ('example.test')")
            database.execute(
                "INSERT INTO user (name, password, created) VALUES (?, ?, 1)",
                (str(ANN), "secret"),
            )
        self.path = path
        self.registry, self.admin = self.opened()
        self.assertFalse(self.registry.offers_scram())
        self.assertEqual(self.plain("ann", "secret"), IS_ANN)
        self.assertEqual(self.login("ann", "secret"), IS_ANN)
        self.assertEqual(schema.findings(path), [])


class KeysTests(SynchronousTestCase):
    def test_real(self):
        """Real keys have a salt each and enough iterations (RFC 7677 §4)."""
        book = Book(seed=b"seed")
        keys = key_now("x", book.salts("ann@example.test"))
        self.assertEqual([one.digest for one in keys], list(DIGESTS.values()))
        self.assertEqual(len({one.salt for one in keys}), 2)
        self.assertGreaterEqual(ITERATIONS, 4_096)
        self.assertEqual({one.iterations for one in keys}, {ITERATIONS})
        self.assertTrue(verify_now(hash_now("x"), "x"))

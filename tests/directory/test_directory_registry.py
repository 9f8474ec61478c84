"""Registry and admin over memory and over ``state.db``: one contract."""

import os
import sqlite3
import tempfile

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from mailsuite.directory import memory, schema
from mailsuite.directory.admin import Admin
from mailsuite.directory.names import parse
from mailsuite.directory.passwords import Argon2
from mailsuite.directory.registry import Registry
from mailsuite.directory.settings import Settings
from mailsuite.directory.state import Listing, State
from mailsuite.events.memory import Events
from mailsuite.interfaces.directory import (
    Alias,
    AliasRow,
    Domain,
    IDirectory,
    IDirectoryAdmin,
    Local,
    Unknown,
)
from mailsuite.interfaces.queueing import IRouting
from mailsuite.model.errors import UsageError
from mailsuite.model.principals import Denied, Password, Principal
from mailsuite.net.lanes import Inline, Lanes

ANN = parse("ann@example.test")
FAR = parse("x@far.test")


class DirectoryContract:
    """What every directory promises; ``make`` gives (registry, admin)."""

    def get(self, coroutine):
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def refused(self, coroutine):
        failure = self.failureResultOf(Deferred.fromCoroutine(coroutine), UsageError)
        return str(failure.value)

    def setUp(self):
        self.registry, self.admin = self.make()
        self.get(self.admin.add_domain("example.test"))
        self.get(self.admin.add_user(ANN, "secret"))

    def login(self, name, secret):
        return self.get(self.registry.authenticate(Password(name, secret), "::1"))

    def test_meanwhile(self):
        """What is decided while a password is hashed stays decided."""
        self.registry, self.admin = self.slow()
        gates, bob = self.gates, parse("bob@example.test")
        self.get(self.admin.add_domain("example.test"))
        first, second, third = (
            Deferred.fromCoroutine(self.admin.add_user(one, secret))
            for one, secret in ((ANN, "a"), (bob, "b"), (bob, "c"))
        )
        for gate in gates[:3]:
            gate.callback(None)
        self.successResultOf(first)
        self.successResultOf(second)
        self.failureResultOf(third, UsageError)
        self.assertIsInstance(self.login("bob@example.test", "b"), Principal)
        changes = [
            Deferred.fromCoroutine(self.admin.set_password(one, "new"))
            for one in (ANN, bob)
        ]
        self.get(self.admin.set_disabled(ANN, disabled=True))
        self.get(self.admin.remove_user(bob))
        for gate in gates[3:]:
            gate.callback(None)
        self.successResultOf(changes[0])
        self.failureResultOf(changes[1], UsageError)
        (left,) = self.get(self.admin.users())
        self.assertEqual((left.account, left.disabled), (str(ANN), True))

    def slow(self):
        """A directory in memory whose hashing waits for ``gates``."""
        self.gates = gates = []

        class Slow(memory.Plain):
            async def hashed(self, secret):
                gates.append(Deferred())
                await gates[-1]
                return secret

        state = State(":memory:", Inline(), Events())
        registry = Registry(Clock(), state, Slow())
        self.get(registry.start())
        self.addCleanup(lambda: self.get(registry.stop()))
        return registry, Admin(state, Slow(), lambda: 1.0, Events())

    def test_provides(self):
        """Every interface is provided."""
        for interface in (IDirectory, IRouting):
            self.assertTrue(verifyObject(interface, self.registry))
        self.assertTrue(verifyObject(IDirectoryAdmin, self.admin))

    def test_login(self):
        """The right password names the principal, with or without the domain."""
        ann = Principal("ann@example.test", "ann@example.test")
        self.assertEqual(self.login("ann@example.test", "secret"), ann)
        self.assertEqual(self.login("ANN@EXAMPLE.TEST", "secret"), ann)
        self.assertEqual(self.login("ann", "secret"), ann)

    def test_denied(self):
        """Wrong password, unknown user and odd names look the same."""
        for name in ("ann", "eve", "eve@elsewhere.test", "", "@", "\0", "\ud800"):
            self.assertEqual(self.login(name, "wrong"), Denied())
        self.assertEqual(self.login("ann", ""), Denied())

    def test_password_changes(self):
        """After a change the old password fails at once."""
        self.login("ann", "secret")
        self.get(self.admin.set_password(ANN, "other"))
        self.assertEqual(self.login("ann", "secret"), Denied())
        self.assertIsInstance(self.login("ann", "other"), Principal)

    def test_disabled(self):
        """Who is disabled cannot log in and still gets mail; it can be taken back."""
        self.assertTrue(self.get(self.admin.set_disabled(ANN, disabled=True)).disabled)
        self.assertEqual(self.login("ann", "secret"), Denied())
        self.assertEqual(self.get(self.registry.resolve([ANN])), [Local(str(ANN))])
        self.get(self.admin.set_disabled(ANN, disabled=False))
        self.assertIsInstance(self.login("ann", "secret"), Principal)
        eve = parse("eve@example.test")
        nobody = self.admin.set_disabled(eve, disabled=True)
        self.assertIn("no user", self.refused(nobody))

    def test_quota_changes(self):
        """A new quota counts at once; 0 is that of the settings again."""
        self.get(self.admin.set_quota(ANN, 7))
        self.assertEqual(self.get(self.registry.facts(str(ANN))).quota_octets, 7)
        self.get(self.admin.set_quota(ANN, 0))
        self.assertNotEqual(self.get(self.registry.facts(str(ANN))).quota_octets, 7)
        self.assertIn("quota", self.refused(self.admin.set_quota(ANN, -1)))

    def test_removed(self):
        """A removed user neither logs in nor gets mail."""
        self.get(self.admin.remove_user(ANN))
        self.assertEqual(self.login("ann", "secret"), Denied())
        self.assertEqual(self.get(self.registry.resolve([ANN])), [Unknown()])

    def test_twice(self):
        """Nothing is made twice, and the text says so."""
        self.assertIn("already", self.refused(self.admin.add_user(ANN, "x")))
        self.assertIn("already", self.refused(self.admin.add_domain("example.test")))
        self.assertIn("already", self.refused(self.admin.add_alias(ANN, [FAR])))

    def test_catch_all_known(self):
        """A catch-all of another domain of ours must exist."""
        nobody = self.admin.add_domain("new.test", "nobody@example.test")
        self.assertIn("make the user first", self.refused(nobody))
        self.get(self.admin.add_domain("new.test", "later@new.test"))

    def test_own_alias(self):
        """A user's own alias keeps a copy; what is only itself changes nothing."""
        self.get(self.admin.add_alias(ANN, [ANN, FAR]))
        self.assertEqual(
            self.get(self.registry.resolve([ANN])), [Alias((FAR,), "ann@example.test")]
        )
        principal = Principal("ann@example.test", "ann@example.test")
        self.assertTrue(self.get(self.registry.may_send_as(principal, ANN)))
        self.get(self.admin.remove_alias(ANN))
        self.get(self.admin.add_alias(ANN, [ANN]))
        self.assertEqual(
            self.get(self.registry.resolve([ANN])), [Local("ann@example.test")]
        )

    def test_unknown_domain(self):
        """A user of a foreign domain: the text names the command that helps."""
        text = self.refused(self.admin.add_user(parse("a@new.test"), "x"))
        self.assertIn("mailsuite domain add new.test", text)

    def test_domain_in_use(self):
        """A domain with users stays."""
        self.assertIn(
            "users (1)", self.refused(self.admin.remove_domain("example.test"))
        )

    def test_alias(self):
        """Aliases come, are listed and go."""
        info = parse("info@example.test")
        row = self.get(self.admin.add_alias(info, [ANN]))
        self.assertEqual(self.get(self.admin.aliases("example.test")), [row])
        self.get(self.admin.remove_alias(info))
        self.assertEqual(self.get(self.admin.aliases()), [])

    def test_alias_to_nobody(self):
        """An alias cannot lead to an unknown name of ours."""
        info, eve = parse("info@example.test"), parse("eve@example.test")
        self.assertIn("exist", self.refused(self.admin.add_alias(info, [eve])))

    def test_needed(self):
        """While an alias or a catch-all leads to somebody, he stays."""
        bob, info, all_ = (parse(f"{n}@example.test") for n in ("bob", "info", "all"))
        self.get(self.admin.add_user(bob, "x"))
        self.get(self.admin.add_alias(info, [ANN, parse("bob+x@example.test")]))
        self.get(self.admin.add_alias(all_, [info]))
        told = self.refused(self.admin.remove_user(bob))
        self.assertIn("gets the mail of the alias info@example.test:", told)
        self.assertIn("all@example.test", self.refused(self.admin.remove_alias(info)))
        for each in (all_, info):
            self.get(self.admin.remove_alias(each))
        self.get(self.admin.add_domain("b.test", "bob@example.test"))
        told = self.refused(self.admin.remove_user(bob))
        self.assertIn("the catch-all of b.test", told)
        self.get(self.admin.remove_domain("b.test"))
        self.get(self.admin.remove_user(bob))

    def test_quota(self):
        """A user's own quota counts, else that of the settings."""
        bob = parse("bob@example.test")
        self.get(self.admin.add_user(bob, "x", 5))
        self.assertEqual(
            self.get(self.registry.facts("bob@example.test")).quota_octets, 5
        )
        self.registry.rearrange(Settings(quota_octets=9), Listing())
        self.assertEqual(
            self.get(self.registry.facts("ann@example.test")).quota_octets, 9
        )

    def test_transports(self):
        """Our domains are local, others are relayed."""
        names = [ANN, parse("eve@example.test"), parse("x@elsewhere.test")]
        self.assertEqual(
            self.get(self.registry.transports(names)), ["local", "local", "relay"]
        )

    def test_files_win(self):
        """What a file says of a domain or alias counts before ``state.db``."""
        files = Listing(
            (Domain("example.test", "ann@example.test", "example.test.toml"),),
            (AliasRow("info@example.test", ("ann@example.test",), "x.toml"),),
        )
        self.registry.rearrange(Settings(), files)
        self.assertIn(
            "x.toml", self.refused(self.admin.remove_alias(parse("info@example.test")))
        )
        self.assertEqual(self.get(self.admin.domains()), list(files.domains))
        self.registry.rearrange(Settings(), Listing())
        self.assertEqual(self.get(self.admin.domains())[0].source, "state.db")


class MemoryTests(DirectoryContract, SynchronousTestCase):
    def make(self):
        made = memory.make({})
        return made.directory, made.admin


class StateTests(DirectoryContract, SynchronousTestCase):
    def make(self):
        self.path = os.path.join(tempfile.mkdtemp(), "state.db")
        self.clock = Clock()
        return self.opened()

    def opened(self):
        events = Events()
        state = State(self.path, Inline(), events)
        plain = memory.Plain()
        registry = Registry(self.clock, state, plain)
        self.get(registry.start())
        return registry, Admin(state, plain, lambda: 1.0, events)

    def test_durable(self):
        """Opened again, everything is there."""
        registry, admin = self.opened()
        self.assertEqual(self.get(registry.resolve([ANN])), [Local(str(ANN))])
        self.assertEqual(len(self.get(admin.users())), 1)

    def test_foreign_change(self):
        """What another process changes counts within a second."""
        _, other = self.opened()
        bob = parse("bob@example.test")
        self.get(other.add_user(bob, "x"))
        self.assertEqual(self.get(self.registry.resolve([bob])), [Unknown()])
        self.clock.advance(1)
        self.assertEqual(self.get(self.registry.resolve([bob])), [Local(str(bob))])

    def test_private(self):
        """Nobody else may read the password hashes."""
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)

    def test_disabled_is_kept(self):
        """Who was disabled stays it over a restart."""
        _, admin = self.opened()
        self.get(admin.set_disabled(ANN, disabled=True))
        registry, _ = self.opened()
        found = registry.authenticate(Password("ann", "secret"), "::1")
        self.assertEqual(self.get(found), Denied())

    def test_newer(self):
        """A newer schema is refused and left alone."""
        database = sqlite3.connect(self.path)
        database.execute("PRAGMA user_version = 99")
        database.close()
        with self.assertRaisesRegex(UsageError, "newer release"):
            schema.connect(self.path)
        self.assertTrue(schema.findings(self.path))

    def test_damaged(self):
        """A damaged database is named, not traced."""
        with open(self.path, "r+b") as file:
            file.write(b"garbage garbage garbage")
        with self.assertRaisesRegex(UsageError, "backup"):
            schema.connect(self.path)

    def test_sound(self):
        """A sound database has no findings."""
        self.assertEqual(schema.findings(self.path), [])


class Argon2Tests(TestCase):
    """The real hash on real threads."""

    def setUp(self):
        lanes = Lanes.of(reactor, "password", 2)
        self.checker = Argon2(lanes)
        self.addCleanup(lanes.stop)

    async def checks(self):
        stored = await self.checker.hashed("sécret")
        self.assertIn("$m=19456,t=2,p=1$", stored)
        self.assertTrue(await self.checker.matches(stored, "sécret"))
        self.assertFalse(await self.checker.matches(stored, "secret"))
        self.assertFalse(await self.checker.matches(None, "secret"))
        self.assertFalse(await self.checker.matches("$garbage", "secret"))
        self.checker._lanes = None
        self.assertTrue(await self.checker.matches(stored, "sécret"))

    def test_checks(self):
        """Right is right, wrong is wrong, and a repeated login hashes nothing."""
        return Deferred.fromCoroutine(self.checks())

    async def together(self):
        stored = await self.checker.hashed("x")
        asked = [
            Deferred.fromCoroutine(self.checker.matches(stored, "x")) for _ in range(50)
        ]
        self.assertEqual(len(self.checker._asking), 1)
        self.assertTrue(all([await one for one in asked]))

    def test_together(self):
        """The same login from many clients at once is hashed once."""
        return Deferred.fromCoroutine(self.together())

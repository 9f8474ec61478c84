"""Changes that meet: none of them is lost (:mod:`mailsuite.directory.state`)."""

import os
import tempfile
from collections import deque

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.directory import memory, rows
from mailsuite.directory.admin import Admin
from mailsuite.directory.names import parse
from mailsuite.directory.state import State
from mailsuite.events.memory import Events
from mailsuite.model.errors import UsageError
from mailsuite.net.lanes import Inline

ANN, BOB = parse("ann@example.test"), parse("bob@example.test")


def unordered(account):
    """An account whose keys compare in any order."""
    return evolve(account, keys=frozenset(account.keys))


class Gated(Inline):
    """Tells of the end of a call when the test says so, as a thread would later."""

    def __init__(self):
        self.shut = False
        self.waiting = deque()
        self.before = []

    def run(self, call, *args, **how):
        if call in (rows.put, rows.drop) and self.before:
            self.before.pop()()
        result = super().run(call, *args, **how)
        if not self.shut:
            return result
        told = Deferred()
        self.waiting.append((told, result))
        return told

    def open(self):
        self.shut = False
        while self.waiting:
            told, result = self.waiting.popleft()
            result.chainDeferred(told)


class MeetingTests(SynchronousTestCase):
    def setUp(self):
        self.path = os.path.join(tempfile.mkdtemp(), "state.db")
        self.lane = Gated()
        self.state, self.admin = self.opened(self.lane)
        self.get(self.admin.add_domain("example.test"))
        self.get(self.admin.add_user(ANN, "secret"))

    def opened(self, lane):
        state = State(self.path, lane, Events())
        self.get(state.open())
        self.addCleanup(lambda: self.get(state.close()))
        return state, Admin(state, memory.Plain(), lambda: 1.0, Events())

    def get(self, coroutine):
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def meet(self, *coroutines):
        """Begin all before the database has answered the first."""
        self.lane.shut = True
        under_way = [Deferred.fromCoroutine(one) for one in coroutines]
        self.lane.open()
        return under_way

    def kept(self):
        """What another process reads."""
        state, _ = self.opened(Inline())
        ours, theirs = self.state.book.accounts, state.book.accounts
        self.assertEqual(*({unordered(a) for a in x.values()} for x in (ours, theirs)))
        self.assertEqual(state.book.aliases, self.state.book.aliases)
        return state.book

    def test_account(self):
        """Two changes of one account are both made."""
        for done in self.meet(
            self.admin.set_quota(ANN, 7),
            self.admin.set_disabled(ANN, disabled=True),
            self.admin.set_password(ANN, "other"),
        ):
            self.successResultOf(done)
        ann = self.kept().accounts[str(ANN)]
        self.assertEqual(
            (ann.quota_octets, ann.disabled, ann.password), (7, True, "other")
        )

    def test_keys(self):
        """Keys that come of a login stay beside a change that was under way."""
        ann = self.state.book.accounts[str(ANN)]
        self.get(self.state.unkey())
        for done in self.meet(
            self.admin.set_quota(ANN, 7),
            self.state.key(ann, ann.keys),
            self.admin.set_disabled(ANN, disabled=True),
        ):
            self.successResultOf(done)
        kept = self.kept().accounts[str(ANN)]
        self.assertEqual(unordered(kept).keys, frozenset(ann.keys))
        self.assertEqual((kept.quota_octets, kept.disabled), (7, True))

    def test_name(self):
        """Of a user and an alias of one name the first stands."""
        user, alias = self.meet(
            self.admin.add_user(BOB, "x"), self.admin.add_alias(BOB, [ANN])
        )
        self.successResultOf(user)
        self.failureResultOf(alias, UsageError)
        self.assertEqual(self.kept().aliases, {})

    def test_target(self):
        """Nobody goes while an alias to them is being made."""
        alias, gone = self.meet(
            self.admin.add_alias(BOB, [ANN]), self.admin.remove_user(ANN)
        )
        self.successResultOf(alias)
        self.assertIn("bob", str(self.failureResultOf(gone, UsageError).value))
        self.assertIn(str(ANN), self.kept().accounts)

    def test_other_process(self):
        """What a command writes right before we do stays."""
        _, other = self.opened(Inline())
        self.lane.before = [lambda: self.get(other.set_quota(ANN, 9))]
        self.get(self.admin.set_disabled(ANN, disabled=True))
        ann = self.kept().accounts[str(ANN)]
        self.assertEqual((ann.quota_octets, ann.disabled), (9, True))

    def test_gone_meanwhile(self):
        """Whom a command has removed is not made again by a change."""
        _, other = self.opened(Inline())
        self.lane.before = [lambda: self.get(other.remove_user(ANN))]
        change = Deferred.fromCoroutine(self.admin.set_disabled(ANN, disabled=True))
        self.failureResultOf(change, UsageError)
        self.assertEqual(self.kept().accounts, {})
        self.lane.before = [lambda: self.get(other.add_alias(ANN, [parse("a@b.test")]))]
        user = Deferred.fromCoroutine(self.admin.add_user(ANN, "x"))
        self.failureResultOf(user, UsageError)
        self.assertEqual(self.kept().accounts, {})

    def test_always_quicker(self):
        """Somebody who writes for ever does not hold us for ever."""
        _, other = self.opened(Inline())
        self.lane.before = [lambda: self.get(other.set_quota(ANN, 9))] * 1_000
        change = Deferred.fromCoroutine(self.admin.set_disabled(ANN, disabled=True))
        self.assertIn("again", str(self.failureResultOf(change, UsageError).value))

    def test_cancelled(self):
        """A change whose asker went away is known, if it was made."""
        (change,) = self.lane_held(self.admin.set_quota(ANN, 7))
        change.cancel()
        self.failureResultOf(change, CancelledError)
        self.lane.shut = False
        self.get(self.admin.set_disabled(ANN, disabled=True))
        ann = self.kept().accounts[str(ANN)]
        self.assertEqual((ann.quota_octets, ann.disabled), (7, True))

    def lane_held(self, *coroutines):
        self.lane.shut = True
        return [Deferred.fromCoroutine(one) for one in coroutines]

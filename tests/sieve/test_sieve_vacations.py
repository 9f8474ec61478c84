"""Vacations among an account's scripts (:mod:`mailsuite.sieve.vacations`)."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.events.memory import Events
from mailsuite.interfaces.scripts import NoSuchScript
from mailsuite.model.errors import UsageError
from mailsuite.sieve.actions import FileInto, Keep
from mailsuite.sieve.away import MARK, NAME, Away, read, written
from mailsuite.sieve.check import check
from mailsuite.sieve.errors import BadScript, Question
from mailsuite.sieve.extensions.vacation import Vacation
from mailsuite.sieve.message import Message
from mailsuite.sieve.run import Letter, run
from mailsuite.sieve.settings import Sieve
from mailsuite.sieve.vacations import Vacations
from mailsuite.store.scripts import InMemory, Scripts
from tests.support.sieve import LETTER

USER = "user@example.test"
OWN = b'require "fileinto"; fileinto "lists";'
DAY = 86_400.0
AUGUST = 1_785_542_400.0  # 2026-08-01, UTC
AWAY = Away("I am away.", "Away", "2026-08-01", "2026-08-14", ("u@x.test",), 3)

LINES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=40)
TEXTS = st.lists(LINES, min_size=1, max_size=4).map("\n".join)
DAYS = st.dates().map(lambda day: day.isoformat())
AWAYS = st.builds(
    Away,
    TEXTS.filter(str.strip),
    LINES,
    st.one_of(st.just(""), DAYS),
    st.one_of(st.just(""), DAYS),
    st.lists(LINES.filter(bool), max_size=3).map(tuple),
    st.integers(1, 180),
    LINES.filter(lambda text: text.isalnum() or not text),
)


class WrittenTests(SynchronousTestCase):
    """The script itself."""

    @given(AWAYS)
    def test_reading(self, away):
        """What is written is a script, and is read as the same vacation."""
        content = written(away)
        try:
            check(content)
        except BadScript as error:
            self.fail(f"{error}: {content}")
        text = away.text.rstrip("\n").replace("\n", "\r\n")
        self.assertEqual(read(content), evolve(away, text=text))

    def test_others(self):
        """A script that somebody wrote is none of ours."""
        self.assertIs(read(b'require "vacation"; vacation "x";'), None)
        self.assertRaises(BadScript, read, MARK + b"\r\nif {")

    def test_edited(self):
        """One that somebody edited is read as far as it is understood."""
        self.assertEqual(read(MARK + b"\r\nkeep;").text, "")
        edited = written(AWAY).replace(b'"ge"', b'"gt"').replace(b":days 3", b"")
        self.assertEqual(read(edited), evolve(AWAY, begin="", days=7))

    def plan(self, away, now):
        answers = {Question("script", ("personal", "main")): check(OWN)}
        letter = Letter(Message.of(LETTER), "a@b.example", USER, now=now)
        return run(check(written(away)), letter, answers)

    def test_days(self):
        """It replies from the first day to the end of the last one."""
        for now, replies in (
            (AUGUST - 1, False),
            (AUGUST, True),
            (AUGUST + 14 * DAY - 1, True),
            (AUGUST + 14 * DAY, False),
        ):
            (*found, kept) = self.plan(AWAY, now).actions
            self.assertEqual([type(one) for one in found], [Vacation] * replies)
            self.assertIsInstance(kept, Keep)

    def test_own_script(self):
        """The owner's script decides what becomes of the mail, away or not."""
        for now in (AUGUST, AUGUST - 1):
            plan = self.plan(evolve(AWAY, includes="main"), now)
            self.assertEqual(plan.actions[-1], FileInto("lists", at=1))
        self.assertEqual(plan.trouble, "")


class VacationsTests(SynchronousTestCase):
    def setUp(self):
        facts = InMemory()
        self.addCleanup(facts.close)

        async def judged(_, content):
            check(content)
            return ()

        wall = lambda: 1e9  # noqa: E731 - a clock
        self.scripts = Scripts(facts, judged, wall, Events(), Sieve())
        self.vacations = Vacations(self.scripts)

    def done(self, work):
        return self.successResultOf(Deferred.fromCoroutine(work))

    def own(self, content=OWN, name="main"):
        self.done(self.scripts.put(USER, name, content))
        self.done(self.scripts.activate(USER, name))

    def set(self, away=AWAY):
        return self.done(self.vacations.set(USER, away))

    def refused(self, work):
        error = self.failureResultOf(Deferred.fromCoroutine(work), UsageError)
        return str(error.value)

    def states(self):
        rows = self.done(self.scripts.listed(USER))
        return {row.name: row.active for row in rows}

    def shown(self):
        return self.done(self.vacations.show(USER))

    def test_set_and_clear(self):
        """The own script stays, is included meanwhile, and active again afterwards."""
        self.own()
        self.assertIs(self.shown(), None)
        self.assertEqual(self.set(), [])
        self.assertEqual(self.states(), {"main": False, NAME: True})
        self.assertEqual(self.shown().away, evolve(AWAY, includes="main"))
        self.assertEqual(self.done(self.scripts.get(USER, "main")), OWN)
        self.assertEqual(self.done(self.vacations.clear(USER)), "main")
        self.assertEqual(self.states(), {"main": True})

    def test_without_script(self):
        """Who had no active script has none afterwards."""
        self.set()
        self.assertEqual(self.shown().away.includes, "")
        self.assertEqual(self.done(self.vacations.clear(USER)), "")
        self.assertEqual(self.states(), {})
        self.assertIn("no vacation", self.refused(self.vacations.clear(USER)))

    def test_again(self):
        """To set it again changes it and nothing else."""
        self.own()
        self.set()
        self.set(evolve(AWAY, text="Longer."))
        self.assertEqual(self.shown().away.text, "Longer.")
        self.assertEqual(self.shown().away.includes, "main")

    def test_other_activated(self):
        """Who activates another script ends it; it is shown as not active."""
        self.own()
        self.set()
        self.done(self.scripts.activate(USER, "main"))
        self.assertFalse(self.shown().active)
        self.set()
        self.assertEqual(self.shown().away.includes, "main")
        self.done(self.scripts.activate(USER, "main"))
        self.assertEqual(self.done(self.vacations.clear(USER)), "main")
        self.assertEqual(self.states(), {"main": True})

    def test_activate(self):
        """A script that is activated here counts behind the vacation."""
        self.own()
        self.assertFalse(self.done(self.vacations.activate(USER, "main")))
        self.own(name="other")
        self.set()
        self.assertTrue(self.done(self.vacations.activate(USER, "main")))
        self.assertEqual(self.shown().away.includes, "main")
        self.assertTrue(self.shown().active)
        self.assertTrue(self.done(self.vacations.activate(USER, "")))
        self.assertEqual(self.shown().away.includes, "")
        self.assertFalse(self.done(self.vacations.activate(USER, NAME)))
        work = self.vacations.activate(USER, "nothing")
        self.failureResultOf(Deferred.fromCoroutine(work), NoSuchScript)

    def test_gone(self):
        """A script that was removed meanwhile is not activated."""
        self.own()
        self.set()
        self.done(self.scripts.remove(USER, "main"))
        self.assertEqual(self.done(self.vacations.clear(USER)), "")

    def test_own_of_that_name(self):
        """A script of that name that somebody wrote stays as it is."""
        self.own(name=NAME)
        for work in (self.vacations.set(USER, AWAY), self.vacations.clear(USER)):
            self.assertIn("rename it", self.refused(work))
        self.assertIs(self.shown(), None)
        self.assertEqual(self.done(self.scripts.get(USER, NAME)), OWN)

    def test_own_replies(self):
        """A script that replies itself is not included: both would fail."""
        self.own(b'require ["vacation"];\nif true {\n vacation "x"; }')
        told = self.refused(self.vacations.set(USER, AWAY))
        self.assertIn("'main' has a vacation in line 3", told)
        self.own(b'require "include"; include :personal "main";', "outer")
        told = self.refused(self.vacations.set(USER, AWAY))
        self.assertIn("'main' has a vacation in line 3", told)
        self.assertNotIn(NAME, self.states())

    def test_own_refuses(self):
        """A script that refuses mail is included with a warning."""
        self.own(b'require "reject"; if size :over 1M { reject "large"; }')
        (warning,) = self.set()
        self.assertIn("'main' refuses mail in line 1", warning)

    def test_names(self):
        """A script that cannot be included is told."""
        self.own(name="a/b")
        self.assertIn("'a/b'", self.refused(self.vacations.set(USER, AWAY)))

    def test_broken(self):
        """A vacation that somebody broke is told, and set or cleared as another."""
        self.set()
        broken = MARK + b"\r\nif {"

        async def anything(*_):
            return ()

        self.scripts._check = anything
        self.done(self.scripts.put(USER, NAME, broken))
        self.assertIn("was changed", self.refused(self.vacations.show(USER)))
        self.set()
        self.assertEqual(self.shown().away, AWAY)

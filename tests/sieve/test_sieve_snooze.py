"""``snooze``: the draft's examples, and what scripts may not say."""

from datetime import datetime
from unittest import skipUnless

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.delivery import zones
from mailsuite.sieve import awakening, telling
from mailsuite.sieve.actions import FileInto, Keep
from mailsuite.sieve.check import check
from mailsuite.sieve.errors import Question
from mailsuite.sieve.extensions.snooze import Snooze
from mailsuite.sieve.extensions.table import spoken
from tests.support.sieve import errors, octets, run_script

ALL = (
    'require ["snooze", "imap4flags", "mailbox", "special-use", "mailboxid",'
    ' "variables", "fileinto", "reject"];\n'
)
NOON = 43_200
ANSWER = f"{NOON} 0"


def utc(text):
    return datetime.fromisoformat(text).timestamp()


class Always(dict):
    """The same answer to every question."""

    def __bool__(self):
        return True

    def __contains__(self, _):
        return True

    def __missing__(self, question):
        if question.kind != "awaken":
            raise AssertionError(question)
        return ANSWER


def plan(script):
    return run_script(ALL + script, answers=Always())


def actions(script):
    made = plan(script)
    assert not made.trouble, made.trouble
    return made.actions


def subject(script):
    """What a run is foreseen to ask."""
    (question,) = check(octets(ALL + script)).wanted
    return question.subject


@skipUnless(zones.known("Europe/Rome"), "there is no tz database here")
class AwakenTests(SynchronousTestCase):
    """§4.3.1: the tables."""

    def rows(self, script, *rows):
        for arrival, awaken in rows:
            answer = zones.awaken(subject(script), utc(arrival))
            self.assertEqual(int(answer.split()[0]), utc(awaken), arrival)

    def test_table_1(self):
        """Times roll into the next day and over the weekend."""
        self.rows(
            """snooze :weekdays ["1", "3", "5", "2", "4"]
                      :tzid "Australia/Melbourne" ["12:00:00",
                                                   "08:00:00", "16:00:00"];""",
            ("2020-07-30T00:00:00Z", "2020-07-30T12:00:00+10:00"),
            ("2020-07-30T04:00:00Z", "2020-07-30T16:00:00+10:00"),
            ("2020-07-30T08:00:00Z", "2020-07-31T08:00:00+10:00"),
            ("2020-07-31T12:00:00Z", "2020-08-03T08:00:00+10:00"),
            ("2020-08-01T16:00:00Z", "2020-08-03T08:00:00+10:00"),
        )

    def test_table_2(self):
        """Of a time that there is twice the first one counts."""
        self.rows(
            'snooze :tzid "America/New_York" "01:30:00";',
            ("2020-11-01T05:00:00Z", "2020-11-01T01:30:00-04:00"),
            ("2020-11-01T06:00:00Z", "2020-11-02T01:30:00-05:00"),
            ("2020-11-01T07:00:00Z", "2020-11-02T01:30:00-05:00"),
        )

    def test_table_3(self):
        """A time that there is not is taken by the offset before."""
        self.rows(
            'snooze :tzid "America/New_York" "02:30:00";',
            ("2021-03-13T06:30:00Z", "2021-03-13T02:30:00-05:00"),
            ("2021-03-14T06:30:00Z", "2021-03-14T03:30:00-04:00"),
            ("2021-03-14T07:30:00Z", "2021-03-15T02:30:00-04:00"),
        )

    def test_day_that_never_was(self):
        """Samoa left out 2011-12-30, a Friday."""
        self.rows(
            'snooze :tzid "Pacific/Apia" "09:00";',
            ("2011-12-29T20:00:00-10:00", "2011-12-31T09:00:00+14:00"),
        )

    @given(
        st.integers(0, 4_000_000_000),
        st.sampled_from(
            ("America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "")
        ),
        st.sets(st.integers(0, 6), min_size=1),
        st.lists(st.integers(0, awakening.DAY - 1), min_size=1, max_size=4),
    )
    def test_always(self, now, zone, days, clocks):
        """It awakens later than now, within nine days, and clocks show such a time."""
        offset = zones.offset(zone)
        found = awakening.following(now, offset, days, clocks)
        self.assertGreater(found, now)
        self.assertLess(found - now, 9 * awakening.DAY)
        self.assertEqual(found, awakening.following(found - 1, offset, days, clocks))
        every = [
            awakening.moment(day * awakening.DAY + seconds, offset)
            for day in range(now // awakening.DAY - 3, now // awakening.DAY + 12)
            if (day + awakening.FIRST) % 7 in days
            for seconds in clocks
        ]
        self.assertEqual(found, min(one for one in every if one > now))
        shown = {(found + east) % awakening.DAY for east in offsets(offset, found)}
        self.assertTrue(shown & set(clocks))


def offsets(offset, seconds):
    return {offset(seconds + days * awakening.DAY) for days in (-1, 0, 1)}


class ActionTests(SynchronousTestCase):
    """§4 and §4.4."""

    def test_plain(self):
        """The implicit keep is cancelled; the target is the INBOX."""
        made = Snooze(NOON, flags=None, at=2)
        self.assertEqual(actions('snooze "12:00:00";'), (made,))
        both = actions('snooze "12:00:00"; keep;')
        self.assertEqual([type(one) for one in both], [Snooze, Keep])

    def test_whole(self):
        """All of it, in any order of the tags."""
        script = r"""
            setflag "\\Flagged";
            snooze :tzid "Europe/Rome" :create :mailbox "Later" :weekdays ["1", "5"]
                   :removeflags ["\\Seen \\Draft"] :addflags ["Blue", "blue"]
                   :specialuse "\\Archive" ["08:00:00", "07:30"];
        """
        (made,) = actions(script)
        expected = Snooze(
            NOON,
            0,
            "Later",
            ("\\Flagged",),
            ("Blue",),
            ("\\Seen", "\\Draft"),
            create=True,
            special_use="\\Archive",
            at=4,
        )
        self.assertEqual(made, expected)
        self.assertEqual(subject(script), ("Europe/Rome", "15", "27000 28800"))
        (made,) = actions('snooze :mailboxid "F1" "12:00";')
        self.assertEqual(made.mailbox_id, "F1")

    def test_example(self):
        """§4.4.1.1, with its slips of the pen put right."""
        (made,) = run_script(
            r"""
            require ["snooze", "imap4flags", "date", "relational"];
            if anyof(header :is "from" "boss@example.com",
                     currentdate :is "weekday" "0",
                     currentdate :is "weekday" "6",
                     currentdate :value "ge" "hour" "17") {
                setflag "\\Important";
                snooze :removeflags "\\Seen"
                       :weekdays ["1", "2", "3", "4", "5"]
                       :tzid "America/New_York" "09:00";
            }
            """,
            "From: boss@example.com\n\n",
            answers=Always(),
        ).actions
        self.assertEqual(made.drop, ("\\Seen",))

    def test_vendor(self):
        """Cyrus' own name for it will do."""
        for names in ('"vnd.cyrus.snooze"', '["vnd.cyrus.snooze", "snooze"]'):
            script = f'require {names}; snooze "12:00";'
            self.assertEqual(len(run_script(script, answers=Always()).actions), 1)

    def test_once(self):
        """One mailbox gets one copy, with what was said last; others get theirs."""
        made = actions(
            'snooze :create :mailbox "A" "12:00"; snooze "13:00"; addflag "x";'
            'snooze :mailbox "A" "14:00";'
        )
        self.assertEqual([one.mailbox for one in made], ["", "A"])
        self.assertEqual((made[1].create, made[1].flags), (True, ("x",)))

    def test_beside_fileinto(self):
        """What is filed now is filed now."""
        made = actions('fileinto "A"; snooze :mailbox "A" "12:00";')
        self.assertEqual([type(one) for one in made], [FileInto, Snooze])

    def test_never_with_reject(self):
        """What is refused is not kept for later."""
        for script in ('reject "no"; snooze "12:00";', 'snooze "12:00"; reject "no";'):
            self.assertIn("refused and delivered", plan(script).trouble)

    def test_told(self):
        """People are told when and where."""
        action = Snooze(
            1_596_074_400, 600, "Later", ("x",), ("a",), ("b",), create=True
        )
        self.assertEqual(
            telling.told(action),
            "snooze it, with x until 2020-07-30T12:00:00+10:00, and then file it into"
            " Later, which is made if it is not there then, with a, without b",
        )
        action = Snooze(0, special_use="\\Archive")
        self.assertIn("INBOX (the mailbox for \\Archive if", telling.told(action))


class WrongTests(SynchronousTestCase):
    def test_wrong(self):
        """What is wrong in any case is told when the script is checked."""
        for script, told in (
            ('snooze "25:00:00";', "no time of day"),
            ('snooze "8:00:00";', "no time of day"),
            ('snooze "08:00:60";', "no time of day"),
            ("snooze;", "needs one more argument"),
            ('snooze :weekdays "7" "08:00";', "no day of the week"),
            ('snooze :weekdays "mon" "08:00";', "no day of the week"),
            ('snooze :tzid "../etc/passwd" "08:00";', "no time zone"),
            ('snooze :tzid "a b" "08:00";', "no time zone"),
            ('snooze :create "08:00";', ":create can only stand beside :mailbox"),
            ('snooze :mailboxid "F1" :specialuse "\\\\Junk" "08:00";', "beside"),
            ('snooze :tzid "A" :tzid "B" "08:00";', "twice"),
            ('snooze ["1:1"' + ', "01:01"' * 100 + "];", "more than 100 times"),
        ):
            self.assertIn(told, errors(ALL + script), script)

    def test_asked_for(self):
        """Arguments of extensions need those extensions."""
        for tag, needed in (
            (':addflags "x"', "imap4flags"),
            (':removeflags "x"', "imap4flags"),
            (':mailbox "x" :create', "mailbox"),
            (r':specialuse "\\Junk"', "special-use"),
            (':mailboxid "F1"', "mailboxid"),
        ):
            script = f'require "snooze"; snooze {tag} "08:00";'
            self.assertIn(f'require "{needed}"', errors(script))
        self.assertIn("not asked for", errors('snooze "08:00";'))

    def test_zones(self):
        """A server that has time zones knows which there are not."""
        words = spoken(programs=False, zones=lambda name: name == "Europe/Rome")
        good = 'require "snooze"; snooze :tzid "Europe/Rome" "08:00";'
        self.assertEqual(errors(good, words), "")
        bad = good.replace("Europe/Rome", "American/New_York")
        self.assertIn("there is no time zone American/New_York", errors(bad, words))

    def test_variables(self):
        """What variables make wrong fails the run, and the message is kept."""
        for script, told in (
            ('set "v" "24:00"; snooze "${v}";', "no time of day"),
            ('set "v" "9"; snooze :weekdays "${v}" "08:00";', "no day of the week"),
            ('set "v" "a b"; snooze :tzid "${v}" "08:00";', "no time zone"),
            ('set "v" ""; snooze :mailbox "${v}" "08:00";', "names no mailbox"),
        ):
            made = plan(script)
            self.assertIn(told, made.trouble)
            self.assertEqual(made.actions, (Keep(implicit=True),))
        (made,) = actions('set "v" "08:00"; snooze :tzid "${z}" "${v}";')
        self.assertEqual(made.until, NOON)

    def test_no_such_zone(self):
        """A zone that the world does not know fails the run."""
        script = ALL + 'snooze :tzid "Nowhere/At_All" "08:00";'
        question = Question("awaken", ("Nowhere/At_All", "0123456", "28800"))
        made = run_script(script, answers={question: None})
        self.assertIn("no time zone 'Nowhere/At_All'", made.trouble)
        self.assertIsNone(zones.awaken(question.subject, 0))
        for name in ("Europe", "../UTC", "/etc/passwd", "\0"):
            self.assertFalse(zones.known(name))

"""Events: lines, counts, escapes, and a log that never holds up mail."""

import json
import os
import tempfile

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailsuite.events import lines, memory
from mailsuite.events.catalogue import _ROWS, CATALOGUE
from mailsuite.events.observers import Diagnostics
from mailsuite.events.record import Events
from mailsuite.events.sink import WAITING_CHARACTERS, Sink
from mailsuite.interfaces.events import IEvents


class Threadless(Clock):
    """A clock that runs calls from threads at once."""

    def callFromThread(self, f, *args, **kwargs):
        f(*args, **kwargs)


class Made(SynchronousTestCase):
    def setUp(self):
        self.clock = Threadless()
        self.path = os.path.join(tempfile.mkdtemp(), "log")
        self.sink = Sink.to(self.clock, self.clock, lambda: self.path)
        self.events = Events(lambda: 1_700_000_000.25, self.sink)

    def written(self):
        self.events.stop()
        with open(self.path, encoding="utf-8") as file:
            return file.read()


class RecordTests(Made):
    def test_provides(self):
        """Recorder and memory provide IEvents."""
        self.assertTrue(verifyObject(IEvents, self.events))
        self.assertTrue(verifyObject(IEvents, memory.Events()))

    def test_line(self):
        """One event is one logfmt line with its UTC time and fields in order."""
        self.events.happened("smtp.connected", sid="s1", role="mx", rip="::1")
        self.assertEqual(
            self.written(),
            "time=2023-11-14T22:13:20.250Z event=smtp.connected sid=s1"
            " role=mx rip=::1\n",
        )

    def test_json(self):
        """The second style is one JSON object a line."""
        self.events.style("json")
        self.events.happened("smtp.connected", sid="a\nb")
        self.assertEqual(json.loads(self.written())["sid"], "a\nb")

    def test_counts_by_label(self):
        """A labelled event is counted apart for each value of its labels."""
        for code in (550, 550, 451):
            self.events.happened("smtp.rejected", role="mx", stage="rcpt", code=code)
        text = self.events.counts.text().decode()
        self.assertIn(
            'mailsuite_smtp_rejected_total{code="550",role="mx",stage="rcpt"} 2.0', text
        )

    def test_a_label_that_is_missing_is_empty(self):
        """Both are one sample, as a scrape may not tell the same one twice."""
        self.events.happened("smtp.failed", sid="s1")
        self.events.happened("smtp.failed", sid="s1", role="")
        text = self.events.counts.text().decode()
        self.assertIn('mailsuite_smtp_failed_total{role=""} 2.0', text)

    def test_gauge(self):
        """A gauge is read when somebody asks."""
        self.events.counts.gauge("queue_jobs", "open jobs", lambda: 7)
        self.assertIn("mailsuite_queue_jobs 7.0", self.events.counts.text().decode())

    def test_levels(self):
        """A gauge may have a value for each label; what it needs is looked up first."""
        now = {}

        async def look():
            now["held"] = 3

        self.events.counts.levels("queue_recipients", "open", "state", lambda: now)
        self.events.counts.before(look)
        scrape = Deferred.fromCoroutine(self.events.counts.scrape())
        text = self.successResultOf(scrape).decode()
        self.assertIn('mailsuite_queue_recipients{state="held"} 3.0', text)

    def test_tally(self):
        """What a room counts itself is shown as a counter."""
        self.events.counts.tally("dns_questions", "asked", lambda: 7)
        text = self.events.counts.text().decode()
        self.assertIn("# TYPE mailsuite_dns_questions_total counter", text)
        self.assertIn("mailsuite_dns_questions_total 7.0", text)

    def test_unwritable(self):
        """A log that cannot be written loses lines and raises nothing."""
        sink = Sink.to(self.clock, self.clock, lambda: "/nonexistent/log")
        events = Events(lambda: 0.0, sink)
        events.happened("house.started")
        events.stop()
        self.assertEqual(sink.dropped, 1)

    def test_bounded(self):
        """Above the bound lines are dropped and counted, not kept."""
        line = "x" * 1_000_000
        for _ in range(8):
            self.sink.add(line)
        self.assertLessEqual(sum(map(len, self.sink._lines)), WAITING_CHARACTERS + 1e6)
        self.assertGreater(self.sink.dropped, 0)
        self.events.stop()

    def test_diagnostics(self):
        """A failure logged by twisted.logger is one line with its traceback."""
        log = Logger(
            namespace="x", observer=LogPublisher(Diagnostics(self.events, "warn"))
        )
        log.info("not this")
        try:
            raise ValueError("because")
        except ValueError:
            log.failure("it failed")
        text = self.written()
        self.assertEqual(text.count("\n"), 1)
        self.assertIn("event=log.critical from=x", text)
        self.assertIn("error=because", text)


class LineTests(SynchronousTestCase):
    @given(st.text())
    def test_one_line(self, value):
        """Whatever a value holds, the line has one end and no control character."""
        line = lines.logfmt("t", "e", {"v": value})
        self.assertEqual(len(line.splitlines()), 1)
        self.assertTrue(line[:-1].isprintable() or not value.isprintable())
        self.assertNotRegex(line[:-1], r"[\x00-\x1f\x7f-\x9f]")

    @given(
        st.dictionaries(
            st.sampled_from(("sid", "qid", "text", "from", "m2")),
            st.integers()
            | st.floats()
            | st.text(alphabet='ab1=" \n<@:\u00e9')
            | st.text(),
        )
    )
    def test_each(self, fields):
        """Each value stands bare or quoted as its own octets say, whatever the others."""
        shown = "".join(f" {key}={lines.quoted(fields[key])}" for key in fields)
        self.assertEqual(lines.logfmt("t", "e", fields), f"time=t event=e{shown}\n")

    def test_injection(self):
        """A value cannot pretend to be another field."""
        line = lines.logfmt("t", "e", {"user": 'x" rip=1.2.3.4', "rip": "::1"})
        self.assertEqual(line, 'time=t event=e user="x\\" rip=1.2.3.4" rip=::1\n')


class CatalogueTests(SynchronousTestCase):
    def test_unique(self):
        """No name stands twice."""
        self.assertEqual(len(_ROWS), len(CATALOGUE))

    def test_labels_are_fields(self):
        """Every label is one of the event's fields."""
        for entry in _ROWS:
            self.assertLessEqual(set(entry.labels), set(entry.fields), entry.name)

"""The session machine: order, states, limits."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.wire.pop3.commands import Plain, Verb, parse
from mailsuite.wire.pop3.replies import ok, refuse
from mailsuite.wire.pop3.session import (
    ACCEPTED,
    COMMAND_OCTETS,
    DENIED,
    ENDLESS_OCTETS,
    HELD_OCTETS,
    SASL_OCTETS,
    Fatal,
    Refused,
    Session,
    State,
)

LINES = {
    Verb.AUTH: b"AUTH PLAIN",
    Verb.CAPA: b"CAPA",
    Verb.DELE: b"DELE 1",
    Verb.LIST: b"LIST",
    Verb.NOOP: b"NOOP",
    Verb.PASS: b"PASS secret",
    Verb.QUIT: b"QUIT",
    Verb.RETR: b"RETR 1",
    Verb.RSET: b"RSET",
    Verb.STAT: b"STAT",
    Verb.STLS: b"STLS",
    Verb.TOP: b"TOP 1 1",
    Verb.UIDL: b"UIDL",
    Verb.USER: b"USER a",
}


def events(session, yes=lambda event: True):
    """Take every event, answering each, and give them."""
    found = []
    while (event := session.next_event()) is not None:
        found.append(event)
        if isinstance(event, Refused | Fatal):
            session.answer(refuse(event.text))
        else:
            session.answer(ok() if yes(event) else refuse("no"))
    return found


class WalkTests(SynchronousTestCase):
    def walk(self, state, verb, reply):
        session = Session(state)
        session.feed(LINES[verb] + b"\r\n")
        event = session.next_event()
        refused = isinstance(event, Refused)
        session.answer(refuse("not now") if refused else reply)
        return refused, session.state

    def test_every_pair(self):
        """Each command in each state does what the tables say, and no more."""
        for state in (State.AUTHORIZATION, State.NAMED, State.TRANSACTION):
            for verb in LINES:
                allowed = (state, verb) in ACCEPTED
                refused, after = self.walk(state, verb, ok())
                self.assertEqual(refused, not allowed, (state, verb))
                self.assertEqual(after, ACCEPTED.get((state, verb), state))
                _, after = self.walk(state, verb, refuse("no"))
                wanted = DENIED.get((state, verb), state) if allowed else state
                self.assertEqual(after, wanted, (state, verb))

    def test_pass_needs_user(self):
        """PASS comes right after a USER that was accepted, and only once."""
        session = Session()
        session.feed(b"PASS a\r\nUSER a\r\nPASS b\r\nPASS c\r\n")
        kinds = [
            type(event).__name__
            for event in events(session, lambda e: e.verb is Verb.USER)
        ]
        self.assertEqual(kinds, ["Refused", "Named", "Secret", "Refused"])

    def test_nothing_after_quit(self):
        """What is pipelined behind QUIT is never run."""
        session = Session(State.TRANSACTION)
        session.feed(b"QUIT\r\nDELE 1\r\n")
        self.assertEqual(events(session), [Plain(Verb.QUIT)])
        self.assertIs(session.state, State.OVER)
        session.feed(b"DELE 1\r\n")
        self.assertIsNone(session.next_event())

    def test_one_at_a_time(self):
        """The next command waits until the last one was answered."""
        session = Session(State.TRANSACTION)
        session.feed(b"NOOP\r\nSTAT\r\n")
        self.assertEqual(session.next_event(), Plain(Verb.NOOP))
        self.assertIsNone(session.next_event())
        self.assertEqual(session.answer(ok("done")), b"+OK done\r\n")
        self.assertEqual(session.next_event(), Plain(Verb.STAT))

    def test_secured_forgets(self):
        """TLS drops pipelined plaintext and the name given before it."""
        session = Session()
        session.feed(b"USER a\r\nSTLS\r\nPASS b\r\nCAPA\r\n")
        for _ in range(2):
            session.next_event()
            session.answer(ok())
        session.secured()
        self.assertIs(session.state, State.AUTHORIZATION)
        self.assertIsNone(session.next_event())

    def test_exchange(self):
        """In a SASL exchange every line is a response; a bad one ends it."""
        session = Session()
        session.feed(b"AUTH LOGIN\r\n")
        session.next_event()
        self.assertEqual(session.challenge(b"VXNlcg=="), b"+ VXNlcg==\r\n")
        session.feed(b"QUIT\r\nQ\r\nNOOP\r\n")
        self.assertEqual(session.next_event().octets, b"AB\x13")
        session.challenge(b"")
        self.assertIsInstance(session.next_event(), Refused)
        session.answer(refuse("no"))
        self.assertIs(session.state, State.AUTHORIZATION)
        self.assertIsInstance(session.next_event(), Refused)

    def test_exchange_cancelled(self):
        """An asterisk answered with -ERR leads back to AUTHORIZATION."""
        session = Session()
        session.feed(b"AUTH PLAIN\r\n*\r\n")
        session.next_event()
        session.challenge(b"")
        self.assertIsNone(session.next_event().octets)
        session.answer(refuse("cancelled"))
        self.assertIs(session.state, State.AUTHORIZATION)


class LimitTests(SynchronousTestCase):
    def test_command_line(self):
        """A line at the limit is read, one above it refused, and no other lost."""
        session = Session()
        fits = b"USER " + b"a" * (COMMAND_OCTETS - 7)
        session.feed(fits + b"\r\n" + fits + b"b\r\nCAPA\r\n")
        kinds = [type(event).__name__ for event in events(session)]
        self.assertEqual(kinds, ["Named", "Refused", "Plain"])

    def test_long_line(self):
        """A line above every limit is thrown away to its end, piece by piece."""
        session = Session()
        for _ in range(4):
            session.feed(b"x" * SASL_OCTETS)
            self.assertIsNone(session.next_event())
        session.feed(b"\r\nCAPA\r\n")
        self.assertEqual(events(session), [Refused("Line too long"), Plain(Verb.CAPA)])

    def test_endless_line(self):
        """A line that never ends is fatal, and little of it is kept."""
        session = Session()
        session.feed(b"x" * (ENDLESS_OCTETS + SASL_OCTETS))
        self.assertIsInstance(session.next_event(), Fatal)
        self.assertFalse(session.full)

    def test_full(self):
        """The door is told to stop reading while much waits."""
        session = Session()
        session.feed(b"NOOP\r\n" * (HELD_OCTETS // 6 + 1))
        self.assertTrue(session.full)
        events(session)
        self.assertFalse(session.full)

    @given(
        st.lists(
            st.one_of(st.sampled_from(sorted(LINES.values())), st.binary(max_size=80)),
            max_size=8,
        ),
        st.lists(st.integers(0, 300), max_size=6),
    )
    def test_any_cut(self, lines, cuts):
        """However the octets are cut, the same events come."""
        stream = b"".join(line + b"\r\n" for line in lines)
        whole = Session()
        whole.feed(stream)
        expected = events(whole)
        cut, found, at = Session(), [], 0
        for end in [*sorted(cuts), len(stream)]:
            cut.feed(stream[at:end])
            found += events(cut)
            at = max(at, end)
        self.assertEqual(found, expected)

    @given(st.binary(max_size=2000))
    def test_garbage(self, octets):
        """Garbage gives refusals, never an exception."""
        session = Session()
        session.feed(octets)
        events(session)

    def test_lines_are_known(self):
        """The walk knows a line for each verb that can be asked."""
        for verb, line in LINES.items():
            self.assertIs(parse(line).verb, verb)

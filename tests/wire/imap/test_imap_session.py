"""The session gives the same events however the octets are cut."""

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.wire.imap import limits
from mailsuite.wire.imap.commands.table import State
from mailsuite.wire.imap.events import (
    Block,
    Command,
    Refused,
    Upload,
    Uploaded,
    Wanted,
)
from mailsuite.wire.imap.session import Session

STREAM = (
    b"a LOGIN {4+}\r\nmr\n\r {6}\r\nsecret\r\n"
    b'b APPEND inbox (\\Seen) "17-Jul-1996 02:44:25 -0700" {12+}\r\nFrom: a\r\n\r\nx\r\n'
    b'c SELECT "a b"\r\nd FETCH 1:* (FLAGS BODY[1]<0.5>)\r\ngarbage\r\n* x\r\n'
    b"e SEARCH SUBJECT {3+}\r\na}\n FROM {0+}\r\n\r\nf APPEND {5+}\r\nDraft {3}\r\nabc\r\n"
    b"g APPEND &x {7+}\r\nskipped\r\nh NOOP\r\n"
)


def events(cuts, stream=STREAM, state=State.AUTHENTICATED):
    """All events of a stream; blocks are joined."""
    session, found = Session(state), []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        session.feed(stream[start:stop])
        while (event := session.next_event()) is not None:
            if isinstance(event, Block) and isinstance(found[-1], Block):
                event = Block(found.pop().octets + event.octets)
            found.append(event)
    return found


class SessionTests(SynchronousTestCase):
    @given(st.lists(st.integers(0, len(STREAM)), max_size=12).map(sorted))
    def test_cuts(self, cuts):
        """Any cut of the octets gives the same events."""
        self.assertEqual(events(cuts), events([]))

    def test_octets(self):
        """One octet at a time gives the same events."""
        self.assertEqual(events(range(1, len(STREAM))), events([]))

    def test_stream(self):
        """The stream of these tests is understood as it is meant."""
        kinds = [type(event).__name__ for event in events([])]
        self.assertEqual(
            kinds,
            ["Wanted", "Refused", "Upload", "Block", "Uploaded", "Command", "Refused",
             "Refused", "Refused", "Refused", "Upload", "Block", "Uploaded", "Refused",
             "Command"],
        )  # fmt: skip

    @given(st.binary(max_size=300), st.sampled_from(list(State)))
    def test_garbage(self, octets, state):
        """Garbage gives refusals and never an exception."""
        session = Session(state)
        session.feed(octets)
        for _ in range(400):
            event = session.next_event()
            if event is None:
                break
            if isinstance(event, Upload):
                session.decline(event)
        else:
            self.fail("no end")

    @given(
        st.lists(
            st.sampled_from(
                [b"a ", b"UID ", b"FETCH ", b"SEARCH ", b"1:* ", b"(", b")", b'"', b"{3+}\r\n",
                 b"BODY[", b"]", b"NOT ", b"OR ", b"SEEN ", b"\r\n", b"APPEND ", b"x", b" ", b"&"]
            ),
            max_size=30,
        )
    )  # fmt: skip
    def test_word_salad(self, words):
        """Words of the grammar in any order never break the session."""
        session = Session(State.SELECTED)
        session.feed(b"".join(words) + b"\r\n")
        while (event := session.next_event()) is not None:
            self.assertNotIsInstance(event, Block)
            if isinstance(event, Upload):
                session.decline(event)

    def test_literal_before_login(self):
        """Before login all literals together are bounded."""
        session = Session()
        most = limits.LITERAL_OCTETS_BEFORE_LOGIN
        session.feed(b"a LOGIN {%d}\r\n" % most)
        self.assertEqual(session.next_event(), Wanted())
        session.feed(b"x" * most + b" {1}\r\n")
        self.assertIn(b"TOOBIG", session.next_event().text)
        session.feed(b"a NOOP\r\n")
        self.assertIsInstance(session.next_event(), Command)
        session.feed(b"a LOGIN {1}\r\n")
        self.assertIn(b"TOOBIG", session.next_event().text)

    def test_literal_sent(self):
        """A literal that was sent without asking and is too big ends it all."""
        session = Session()
        session.feed(b"a LOGIN {4294967296+}\r\n")
        self.assertTrue(session.next_event().fatal)

    def test_message_size(self):
        """A message's size is the door's to judge."""
        session = Session(State.AUTHENTICATED)
        session.feed(b"a APPEND x {18446744073709551617}\r\n")
        upload = session.next_event()
        self.assertGreater(upload.size, 2**59)
        session.decline(upload)
        session.feed(b"a NOOP\r\n")
        self.assertIsInstance(session.next_event(), Command)

    def test_declined(self):
        """A message that is not wanted is passed over, commands go on after it."""
        session = Session(State.AUTHENTICATED)
        session.feed(b"a APPEND x {6+}\r\na NOOP\r\nb NOOP\r\n")
        session.decline(session.next_event())
        self.assertEqual(session.next_event().tag, b"b")

    def test_long_line(self):
        """An endless line is refused once, skipped, and at last cut off."""
        session = Session()
        session.feed(b"a NOOP " + b"x" * limits.LINE_OCTETS_BEFORE_LOGIN)
        self.assertEqual(session.next_event().tag, b"a")
        self.assertIsNone(session.next_event())
        session.feed(b"x\r\nb NOOP\r\n")
        self.assertIsInstance(session.next_event(), Command)
        session.feed(b"c " + b"x" * limits.LINE_OCTETS_BEFORE_LOGIN)
        self.assertFalse(session.next_event().fatal)
        session.feed(b"x" * (limits.SKIPPED_OCTETS + 1))
        self.assertTrue(session.next_event().fatal)

    def test_held(self):
        """What is skipped is not held."""
        session = Session()
        session.feed(b"x" * 60_000)
        session.next_event()
        session.next_event()
        self.assertEqual(session.held, 0)

    def test_slow_line(self):
        """A long line that comes octet by octet costs linear time."""
        session = Session(State.SELECTED)
        start = time.thread_time()
        for _ in range(60_000):
            session.feed(b"x")
            session.next_event()
        self.assertLess(time.thread_time() - start, 1.0)

    def test_starttls(self):
        """What was sent in plaintext behind STARTTLS is forgotten."""
        session = Session()
        session.feed(b"a STARTTLS\r\nb LOGIN x y\r\n")
        self.assertEqual(session.next_event().name, b"STARTTLS")
        session.secured()
        self.assertIsNone(session.next_event())

    def test_logout(self):
        """After LOGOUT nothing is a command."""
        session = Session()
        session.feed(b"a LOGOUT\r\nb NOOP\r\n")
        session.next_event()
        session.entered(State.LOGOUT)
        session.feed(b"c NOOP\r\n")
        self.assertIsNone(session.next_event())

    def test_nul_literal(self):
        """NUL in a literal refuses the command and loses no step."""
        session = Session()
        session.feed(b"a LOGIN {3+}\r\na\0b secret\r\nb NOOP\r\n")
        self.assertIn(b"NUL", session.next_event().text)
        self.assertIsInstance(session.next_event(), Command)

    def test_append_end(self):
        """A second message in one APPEND is refused."""
        session = Session(State.AUTHENTICATED)
        session.feed(b"a APPEND x {1+}\r\ny (\\Seen)\r\n")
        self.assertIsInstance(session.next_event(), Upload)
        self.assertEqual(session.next_event(), Block(b"y"))
        self.assertIsInstance(session.next_event(), Refused)
        self.assertNotIsInstance(session.next_event(), Uploaded)

    def test_append_between(self):
        """Nothing but what the grammar knows stands before the message."""
        for words in (b"{", b"{3} ", b"{1}{", b"(a) {b "):
            session = Session(State.AUTHENTICATED)
            session.feed(b"a APPEND x %b{1+}\r\ny\r\nb NOOP\r\n" % words)
            refused = session.next_event()
            self.assertTrue(refused.text.startswith(b"BAD"), words)
            self.assertEqual(session.next_event().tag, b"b")

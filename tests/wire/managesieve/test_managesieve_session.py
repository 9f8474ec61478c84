"""The ManageSieve session: commands however they are cut, in order, within bounds."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.wire.managesieve import gathering, replies
from mailsuite.wire.managesieve.commands import Command, Verb
from mailsuite.wire.managesieve.gathering import Fatal, Refused
from mailsuite.wire.managesieve.session import ACCEPTED, Session, State

TALK = (
    b"CAPABILITY\r\n"
    b'noop "a\\"b"\r\n'
    b'PUTSCRIPT {1+}\r\nn {8+}\r\n"}\r\n{1+}\r\n'
    b'HAVESPACE "n" 12\r\n'
    b'RENAMESCRIPT "a" "b"\r\n'
    b'CHECKSCRIPT "keep;"\r\n'
)


def events(known, octets, cuts=()):
    """Every event of some octets, each answered with OK."""
    known_at = Session(State.KNOWN) if known else Session()
    found, at = [], 0
    for cut in [*sorted(cuts), len(octets)]:
        known_at.feed(octets[at:cut])
        at = max(at, cut)
        while (event := known_at.next_event()) is not None:
            found.append(event)
            known_at.answer(replies.ok())
    return found


class SessionTests(SynchronousTestCase):
    @given(st.lists(st.integers(0, len(TALK)), max_size=8))
    def test_any_cut(self, cuts):
        """However octets are cut, the commands are the same."""
        self.assertEqual(
            events(True, TALK, cuts),
            [
                Command(Verb.CAPABILITY),
                Command(Verb.NOOP, tag=b'a"b'),
                Command(Verb.PUTSCRIPT, ("n",), b'"}\r\n{1+}'),
                Command(Verb.HAVESPACE, ("n",), size=12),
                Command(Verb.RENAMESCRIPT, ("a", "b")),
                Command(Verb.CHECKSCRIPT, content=b"keep;"),
            ],
        )

    @given(st.binary(max_size=300))
    def test_any_octets(self, octets):
        """No octets raise; every event is a command or a refusal."""
        for event in events(True, octets + b"\r\n"):
            self.assertIsInstance(event, Command | Refused | Fatal)

    def test_states(self):
        """Each verb is taken in the states of the table and nowhere else."""
        lines = {
            Verb.AUTHENTICATE: b'AUTHENTICATE "PLAIN"',
            Verb.HAVESPACE: b'HAVESPACE "a" 1',
            Verb.PUTSCRIPT: b'PUTSCRIPT "a" "keep;"',
            Verb.SETACTIVE: b'SETACTIVE ""',
            Verb.GETSCRIPT: b'GETSCRIPT "a"',
            Verb.DELETESCRIPT: b'DELETESCRIPT "a"',
            Verb.RENAMESCRIPT: b'RENAMESCRIPT "a" "b"',
            Verb.CHECKSCRIPT: b'CHECKSCRIPT ""',
        }
        for state in (State.STRANGER, State.KNOWN):
            for verb in set(Verb) - {Verb.RESPONSE}:
                asked = Session(state)
                asked.feed(lines.get(verb, verb.value.encode()) + b"\r\n")
                event = asked.next_event()
                allowed = (state, verb) in ACCEPTED
                self.assertIs(isinstance(event, Command), allowed, (state, verb))

    def test_moves_on_the_answer(self):
        """A refused AUTHENTICATE leaves the client a stranger."""
        asked = Session()
        asked.feed(b'AUTHENTICATE "PLAIN" "AAA="\r\n')
        asked.next_event()
        asked.answer(replies.refuse("no"))
        self.assertIs(asked.state, State.STRANGER)

    def test_exchange(self):
        """A response is read as base64; a star cancels."""
        for line, octets in (
            (b'"eA=="', b"x"),
            (b"{4+}\r\neA==", b"x"),
            (b'"*"', None),
        ):
            asked = Session()
            asked.feed(b'AUTHENTICATE "LOGIN"\r\n')
            asked.next_event()
            self.assertEqual(asked.challenge(b"eA=="), b'"eA=="\r\n')
            asked.feed(line + b"\r\n")
            self.assertEqual(asked.next_event(), Command(Verb.RESPONSE, octets=octets))

    def test_wrong(self):
        """What is no command is refused, and the next is read."""
        for line in (
            b"",
            b'"NOOP"',
            b"FOO",
            b"CAPABILITY 1",
            b'HAVESPACE "a"',
            b'HAVESPACE "a" 12345678901',
            b'HAVESPACE "a" 4294967296',
            b'HAVESPACE "a" 007',
            b'HAVESPACE "a" -1',
            b'HAVESPACE "a" "1"',
            b'NOOP "a" (',
            b"NOOP (1)",
            b'NOOP"a"',
            b'RENAMESCRIPT "a""b"',
            b'PUTSCRIPT {1+}\r\na"b"',
            b'PUTSCRIPT "a"{5+}\r\nkeep;',
            b"NO\xc3\xa4P",
            b"GETSCRIPT a",
            b'GETSCRIPT "\xff"',
            b'GETSCRIPT "a',
            b'GETSCRIPT "a\\b"',
            b'PUTSCRIPT "a" "b" "c" "d" "e"',
            b"GETSCRIPT {3}\r\n\xff\xff\xff",
            b"NOOP {2+}\r\nab {x}",
        ):
            told = events(True, line + b"\r\nNOOP\r\n")
            self.assertEqual(
                [type(one) for one in told], [Refused, Command], (line, told)
            )

    def test_large(self):
        """A literal that is too large is read over and refused; an endless one ends."""
        size = gathering.CONTENT_OCTETS + 1
        octets = b'PUTSCRIPT "a" {%d+}\r\n' % size + b"x" * size + b"\r\nNOOP\r\n"
        refused, noop = events(True, octets)
        self.assertEqual(refused, Refused("Too large", b"QUOTA/MAXSIZE"))
        self.assertEqual(noop, Command(Verb.NOOP))
        checked = octets.replace(b'PUTSCRIPT "a"', b"CHECKSCRIPT")
        self.assertEqual(events(True, checked)[0], Refused("Too large"))
        for digits in (b"%d" % (gathering.DRAINED_OCTETS + 1), b"9" * 5_000):
            huge = b"CHECKSCRIPT {%b+}\r\n" % digits
            self.assertEqual(events(True, huge), [Fatal("Literal too long")])
            (told,) = events(True, b'PUTSCRIPT "a" {%b+}\r\n' % digits)
            self.assertEqual(told, Fatal("Literal too long", b"QUOTA/MAXSIZE"))
        endless = b"x" * gathering.LINE_OCTETS
        self.assertEqual(events(True, endless), [Fatal("Line too long")])

    def test_large_together(self):
        """What is allowed is allowed to a whole command, not to each string."""
        half = gathering.CONTENT_OCTETS // 2 + 1
        literal = b"{%d+}\r\n" % half + b"x" * half
        (refused,) = events(True, b"PUTSCRIPT " + literal + b" " + literal + b"\r\n")
        self.assertEqual(refused, Refused("Too large", b"QUOTA/MAXSIZE"))

    def test_large_stranger(self):
        """Before a login a literal is a response of SASL, and no larger."""
        size = gathering.STRANGER_OCTETS + 1
        octets = b'AUTHENTICATE "PLAIN" {%d+}\r\n' % size + b"x" * size
        refused, noop = events(False, octets + b"\r\nNOOP\r\n")
        self.assertEqual(refused, Refused("Too large"))
        self.assertEqual(noop, Command(Verb.NOOP))

    def test_endless_literals(self):
        """A command that never ends is not read for ever."""
        told = events(True, b"NOOP " + b"{0+}\r\n" * 1_000)
        self.assertEqual(told, [Fatal("Too many literals")])
        told = events(True, b"((" + b"{0+}\r\n" * 1_000)
        self.assertEqual(told, [Fatal("Too many literals")])

    @given(
        st.lists(
            st.sampled_from(
                (
                    *(b"PUTSCRIPT ", b"putscript", b'"a"', b'"', b"\\", b" ", b"\r\n"),
                    *(b"{3+}\r\n", b"{3}\r\nabc", b"{999999+}\r\n", b"\0", b"\xff"),
                    *(b"AUTHENTICATE", b"{99999999999999+}\r\n", b"(", b"x" * 9_000),
                )
            ),
            max_size=40,
        ),
        st.booleans(),
    )
    def test_any_pieces(self, pieces, known):
        """Pieces of commands in any order neither raise nor are kept for ever."""
        talking = Session(State.KNOWN) if known else Session()
        for piece in pieces:
            talking.feed(piece)
            while (event := talking.next_event()) is not None:
                if isinstance(event, Fatal):
                    self.assertTrue(talking.over)
                    return
                self.assertTrue(talking.answer(replies.refuse("no")).endswith(b"\r\n"))
        self.assertFalse(talking.full)

    def test_before_tls(self):
        """What came before TLS is forgotten (CVE-2011-0411)."""
        asked = Session()
        asked.feed(b"STARTTLS\r\nNOOP\r\n")
        asked.next_event()
        asked.answer(replies.ok())
        asked.secured()
        self.assertIsNone(asked.next_event())


class ReplyTests(SynchronousTestCase):
    def test_strings(self):
        """Short plain text is quoted, the rest goes as a literal."""
        self.assertEqual(replies.string(b'a"\\'), b'"a\\"\\\\"')
        self.assertEqual(replies.string(b"\xff"), b"{1}\r\n\xff")
        self.assertTrue(replies.string(b'"' * 513).startswith(b"{513}\r\n"))
        self.assertEqual(replies.string(b"a\r\nb"), b"{4}\r\na\r\nb")
        self.assertTrue(replies.string(b"x" * 1025).startswith(b"{1025}\r\n"))

    def test_lines(self):
        """Replies as RFC 5804 §1.3 has them."""
        self.assertEqual(replies.ok().render(), b"OK\r\n")
        said = replies.refuse("no room", b"QUOTA/MAXSIZE").render()
        self.assertEqual(said, b'NO (QUOTA/MAXSIZE) "no room"\r\n')
        rows = replies.scripts([("a", True), ("b\u00e4", False)])
        self.assertEqual(rows, b'"a" ACTIVE\r\n"b\xc3\xa4"\r\n')

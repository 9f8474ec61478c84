"""Every command's arguments become one frozen value, or a refusal."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.wire.imap.commands import search as keys
from mailsuite.wire.imap.commands.bare import ID
from mailsuite.wire.imap.commands.fetch import Fact
from mailsuite.wire.imap.commands.folders import Listing, Named
from mailsuite.wire.imap.commands.search import And, Flag, Not, Or, Text, Where
from mailsuite.wire.imap.commands.table import SYNTAX, State
from mailsuite.wire.imap.events import Command, Refused
from mailsuite.wire.imap.sections import Kind
from mailsuite.wire.imap.session import Session


def parsed(text, state=State.SELECTED):
    session = Session(state)
    session.feed(b"t " + text + b"\r\n")
    return session.next_event()


def value(text):
    event = parsed(text)
    assert isinstance(event, Command), event
    return event.value


class ParsingTests(SynchronousTestCase):
    def test_macros(self):
        """ALL, FAST and FULL stand for their items."""
        self.assertEqual(len(value(b"FETCH 1 FAST").items), 3)
        self.assertEqual(value(b"FETCH 1 all").items[-1], Fact.ENVELOPE)
        self.assertEqual(value(b"FETCH 1 FULL").items[-1], Fact.BODY)

    def test_uid_fetch(self):
        """UID FETCH always tells UIDs, and once."""
        self.assertEqual(value(b"UID FETCH 1 FLAGS").items, (Fact.UID, Fact.FLAGS))
        self.assertEqual(value(b"UID FETCH 1 (UID FLAGS)").items[0], Fact.UID)

    def test_section(self):
        """Parts, fields and partials are read; the label names what was asked."""
        item = value(b'FETCH 1 BODY[4.2.header.fields (To "X Y")]<10.20>').items[0]
        self.assertEqual((item.part, item.kind), ((4, 2), Kind.FIELDS))
        self.assertEqual((item.partial, item.peek), ((10, 20), False))
        self.assertEqual(item.label, b'BODY[4.2.HEADER.FIELDS (To "X Y")]<10>')

    def test_same_item(self):
        """The same item twice is answered once."""
        self.assertEqual(len(value(b"FETCH 1 (FLAGS FLAGS BODY[] BODY[])").items), 2)

    def test_search_and(self):
        """Keys in a row are joined."""
        self.assertEqual(
            value(b'SEARCH FLAGGED UNDELETED FROM "Smith"').key,
            And(
                (
                    Flag("\\Flagged"),
                    Not(Flag("\\Deleted")),
                    Text(Where.HEADER, "Smith", "from"),
                )
            ),
        )

    def test_search_tree(self):
        """OR, NOT and parentheses nest."""
        self.assertEqual(
            value(b"SEARCH OR NOT SEEN (DRAFT OR SEEN DELETED) NEW").key.keys[0],
            Or(
                Not(Flag("\\Seen")),
                And((Flag("\\Draft"), Or(Flag("\\Seen"), Flag("\\Deleted")))),
            ),
        )

    def test_search_charset(self):
        """UTF-8 and US-ASCII are known, others are named in the refusal."""
        self.assertEqual(
            parsed(b"SEARCH CHARSET KOI8-R ALL").text,
            b"NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset",
        )
        key = value('SEARCH CHARSET utf-8 SUBJECT "grüß"'.encode()).key
        self.assertEqual(key.text, "grüß")

    def test_store(self):
        r"""Flags get one spelling; \Recent cannot be stored."""
        self.assertEqual(
            value(b"STORE 1 FLAGS (\\sEEN \\Recent Foo foo)").flags,
            frozenset({"\\Seen", "Foo"}),
        )
        self.assertEqual(value(b"STORE 1 -FLAGS.SILENT \\Seen").silent, True)

    def test_create(self):
        """A separator at the end only announces children."""
        self.assertEqual(value(b"CREATE owatagusiam/"), Named("owatagusiam"))

    def test_list(self):
        """Patterns may hold wildcards unquoted."""
        self.assertEqual(value(b'LIST "" %/*'), Listing("", "%/*"))

    def test_id(self):
        """ID takes NIL or a list."""
        self.assertEqual(value(b"ID NIL"), ID())
        self.assertEqual(
            value(b'ID ("NAME" "x" "os" NIL)'), ID((("name", "x"), ("os", "")))
        )

    def test_date_keys(self):
        """Every date key has its order."""
        found = value(b"SEARCH BEFORE 1-Jan-2020 SENTON 2-Jan-2020").key.keys
        self.assertEqual(found[0].order, keys.Order.BELOW)
        self.assertEqual((found[1].order, found[1].sent), (keys.Order.SAME, True))

    def test_states(self):
        """Every command is refused in every state that does not allow it."""
        for name, syntax in SYNTAX.items():
            for state in (
                State.NOT_AUTHENTICATED,
                State.AUTHENTICATED,
                State.SELECTED,
            ):
                event = parsed(name, state)
                said = event.text if isinstance(event, Refused) else b""
                refused = said.startswith(b"BAD Not while")
                self.assertEqual(refused, state not in syntax.states, (name, state))


def _bad(text):
    def test(self):
        """What is no command is refused."""
        self.assertIsInstance(parsed(text), Refused)

    return test


for _number, _text in enumerate(
    [b"", b"FOO", b"UID", b"UID NOOP", b"NOOP x", b"LOGIN a", b"SELECT", b"SELECT a b",
     b'SELECT "a', b"FETCH", b"FETCH 1", b"FETCH 1 ()", b"FETCH 1 FOO", b"FETCH 1 BODY[",
     b"FETCH 1 BODY[MIME]", b"FETCH 1 BODY[0]", b"FETCH 1 BODY[1.]", b"FETCH 1 BODY[1HEADER]",
     b"FETCH 1 BODY[]<1>", b"FETCH 1 BODY[]<0.0>", b"FETCH 1 BODY[]<99999999999.1>",
     b"FETCH 1 (FLAGS", b"FETCH 1 (FLAGS  UID)", b"FETCH 1 BODY[HEADER.FIELDS ()]",
     b"FETCH 1 BODY[" + b"1." * 5000 + b"1]", b"FETCH 1 (" + b"UID " * 2000 + b"UID)",
     b"FETCH 1 BODY[HEADER.FIELDS (" + b"a " * 5000 + b"a)]",
     b"SEARCH", b"SEARCH FOO", b"SEARCH NOT", b"SEARCH OR SEEN", b"SEARCH (SEEN", b"SEARCH SEEN)",
     b"SEARCH ()", b"SEARCH SEEN  SEEN", b"SEARCH LARGER x", b"SEARCH LARGER 4294967296",
     b"SEARCH " + b"(" * 15000, b"SEARCH " + b"NOT " * 15000 + b"SEEN",
     b"SEARCH " + b"OR SEEN " * 7000 + b"SEEN", b"SEARCH " + b"SEEN " * 5000 + b"SEEN",
     b"SEARCH CHARSET", b"SEARCH BODY", b"NOOP " + b"(" * 10000, b"ID " + b"(" * 10000,
     b"ID (" + b'"a" "b" ' * 40 + b'"a" "b")', b'ID ("a")', b"STORE 1 FLAGS", b"STORE 1 FOO (a)",
     b"STORE 1 FLAGS (\\Foo)", b"STORE 1 FLAGS (" + b"x" * 300 + b")", b"STORE 0 FLAGS (a)",
     b"COPY 1", b"STATUS a", b"STATUS a ()", b"STATUS a (FOO)", b"LIST a", b"ENABLE",
     b"APPEND a", b"APPEND a (x", b"DONE", b"RENAME a", b"SELECT a\x00b", b"SELECT \xff",
     b"EXPUNGE 1", b"UID EXPUNGE", b"SELECT {x}", b"SELECT {-1}"]
):  # fmt: skip
    setattr(ParsingTests, f"test_bad_{_number}", _bad(_text))

"""Mailboxes and groups, as RFC 5322 writes them and as people do."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import addresses, envelope
from mailsuite.mime.addresses import Mailbox, parse
from mailsuite.mime.limits import ADDRESS_TOKENS, Budget
from mailsuite.mime.quoting import unfolded
from tests.support.sexp import read


class Rfc5322Tests(SynchronousTestCase):
    """The examples of RFC 5322 Appendix A."""

    def test_a_1_2(self):
        """Quoted display names and several mailboxes."""
        self.assertEqual(
            parse(
                b"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>,\r\n"
                b' <boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>'
            ),
            [
                Mailbox("Mary Smith", "mary", "x.test"),
                Mailbox("", "jdoe", "example.org"),
                Mailbox("Who?", "one", "y.test"),
                Mailbox("", "boss", "nil.test"),
                Mailbox('Giant; "Big" Box', "sysservices", "example.net"),
            ],
        )

    def test_quoted_and_dotted(self):
        """``Joe Q. Public`` and a quoted name with a dot."""
        self.assertEqual(
            parse(b'"Joe Q. Public" <john.q.public@example.com>'),
            [Mailbox("Joe Q. Public", "john.q.public", "example.com")],
        )

    def test_a_1_3(self):
        """Groups, also an empty one."""
        self.assertEqual(
            parse(
                b"A Group:Ed Jones <joe@where.test>,joe@where.test,"
                b"John <jdoe@one.test>;"
            ),
            [
                Mailbox("Ed Jones", "joe", "where.test", "A Group"),
                Mailbox("", "joe", "where.test", "A Group"),
                Mailbox("John", "jdoe", "one.test", "A Group"),
            ],
        )
        self.assertEqual(parse(b"Undisclosed recipients:;"), [])

    def test_a_5(self):
        """White space and comments in every place."""
        self.assertEqual(
            parse(b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
            [Mailbox("Pete", "pete", "silly.test")],
        )
        self.assertEqual(
            parse(
                b"A Group(Some people)\r\n :Chris Jones <c@(Chris's host.)public.example>,"
                b"\r\n joe@example.org,\r\n  John <jdoe@one.test> (my dear friend);"
                b" (the end of the group)"
            ),
            [
                Mailbox("Chris Jones", "c", "public.example", "A Group"),
                Mailbox("", "joe", "example.org", "A Group"),
                Mailbox("John", "jdoe", "one.test", "A Group"),
            ],
        )
        self.assertEqual(
            parse(b"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;"),
            [],
        )

    def test_a_6_1(self):
        """Obsolete: unquoted dots, routes, empty members, spaces around dots."""
        self.assertEqual(
            parse(b"Joe Q. Public <john.q.public@example.com>"),
            [Mailbox("Joe Q. Public", "john.q.public", "example.com")],
        )
        self.assertEqual(
            parse(b"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example"),
            [
                Mailbox("Mary Smith", "mary", "example.net"),
                Mailbox("", "jdoe", "test.example"),
            ],
        )

    def test_a_6_3(self):
        """Obsolete: spaces and comments around dots."""
        self.assertEqual(
            parse(b"John Doe <jdoe@machine(comment).  example>"),
            [Mailbox("John Doe", "jdoe", "machine.example")],
        )
        self.assertEqual(
            parse(b"john . doe @ example . com"),
            [Mailbox("", "john.doe", "example.com")],
        )


class TolerantTests(SynchronousTestCase):
    def raw(self, value: bytes):
        return [tuple(one) for one in addresses.read(value, Budget())]

    def test_route(self):
        """A source route is told in ENVELOPE's own place."""
        self.assertEqual(self.raw(b"<@a,@b:c@d>"), [(None, b"@a,@b", b"c", b"d")])

    def test_comment_names(self):
        """The old form of a name, in a comment."""
        self.assertEqual(self.raw(b"a@b (Jane Doe)"), [(b"Jane Doe", None, b"a", b"b")])

    def test_bare_word(self):
        """A word without a domain is no group start for any client."""
        self.assertEqual(
            self.raw(b"root"), [(None, None, b"root", addresses.MISSING_DOMAIN)]
        )
        self.assertEqual(parse(b"root"), [Mailbox("", "root", "")])

    def test_empty_angles(self):
        """``<>`` names somebody unknown."""
        self.assertEqual(
            self.raw(b"Nobody <>"),
            [(b"Nobody", None, addresses.MISSING_MAILBOX, addresses.MISSING_DOMAIN)],
        )

    def test_unquoted_address_as_name(self):
        """An address as display name, as some programs write it."""
        self.assertEqual(self.raw(b"a@b <c@d>"), [(b"a@b", None, b"c", b"d")])

    def test_unclosed_angle(self):
        """An angle that is not closed ends with the mailbox."""
        self.assertEqual(
            self.raw(b"A <a@b, c@d"),
            [(b"A", None, b"a", b"b"), (None, None, b"c", b"d")],
        )

    def test_semicolons(self):
        """Semicolons between mailboxes outside of a group."""
        self.assertEqual([one[2] for one in self.raw(b"a@b; c@d;")], [b"a", b"c"])

    def test_open_group(self):
        """A group that does not end is ended."""
        self.assertEqual(self.raw(b"g: a@b")[-1], (None, None, None, None))

    def test_quoted_local(self):
        """A quoted local part is unquoted."""
        self.assertEqual(self.raw(b'"a b"@c'), [(None, None, b"a b", b"c")])

    def test_literal(self):
        """Address literals keep their brackets."""
        self.assertEqual(self.raw(b"a@[IPv6:::1]"), [(None, None, b"a", b"[IPv6:::1]")])

    def test_two_at_signs(self):
        """A second at sign stays in the domain."""
        self.assertEqual(self.raw(b"a@b@c"), [(None, None, b"a", b"b@c")])

    def test_encoded_name(self):
        """Names are decoded where a person is to read them."""
        self.assertEqual(
            parse("=?utf-8?q?M=C3=BCller?= <ä@b>".encode()),
            [Mailbox("Müller", "ä", "b")],
        )


_ATOM = st.text("abcXYZ019.-+_!", min_size=1, max_size=8).map(str.encode)
_NAME = st.text("abc XY.", max_size=12).map(str.encode)


class TwoRoadsTests(SynchronousTestCase):
    @given(st.lists(st.tuples(_NAME, _ATOM, _ATOM, st.booleans()), max_size=5))
    def test_same(self, people):
        """The fast road of ENVELOPE and the tolerant parser say the same."""
        value = b" , ".join(
            (b'"%b" <%b@%b>' if quoted and name.strip() else b"%b <%b@%b>")
            % (name, local, domain.strip(b"!+_") or b"d")
            for name, local, domain, quoted in people
        )
        told = read(envelope.render({b"to": value}, Budget()))[5] or []
        slow = [list(raw) for raw in addresses.read(value, Budget())]
        self.assertEqual(told, slow)


NAMES = st.text("aB c!.'=?_q\"", max_size=12) | st.sampled_from(
    (
        "Ann Example",
        '"Example, Ann"',
        "=?utf-8?q?Caf=C3=A9?=",
        '"=?utf-8?q?=41?="',
        '""',
    )
)
ATOMS = st.sampled_from(
    ("ann", "a.b", "x+y", ".a", "a..b", "a.", "example.org", "[::1]")
)


class UsualTests(SynchronousTestCase):
    """One mailbox alone is read in one step."""

    @given(
        NAMES, ATOMS, ATOMS, st.sampled_from(("{0} <{1}>", "{0}<{1}>", "{1}", "<{1}>"))
    )
    def test_same(self, name, local, domain, shape):
        """It is what reading it word by word gives."""
        value = shape.format(name, f"{local}@{domain}").encode()
        self.assertEqual(parse(value), addresses.several(unfolded(value)))

    def test_long(self):
        """So it is where that has a bound; a step has 50 octets for each word."""
        value = b"a " * ADDRESS_TOKENS + b"<a@example.org>"
        self.assertEqual(parse(value), addresses.several(value))

"""Who a message says it is from: RFC 5322's forms, and what forgers do with them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth.author import DOMAINS, FIELD_OCTETS, MAPPED, read
from mailsuite.mailauth.labels import ascii_name, parents, within
from mailsuite.mailauth.mailboxes import Malformed, mailboxes


def of(value):
    """The domains of one From field."""
    header = (
        b"To: x@other.example\r\nFrom:" + value + b"\r\nSubject: From: y@s.example\r\n"
    )
    return read(header).domains


class CorrectTests(SynchronousTestCase):
    """What RFC 5322 allows names exactly its mailboxes."""

    def check(self, value, *domains):
        self.assertEqual(of(value), domains)
        self.assertEqual(read(b"From:" + value + b"\r\n").trouble, "")

    def test_plain(self):
        """Addr-spec and name-addr."""
        self.check(b" a@b.example", "b.example")
        self.check(b" A. B. <a.b@B.Example>", "b.example")
        self.check(b"<a@b.example>", "b.example")

    def test_lists(self):
        """Each domain once, in order."""
        self.check(
            b" a@b.example, C <c@d.example>, e@b.example", "b.example", "d.example"
        )
        self.check(b" ,, a@b.example,", "b.example")

    def test_groups(self):
        """A group's members count; its name does not (RFC 6854)."""
        self.check(b" G: a@b.example, <c@d.example>;", "b.example", "d.example")
        self.check(b" undisclosed:;")

    def test_names_that_look_like_addresses(self):
        """Quoted words, comments and encoded words are no mailboxes."""
        self.check(b' "ceo@good.example" <x@evil.example>', "evil.example")
        self.check(b" x@evil.example (ceo@good.example)", "evil.example")
        self.check(b" (<ceo@good.example>) x@evil.example", "evil.example")
        self.check(
            b" =?utf-8?B?PGNlb0Bnb29kLmV4YW1wbGU+?= <x@evil.example>", "evil.example"
        )
        self.check(b' "a\\"<b@good.example>" <x@evil.example>', "evil.example")

    def test_quoted_locals(self):
        """A local part in quotes may hold anything."""
        self.check(b' "x@good.example"@evil.example', "evil.example")
        self.check(b' <"a b".c@d.example>', "d.example")

    def test_obsolete(self):
        """White space, comments and routes stand where RFC 5322 §4.4 lets them."""
        self.check(b" a . b (c) @ (d) e . (f) example", "e.example")
        self.check(b" <@x.example,@y.example:a@b.example>", "b.example")
        self.check(b" (a(b\\)c)d) a@b.example", "b.example")
        self.check(b"\r\n\ta@b.\r\n example", "b.example")

    def test_idn(self):
        """U-labels become A-labels (RFC 9989 §5.3.1)."""
        self.check(" a@B\u00dccher.example".encode(), "xn--bcher-kva.example")
        self.check(b" a@xn--bcher-kva.example", "xn--bcher-kva.example")

    def test_addresses(self):
        """Local parts come unquoted, for whoever looks for logos."""
        found = read(b'From: "a b"@c.example, D <d+e@F.example>\r\n')
        self.assertEqual(found.addresses, (("a b", "c.example"), ("d+e", "f.example")))


class TrickTests(SynchronousTestCase):
    """Of a malformed field every domain that any reader could see counts."""

    def both(self, value):
        self.assertEqual(set(of(value)), {"good.example", "evil.example"}, value)

    def test_two_in_a_row(self):
        """Readers take the first or the last of these."""
        self.both(b" <a@good.example><b@evil.example>")
        self.both(b" <a@good.example> b@evil.example")
        self.both(b" a@good.example <b@evil.example>")
        self.both(b" a@good.example b@evil.example")
        self.both(b" <a@good.example>\r\n\t<b@evil.example>")

    def test_lists_with_holes(self):
        """An item without an address, encoded or not."""
        self.both(b" =?utf-8?B?YUBnb29kLmV4YW1wbGU=?=, <b@evil.example>")
        self.both(b" a@good.example, foo, <b@evil.example>")
        self.both(b" =?utf-8?Q?=3Ca=40good.example=3E?= b@evil.example")

    def test_signs(self):
        """Two at signs, and one in full width."""
        self.both(b" a@good.example@evil.example")
        self.both(" a\uff20good.example <b@evil.example".encode())

    def test_controls(self):
        """NUL and other controls end an address for some."""
        self.both(b" a@good.example\0@evil.example")
        found = of(b" a@evil.example\0, b@go\0od.example")
        self.assertLessEqual({"good.example", "evil.example"}, set(found))
        self.both(b" a@good.example\x0b,b@evil.example")

    def test_unclosed(self):
        """Quotes, comments and angles without an end hide nothing."""
        self.both(b' "a@good.example <b@evil.example>')
        self.both(b" (a@good.example <b@evil.example>")
        self.both(b" <a@good.example, b@evil.example")
        self.both(b' a@good.example" <b@evil.example>')
        self.both(b" " + b"(" * 60 + b"a@good.example" + b")" * 60 + b" b@evil.example")

    def test_not_utf8(self):
        """Raw Latin-1 does not hide an address."""
        self.both(b" \xfc a@good.example, <b@evil.example>")

    def test_bad_domains(self):
        """A domain that cannot be does not hide another one in the field."""
        self.both(b" a@evil.example, b@good..example b@good.example")
        self.assertEqual(of(b" 'a@good.example'"), ("good.example",))
        self.assertEqual(of(b" a@good.example."), ("good.example",))

    def test_duplicate_fields(self):
        """Several From fields: all of them count, and none of them can pass."""
        found = read(b"From: a@good.example\r\nX: y\r\nfrom: b@evil.example\r\n")
        self.assertEqual(found.domains, ("good.example", "evil.example"))
        self.assertEqual(found.trouble, "2 From fields")

    def test_spellings_of_the_name(self):
        """White space before the colon, controls, and an indented first line."""
        for field in (
            b"From :",
            b"FROM\t :",
            b"From\0:",
            b"\0From:",
            b"From\x0b:",
            b"\xa0From:",
            b"From\r\n :",
            b"From\r\n \x01:",
        ):
            found = read(field + b" a@good.example\r\nFrom: b@evil.example\r\n")
            self.assertEqual(found.domains, ("good.example", "evil.example"), field)
            self.assertEqual(found.fields, 2)
        found = read(b" From: a@good.example\r\nFrom: b@evil.example\r\n")
        self.assertEqual(found.domains, ("good.example", "evil.example"))

    def test_not_from(self):
        """Continuation lines, other fields and the body are not From."""
        for header in (
            b"X: y\r\n From: a@b.example\r\n",
            b"X-From: a@b.example\r\n",
            b"Fromage: a@b.example\r\n",
            b"X: y\r\n\r\nFrom: a@b.example\r\n",
        ):
            self.assertEqual(read(header).fields, 0, header)

    def test_nobody(self):
        """No field, an empty one, an empty group."""
        self.assertEqual(read(b"To: a@b.example\r\n").fields, 0)
        for value in (b"", b"  ", b" ()", b" undisclosed-recipients:;", b" <>"):
            self.assertEqual(of(value), ())

    def test_literals(self):
        """Nobody can speak for an address literal: that author never passes."""
        found = read(b"From: a@[192.0.2.1], b@good.example\r\n")
        self.assertEqual(found.domains, ("good.example",))
        self.assertIn("without a domain", found.trouble)

    def test_very_long(self):
        """What is too long to read proves nothing."""
        found = read(b"From: " + b" " * FIELD_OCTETS + b" a@good.example\r\n")
        self.assertTrue(found.trouble)
        many = b", ".join(b"a@d%d.example" % n for n in range(DOMAINS + 1))
        found = read(b"From: " + many + b"\r\n")
        self.assertEqual(len(found.domains), DOMAINS)
        self.assertTrue(found.trouble)


class GrammarTests(SynchronousTestCase):
    """The strict reader alone."""

    def test_refused(self):
        """What a correct reader could not take for mailboxes."""
        for value in (
            "a",
            "a@",
            "@b",
            "a@b c@d",
            "a..b@c",
            ".a@b",
            "a.@b",
            "a b@c",
            "<a@b",
            "a@b>",
            "<<a@b>>",
            "<a>",
            "g: a@b",
            "g: h: a@b;;",
            ": a@b;",
            "a@b.",
            "a@.b",
            'a"b"@c',
            "a\\b@c",
            "(a@b",
            "a@b)",
            "<@c a@b>",
            ". <a@b>",
        ):
            with self.assertRaises(Malformed, msg=value):
                mailboxes(value)

    @given(st.text(alphabet='ab@.,;:<>()[]"\\ \t\0\u00e9=?', max_size=60))
    def test_anything(self, value):
        """Any text gives mailboxes or Malformed; the union holds what was found."""
        octets = value.encode()
        domains = set(read(b"From: " + octets + b"\r\n").domains)
        try:
            found = mailboxes(value)
        except Malformed:
            found = []
        named = {ascii_name(domain) for _, domain in found} - {None}
        self.assertLessEqual(named, domains)

    @given(st.binary(max_size=200))
    def test_any_header(self, header):
        """Any octets give an answer with domains that DNS can have."""
        for domain in read(header).domains:
            self.assertEqual(ascii_name(domain), domain)

    @given(
        st.lists(st.sampled_from(["a.example", "b.c.example", "d.test"]), min_size=1),
        st.sampled_from(
            ["{}@{}", "<{}@{}>", "N <{}@{}>", '"q, r" <{}@{}>', "{}@{} (c)"]
        ),
    )
    def test_written_and_read(self, domains, form):
        """What is correctly written is found, each once and in order."""
        value = ", ".join(form.format("x", domain) for domain in domains)
        found = read(b"From: " + value.encode() + b"\r\n")
        self.assertEqual(found.domains, tuple(dict.fromkeys(domains)))

    def test_many_international(self):
        """A-labels are made of a bounded number of names; beyond it nothing passes."""
        some = b", ".join(b"x@\xc3\xa4%d.test" % n for n in range(2))
        self.assertEqual(read(b"From: " + some + b"\r\n").trouble, "")
        for form in (b"<x@%b>, ", b" @%b "):
            names = (b"\xc3\xa4%d.test" % n for n in range(MAPPED + 1))
            value = b"".join(form % name for name in names)
            found = read(b"From: " + value + b"\r\n")
            self.assertIn(f"more than {MAPPED}", found.trouble)
            self.assertEqual(len(found.domains), DOMAINS)


class LabelTests(SynchronousTestCase):
    def test_names(self):
        """Case, the root's dot and U-labels are mapped; nonsense is refused."""
        self.assertEqual(ascii_name("A.Example."), "a.example")
        self.assertEqual(ascii_name("stra\u00dfe.example"), "xn--strae-oqa.example")
        for bad in ("", ".", "a..b", "-a.b", "a b", "x" * 64, "a." * 127 + "b", "a/b"):
            self.assertIsNone(ascii_name(bad), bad)
        self.assertIsNone(ascii_name("\u00fc" * 300))

    def test_relations(self):
        """Names above, and whether one lies within another."""
        self.assertEqual(parents("a.b.c"), ["b.c", "c"])
        self.assertTrue(within("a.b", "b"))
        self.assertFalse(within("ab", "b"))

"""Tag lists, names, and header fields as signatures see them."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth.dkim import canonical, headers, names, tags
from mailsuite.mailauth.dkim.canonical import Canon


class ListTests(SynchronousTestCase):
    """RFC 6376 §3.2."""

    def read(self, octets):
        return {name: tag.value for name, tag in tags.parse(octets).items()}

    def test_spaces(self):
        """White space around names and values is no part of them."""
        found = self.read(b" a = 1 ;\r\n\tb=\r\n x y\t;c=;")
        self.assertEqual(found, {b"a": b"1", b"b": b"x y", b"c": b""})

    def test_offsets(self):
        """The offsets enclose the value with its white space."""
        octets = b"v=1; b = ab \r\n cd ; c=x"
        tag = tags.parse(octets)[b"b"]
        self.assertEqual(octets[tag.start : tag.end], b" ab \r\n cd ")

    def test_equals_in_value(self):
        """A value may hold equals signs and octets of UTF-8."""
        self.assertEqual(self.read(b"b=aa==;d=\xc3\xa9.x")[b"b"], b"aa==")

    def test_case(self):
        """Names differ by case."""
        self.assertEqual(self.read(b"a=1; A=2"), {b"a": b"1", b"A": b"2"})

    def test_refused(self):
        """What is no tag list is none."""
        for octets in (
            b"",
            b" ",
            b";",
            b"a=1;;b=2",
            b"a",
            b"a=1; b",
            b"=1",
            b"1a=1",
            b"a b=1",
            b"a=1; a=2",
            b"a=\x001",
            b"a=\x7f",
            b"v=1; \xc3\xa9=1",
        ):
            self.assertRaises(ValueError, tags.parse, octets)

    def test_too_many(self):
        """More than a hundred tags are none."""
        octets = b";".join(b"t%d=1" % n for n in range(101))
        self.assertRaises(ValueError, tags.parse, octets)

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=200))
    def test_garbage(self, octets):
        """Garbage is refused with ValueError, or read; nothing else happens."""
        try:
            found = tags.parse(octets)
        except ValueError:
            return
        for tag in found.values():
            self.assertEqual(octets[tag.start : tag.end].strip(b" \t\r\n"), tag.value)

    def test_linear(self):
        """Long values and long white space take time in proportion."""
        for octets in (b"a=" + b" " * 500_000 + b"\0", b"a" * 500_000, b" " * 500_000):
            before = time.process_time()
            self.assertRaises(ValueError, tags.parse, octets)
            self.assertLess(time.process_time() - before, 5)

    def test_base64(self):
        """Base64 may be folded, and must be padded and clean."""
        self.assertEqual(tags.octets(b"aGVs\r\n bG8="), b"hello")
        for value in (b"aGVsbG8", b"aGVsb-8=", b"=", b"aGVsbG8=x", b"aGVsbG8=="):
            self.assertRaises(ValueError, tags.octets, value)

    def test_numbers(self):
        """Numbers are digits, and not too many."""
        self.assertEqual(tags.number(b"0012", 12), 12)
        for value in (b"", b"-1", b"+1", b"1 2", b"1_0", b"\xd9\xa1", b"1" * 13):
            self.assertRaises(ValueError, tags.number, value, 12)


class NameTests(SynchronousTestCase):
    """RFC 8616 §5."""

    def test_a_labels(self):
        """U-labels become A-labels, and case goes."""
        self.assertEqual(
            names.domain_name("Bücher.Example".encode()), "xn--bcher-kva.example"
        )
        self.assertEqual(names.domain_name(b"Mail.Example.COM"), "mail.example.com")

    def test_refused(self):
        """What is no domain of two labels is none."""
        for octets in (
            b"",
            b"com",
            b".example.com",
            b"example.com.",
            b"a..b",
            b"-a.b",
            b"a.b-",
            b"a b.c",
            b"[192.0.2.1]",
            b"\xff.example",
            b"a." * 127 + b"b",
            b"x" * 64 + b".example",
            "a\u3002b\u00ad-.c".encode(),
        ):
            self.assertEqual(names.domain_name(octets), "")


class HeaderTests(SynchronousTestCase):
    """Fields, chosen and canonicalized."""

    def test_relaxed_example(self):
        """RFC 6376 §3.4.5 has its relaxed form."""
        header = headers.read(b"A: X\r\nB : Y\t\r\n\tZ  \r\n")
        made = header.chosen([b"a", b"b"], Canon.RELAXED)
        self.assertEqual(made, b"a:X\r\nb:Y Z\r\n")

    def test_simple_example(self):
        """Simple leaves all as it is."""
        octets = b"A: X\r\nB : Y\t\r\n\tZ  \r\n"
        made = headers.read(octets).chosen([b"a", b"b"], Canon.SIMPLE)
        self.assertEqual(made, octets)

    def test_empty_value(self):
        """A field without text keeps its colon."""
        self.assertEqual(canonical.relaxed(b"X: \r\n \r\n"), b"x:\r\n")

    def test_from_the_bottom(self):
        """Each mention takes the next one above (RFC 6376 §5.4.2)."""
        header = headers.read(b"A: 1\r\nB: 2\r\nA: 3\r\n")
        chosen = header.chosen([b"a", b"b", b"a", b"a", b"c"], Canon.RELAXED)
        self.assertEqual(chosen, b"a:3\r\nb:2\r\na:1\r\n")

    def test_own_field(self):
        """A signature does not sign its own field."""
        header = headers.read(b"S: 1\r\nS: 2\r\n")
        self.assertEqual(header.chosen([b"s", b"s"], Canon.SIMPLE, 1), b"S: 1\r\n")

    def test_broken(self):
        """What readers disagree about is told, and no field of it is used."""
        for octets in (
            b"A: 1\nB: 2\r\n",
            b"A: 1\rB: 2\r\n",
            b"A: 1\r\nB\r\n",
            b" A: 1\r\n",
            b"A: 1\r\nB: 2",
            b"A: 1\r\n\r\nB: 2\r\n",
            b": 1\r\n",
            b"\xc3\xa9: 1\r\n",
        ):
            self.assertNotEqual(headers.read(octets).broken, "", octets)
        self.assertEqual(headers.read(b"").broken, "")

    def test_bounds(self):
        """Too many fields or octets make a header that nobody can have signed."""
        self.assertIn("1000 fields", headers.read(b"A: 1\r\n" * 1001).broken)
        self.assertEqual(headers.read(b"A: 1\r\n" * 1000).broken, "")
        self.assertIn("octets", headers.read(b"A: " + b"1" * 262_144 + b"\r\n").broken)

    def test_split(self):
        """A message is cut at its first blank line."""
        self.assertEqual(
            headers.split(b"A: 1\r\n\r\nb\r\n\r\nc"), (b"A: 1\r\n", b"b\r\n\r\nc")
        )
        self.assertEqual(headers.split(b"\r\nb"), (b"", b"b"))
        self.assertEqual(headers.split(b"A: 1\r\n"), (b"A: 1\r\n", b""))

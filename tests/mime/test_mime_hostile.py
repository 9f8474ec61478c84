"""Whatever octets come, the scan ends with something that can be told."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import dates, headers, limits, structure, text, words
from mailsuite.mime.scan import scan
from mailsuite.model.structure import Part
from tests.support.mime import hostile, nested
from tests.support.sexp import is_body, is_envelope, read

SIZE = 60_000  # octets of each attack here; time is proven by counting below

_PIECES = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"--", b"--b", b"--bb", b"--b--",
        b"\r\n\r\n", b"\n\n", b"\r\n--b\r\n", b"\r\n--bb\r\n", b"\n--b--\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: multipart/digest; boundary=bb\r\n",
        b"Content-Type: message/rfc822\r\n", b"Content-Type: text/html; charset=",
        b"Content-Disposition: attachment; filename*0*=", b"Content-ID:",
        b"Content-Language: a, b", b"Content-MD5: ", b"Content-Transfer-Encoding: ",
        b"From: ", b"To: ", b"Cc:", b"Subject: ", b"Date: ", b"Message-ID: ", b"<", b">",
        b"@", b"a@b.c", b",", b";", b":", b"(", b")", b'"', b"\\", b"[", b"]", b"=", b"a",
        b"\xc3\xa4", b"\xff", b"=?utf-8?q?=C3?=", b"{3}", b"NIL", b"%", b"*", b"'",
    ]
)  # fmt: skip
_OCTETS = st.binary(max_size=300) | st.lists(_PIECES, max_size=40).map(b"".join)


class AnyOctetsTests(SynchronousTestCase):
    def bounded(self, part: Part, start: int, end: int) -> None:
        self.assertTrue(start <= part.start <= part.body <= part.end <= end)
        at = part.body
        for child in part.parts:
            self.bounded(child, at, part.end)
            at = child.end

    def sound(self, octets: bytes) -> Part:
        got = scan(octets)
        self.assertTrue(is_envelope(read(got.envelope)), got.envelope)
        self.assertTrue(is_body(read(got.structure), extended=True), got.structure)
        part = structure.decode(got.parts)
        self.assertEqual(structure.encode(part), got.parts)
        self.assertEqual(structure.render(part), got.structure)
        self.assertTrue(is_body(read(structure.render_body(part)), extended=False))
        self.assertEqual(
            (part.start, part.body, part.end), (0, got.header_size, len(octets))
        )
        self.bounded(part, 0, len(octets))
        return part

    @given(_OCTETS)
    def test_scan(self, octets):
        """Any octets: grammatical answers, offsets nested and rising, no error."""
        self.sound(octets)

    @given(_OCTETS)
    def test_fields(self, octets):
        """Fields are found in any octets, and all are lines of them."""
        for name, whole in headers.fields(octets):
            self.assertIn(whole, octets)
            self.assertEqual(name, name.lower())
        chosen = headers.select(octets, [b"subject"])
        self.assertTrue(not chosen or chosen.endswith(b"\n"))

    @given(_OCTETS)
    def test_text(self, octets):
        """The text of any octets can be had, and encoded again."""
        part = structure.decode(scan(octets).parts)
        for piece in text.searchable(octets, part, header=True):
            piece.encode("utf-8", "surrogatepass")

    @given(_OCTETS)
    def test_values(self, octets):
        """Words and dates are read from any octets."""
        self.assertNotIn("\0", words.decode(octets))
        dates.parse(octets)


def _row(name: str, octets: bytes):
    def test(self):
        self.sound(octets)

    test.__doc__ = f"Survive: {name}."
    return test


class HostileTests(AnyOctetsTests):
    """Every attack by its name, with the soundness of any octets."""

    for _name, _octets in hostile(SIZE):
        locals()["test_" + _name.replace(" ", "_").replace("-", "_")] = _row(
            _name, _octets
        )
    test_scan = test_fields = test_text = test_values = None


class LimitTests(SynchronousTestCase):
    def depth(self, part: Part) -> int:
        return 1 + max(map(self.depth, part.parts), default=-1)

    def count(self, part: Part) -> int:
        return 1 + sum(map(self.count, part.parts))

    def test_depth(self):
        """Beyond the depth limit a multipart is an opaque leaf."""
        root = structure.decode(scan(nested(limits.DEPTH + 50)).parts)
        self.assertEqual(self.depth(root), limits.DEPTH)
        while root.parts:
            root = root.parts[0]
        self.assertEqual((root.type, root.subtype), ("application", "octet-stream"))

    def test_depth_allowed(self):
        """Up to the limit all is looked into."""
        root = structure.decode(scan(nested(limits.DEPTH)).parts)
        while root.parts:
            root = root.parts[0]
        self.assertEqual(root.type, "text")

    def test_messages_in_messages(self):
        """The same limit counts embedded messages."""
        octets = b"Content-Type: message/rfc822\r\n\r\n" * (limits.DEPTH + 9)
        root = structure.decode(scan(octets).parts)
        self.assertEqual(self.depth(root), limits.DEPTH)

    def test_parts(self):
        """Beyond the limit of parts the last one holds the rest."""
        octets = (
            b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 12_000
        )
        root = structure.decode(scan(octets).parts)
        self.assertEqual(len(root.parts), limits.PARTS + 1)
        self.assertEqual(root.parts[-1].end, len(octets))

    def test_a_mebioctet_of_each(self):
        """A whole mebioctet of each attack stays within parts and octets told."""
        for name, octets in hostile():
            got = scan(octets)
            count = got.parts.count(b"\0") // 4 + 1
            self.assertTrue(count <= limits.PARTS + 2, name)
            told = len(got.envelope) + len(got.structure) + len(got.parts)
            self.assertTrue(told <= 7 * len(octets), name)

    def test_lookalikes(self):
        """After too many lines that only begin like a delimiter, none is sought."""
        head = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"
        like = b"\n--bb" * limits.LOOKALIKES
        allowed = structure.decode(scan(head + like + b"\n--b\n\nx").parts)
        self.assertEqual(len(allowed.parts), 2)
        more = structure.decode(scan(head + like + b"\n--bb\n--b\n\nx").parts)
        self.assertEqual(len(more.parts), 1)

    def test_addresses(self):
        """No more addresses than the limit are told, in all fields together."""
        octets = (
            b"To: " + b"a@b," * 7000 + b"\r\nCc: " + b"<@x:c@d>," * 7000 + b"\r\n\r\n"
        )
        got = read(scan(octets).envelope)
        told = len(got[5]) + len(got[6])
        self.assertEqual(len(got[5]), 7000)
        self.assertTrue(7000 < told <= limits.ADDRESSES)

    def test_header_lines(self):
        """Fields after ten thousand lines are not read."""
        octets = b"X: y\r\n" * limits.HEADER_LINES + b"Subject: late\r\n\r\n"
        self.assertEqual(read(scan(octets).envelope)[1], None)

    def test_header_octets(self):
        """Fields after a mebioctet are not read."""
        octets = b"X: " + b"y" * limits.HEADER_OCTETS + b"\r\nSubject: late\r\n\r\n"
        got = scan(octets)
        self.assertEqual(read(got.envelope)[1], None)
        self.assertEqual(got.header_size, len(octets))

    def test_comments(self):
        """A comment nested 50 deep is skipped, a deeper one ends the field."""
        deep = b"From: %b a@b\r\n\r\n"
        allowed = b"(" * limits.COMMENT_NESTING + b")" * limits.COMMENT_NESTING
        got = read(scan(deep % allowed).envelope)[2]
        self.assertEqual(got[0][2:], [b"a", b"b"])
        self.assertEqual(read(scan(deep % (b"(" + allowed + b")")).envelope)[2], None)

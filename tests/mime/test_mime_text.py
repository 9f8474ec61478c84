"""Transfer encodings and what SEARCH looks through."""

import base64
from binascii import b2a_qp

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import limits, structure, text, transfer
from mailsuite.mime.scan import scan

BIG = limits.SLICE_OCTETS


class TransferTests(SynchronousTestCase):
    @given(st.binary(max_size=300))
    def test_base64(self, octets):
        """What is encoded comes back, whatever the line ends."""
        coded = base64.encodebytes(octets).replace(b"\n", b" \r\n")
        self.assertEqual(transfer.decode(coded, "BASE64"), octets)

    @given(st.binary(max_size=300))
    def test_quoted_printable(self, octets):
        """Likewise for quoted-printable."""
        coded = b2a_qp(octets, quotetabs=True, istext=False)
        self.assertEqual(transfer.decode(coded, "quoted-printable"), octets)

    @given(
        st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "x"])
    )
    def test_any(self, octets, encoding):
        """Any octets are decoded to something."""
        transfer.decode(octets, encoding)

    def test_sliced(self):
        """Slices join to the whole, where a line or a code would be cut too."""
        octets = bytes(range(256)) * 2000
        for coded in (base64.encodebytes(octets), base64.b64encode(octets)):
            pieces = list(transfer.slices(coded, 0, len(coded), "base64"))
            self.assertEqual(b"".join(pieces), octets)
            self.assertTrue(max(map(len, pieces)) <= BIG)
        coded = b"".join(b"=%02X" % octet for octet in octets)
        pieces = list(transfer.slices(coded, 0, len(coded), "quoted-printable"))
        self.assertEqual(b"".join(pieces), octets)
        self.assertTrue(max(map(len, pieces)) <= BIG)

    def test_joined_base64(self):
        """Two encoded pieces in a row are both decoded."""
        self.assertEqual(transfer.decode(b"YQ==YmM=\r\nZA", "base64"), b"abcd")

    def test_much_padding(self):
        """A mebioctet of padding is nothing."""
        self.assertEqual(transfer.decode(b"=" * 1_048_576, "base64"), b"")


def found(octets: bytes, needle: str, *, header: bool = False) -> bool:
    part = structure.decode(scan(octets).parts, extended=False)
    return text.holds(text.searchable(octets, part, header=header), needle)


class SearchableTests(SynchronousTestCase):
    def test_encodings(self):
        """Text is found behind its encoding and charset, in any case."""
        octets = (
            b"Content-Type: text/plain; charset=koi8-r\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n"
        ) + base64.encodebytes("Привет, мир".encode("koi8-r"))
        self.assertTrue(found(octets, "привет"))
        self.assertFalse(found(octets, "koi8"))

    def test_folded_header(self):
        """Fields are unfolded, words in two lines of one field joined."""
        octets = b"A: b\r\n\tc\r\nS: =?utf-8?q?Gr=C3=BC?=\r\n =?utf-8?q?n?=\r\n\r\n"
        self.assertTrue(found(octets, "b\tc", header=True))
        self.assertTrue(found(octets, "s: grün", header=True))
        self.assertFalse(found(octets, "cs:", header=True))

    def test_header_of_two_charsets(self):
        """A line that is no UTF-8 spoils no other."""
        octets = b"A: gr\xc3\xbcn\r\nB: gr\xfcn\r\nC: =?utf-8?q?=C3=BC?=\r\n\r\n"
        for needle in ("a: grün", "b: grün", "c: ü"):
            self.assertTrue(found(octets, needle, header=True))

    def test_long_header(self):
        """A field that lies across the pieces of a header is found."""
        filler = b"".join(b"X: %d\r\n y\r\n" % n for n in range(1_500))
        told = [f"X: {n} y" for n in range(1_500)]
        for n in range(12):
            octets = filler + b"N: " + b"." * n + b"\r\n" + filler + b"\r\n"
            part = structure.decode(scan(octets).parts)
            lines = "".join(text.searchable(octets, part, header=True)).split("\n")
            self.assertEqual(lines[:3_001], [*told, "N: " + "." * n, *told])

    def test_header(self):
        """TEXT looks into the decoded header, BODY does not."""
        octets = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nbody"
        self.assertTrue(found(octets, "grüße", header=True))
        self.assertFalse(found(octets, "grüße"))

    def test_inner(self):
        """Headers of inner messages belong to the body; attachments are left out."""
        octets = (
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
            b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ndeep\r\n--b\r\n"
            b"Content-Type: application/x; name=file\r\n\r\nbinary\r\n--b--\r\n"
        )
        for needle in ("inner", "deep", "name=file"):
            self.assertTrue(found(octets, needle), needle)
        self.assertFalse(found(octets, "binary"))

    def test_across_slices(self):
        """What lies across two slices is found."""
        octets = b"\r\n" + b"a" * (BIG - 3) + b"needle" + b"b" * BIG
        self.assertTrue(found(octets, "Needle"))

    def test_character_across_slices(self):
        """So is a character that a slice cuts."""
        octets = (
            b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
            + b"a" * (BIG - 1)
            + "ä".encode()
        )
        self.assertTrue(found(octets, "aä"))

    def test_pieces_are_bounded(self):
        """No piece is larger than a slice, so a door may let others in between."""
        octets = b"X: " + b"y\r\n z" * 300_000 + b"\r\n\r\n" + b"x" * 3_000_000
        part = structure.decode(scan(octets).parts)
        for piece in text.searchable(octets, part):
            self.assertTrue(len(piece) <= BIG)

    def test_report(self):
        """What a bounce tells in its message/delivery-status is text too."""
        octets = (
            b"Content-Type: multipart/report; boundary=b\r\n\r\n"
            b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            b"Diagnostic-Code: smtp; 550 nobody here\r\n--b--\r\n"
        )
        self.assertTrue(found(octets, "nobody here"))

    def test_wrong_label(self):
        """Text in ISO 8859-1 that calls itself ASCII is found all the same."""
        octets = b"\r\n" + "Grüße".encode("latin-1") + b" " * 9
        self.assertTrue(found(octets, "grüße"))

    def test_no_byte_order_mark(self):
        """UTF-16 without a mark is big-endian (RFC 2781 §4.3), with one as it says."""
        for name, mark in (
            ("utf-16-be", b""),
            ("utf-16-be", b"\xfe\xff"),
            ("utf-16-le", b"\xff\xfe"),
        ):
            body = base64.encodebytes(mark + "zebra".encode(name))
            head = b"Content-Type: text/plain; charset=utf-16\r\n"
            head += b"Content-Transfer-Encoding: base64\r\n\r\n"
            self.assertTrue(found(head + body, "zebra"), (name, mark))

    @given(
        st.sampled_from(
            ("utf-16", "utf-32", "utf-7", "iso-2022-jp", "iso-2022-kr", "hz", "big5")
        ),
        st.lists(
            st.binary(max_size=20)
            | st.sampled_from((b"\x1b$", b"\x1b", b"(B", b"\xff"))
        ),
    )
    def test_any_octets_in_any_charset(self, label, pieces):
        """Whatever stands there, wherever a slice ends, something is read."""
        decoder = text._decoder(label, b"".join(pieces[:1]))
        for piece in pieces:
            self.assertIsInstance(text._replaced(decoder, piece), str)
        self.assertIsInstance(text._replaced(decoder, b"", final=True), str)

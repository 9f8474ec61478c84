"""ENVELOPE, BODYSTRUCTURE and offsets of well-formed and ordinary messages."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import parameters, structure, transfer
from mailsuite.mime.scan import scan
from tests.support.sexp import read


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("utf-8")


RFC3501 = crlf("""\
Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev1 WG mtg summary and minutes
To: imap@cac.washington.edu
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.edu>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

body
""")

RFC2046_SIMPLE = crlf("""\
From: Nathaniel Borenstein <nsb@bellcore.com>
To: John Doe <jdoe@example.net>
Date: Sun, 21 Mar 1993 23:56:48 -0800 (PST)
Subject: Sample message
MIME-Version: 1.0
Content-type: multipart/mixed; boundary="simple boundary"

This is the preamble.  It is to be ignored, though it
is a handy place for composition agents to include an
explanatory note to non-MIME conformant readers.

--simple boundary

This is implicitly typed plain US-ASCII text.
It does NOT end with a linebreak.
--simple boundary
Content-type: text/plain; charset=us-ascii

This is explicitly typed plain US-ASCII text.
It DOES end with a linebreak.

--simple boundary--

This is the epilogue.  It is also to be ignored.
""")

RFC2049 = crlf("""\
MIME-Version: 1.0
From: Nathaniel Borenstein <nsb@nsb.fv.com>
To: John Doe <jdoe@example.net>
Date: Fri, 07 Oct 1994 16:15:05 -0700 (PDT)
Subject: A multipart example
Content-Type: multipart/mixed;
              boundary=unique-boundary-1

preamble
--unique-boundary-1

  ... Some text appears here ...

--unique-boundary-1
Content-type: text/plain; charset=US-ASCII

This could have been part of the previous part.

--unique-boundary-1
Content-Type: multipart/parallel; boundary=unique-boundary-2

--unique-boundary-2
Content-Type: audio/basic
Content-Transfer-Encoding: base64

AAAA
--unique-boundary-2
Content-Type: image/jpeg
Content-Transfer-Encoding: base64

BBBBBBBB
--unique-boundary-2--

--unique-boundary-1
Content-type: text/enriched

This is <bold><italic>enriched.</italic></bold>

--unique-boundary-1
Content-Type: message/rfc822

From: (mailbox in US-ASCII)
To: (address in US-ASCII)
Subject: (subject in US-ASCII)
Content-Type: Text/plain; charset=ISO-8859-1
Content-Transfer-Encoding: Quoted-printable

  ... Additional text in ISO-8859-1 goes here ...

--unique-boundary-1--
""")


def body_of(octets: bytes, *path: int) -> bytes | None:
    part = structure.find(structure.decode(scan(octets).parts), path)
    return part and octets[part.body : part.end]


class EnvelopeTests(SynchronousTestCase):
    def test_rfc3501_example(self):
        """The example of RFC 3501 §8 is rendered octet for octet."""
        self.assertEqual(
            scan(RFC3501).envelope,
            b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)"'
            b' "IMAP4rev1 WG mtg summary and minutes"'
            b' (("Terry Gray" NIL "gray" "cac.washington.edu"))'
            b' (("Terry Gray" NIL "gray" "cac.washington.edu"))'
            b' (("Terry Gray" NIL "gray" "cac.washington.edu"))'
            b' ((NIL NIL "imap" "cac.washington.edu"))'
            b' ((NIL NIL "minutes" "CNRI.Reston.VA.US")'
            b'("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL'
            b' "<B27397-0100000@cac.washington.edu>")',
        )

    def test_nothing(self):
        """A message without a header has an envelope of NIL."""
        self.assertEqual(read(scan(b"").envelope), [None] * 10)

    def test_present_but_empty(self):
        """An empty Subject is the empty string, empty lists are NIL (§7.4.2)."""
        got = read(scan(b"Subject:\r\nTo: \r\nSender:\r\nFrom: a@b\r\n\r\n").envelope)
        self.assertEqual(got[1], b"")
        self.assertEqual(got[5], None)
        self.assertEqual(got[3], got[2])
        self.assertEqual(got[4], [[None, None, b"a", b"b"]])

    def test_own_sender_and_reply_to(self):
        """Sender and Reply-To of their own are told."""
        got = read(
            scan(b"From: a@b\r\nSender: c@d\r\nReply-To: e@f, g@h\r\n\r\n").envelope
        )
        self.assertEqual(got[3], [[None, None, b"c", b"d"]])
        self.assertEqual(len(got[4]), 2)

    def test_group(self):
        """A group has a start with its name and an end of four NILs."""
        octets = b"To: A Group:Ed Jones <joe@where.test>,John <jdoe@one.test>;\r\n\r\n"
        self.assertEqual(
            read(scan(octets).envelope)[5],
            [
                [None, None, b"A Group", None],
                [b"Ed Jones", None, b"joe", b"where.test"],
                [b"John", None, b"jdoe", b"one.test"],
                [None, None, None, None],
            ],
        )

    def test_folded(self):
        """Folding is undone without losing the white space (RFC 5322 §2.2.3)."""
        got = read(scan(b"Subject: one\r\n two\r\n\tthree\r\n\r\n").envelope)
        self.assertEqual(got[1], b"one two\tthree")

    def test_specials(self):
        """Quotes and backslashes are escaped, 8-bit octets go into a literal."""
        self.assertIn(rb'"a \"b\" \\c"', scan(b'Subject: a "b" \\c\r\n\r\n').envelope)
        octets = "Subject: Grüße\r\n\r\n".encode()
        self.assertIn("{7}\r\nGrüße".encode(), scan(octets).envelope)

    def test_nul(self):
        """NUL is never told (RFC 3501 §9 CHAR8)."""
        self.assertIn(b'"ab"', scan(b"Subject: a\0b\r\n\r\n").envelope)

    def test_encoded_words_stay(self):
        """RFC 2047 is left to the client."""
        octets = b'From: =?utf-8?q?=C3=A4?= <a@b>\r\nSubject: =?x?q?"?=\r\n\r\n'
        got = read(scan(octets).envelope)
        self.assertEqual(got[2][0][0], b"=?utf-8?q?=C3=A4?=")
        self.assertEqual(got[1], b'=?x?q?"?=')

    def test_first_counts_and_lists_add(self):
        """Of two subjects the first is told, of two To fields all addresses."""
        octets = b"Subject: 1\r\nTo: a@b\r\nSubject: 2\r\nTO : c@d\r\n\r\n"
        got = read(scan(octets).envelope)
        self.assertEqual(got[1], b"1")
        self.assertEqual([one[2] for one in got[5]], [b"a", b"c"])

    def test_line_feeds_only(self):
        """A file with bare line feeds has the same envelope."""
        self.assertEqual(
            scan(RFC3501.replace(b"\r\n", b"\n")).envelope, scan(RFC3501).envelope
        )


class StructureTests(SynchronousTestCase):
    def test_rfc3501_example(self):
        """Type and parameters stand as given, size and lines as they lie."""
        found = structure.decode(scan(RFC3501).parts)
        self.assertEqual(
            structure.render_body(found),
            b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7bit" 6 1)',
        )

    def test_no_fields(self):
        """Without MIME fields it is plain text in US-ASCII, 7bit (RFC 2045 §5.2)."""
        self.assertEqual(
            scan(b"Subject: x\r\n\r\na\r\nb").structure,
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 1'
            b" NIL NIL NIL NIL)",
        )

    def test_all_fields(self):
        """Every field of the extension data is told."""
        octets = crlf(
            'Content-Type: image/GIF; name="a;b"\nContent-ID: <x@y>\n'
            "Content-Description: a picture\nContent-Transfer-Encoding: BASE64\n"
            "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
            "Content-Disposition: attachment; filename=a b.gif; size=3\n"
            "Content-Language: de, en\nContent-Location: http://x.example/\n\nAAAA"
        )
        self.assertEqual(
            scan(octets).structure,
            b'("image" "GIF" ("name" "a;b") "<x@y>" "a picture" "BASE64" 4'
            b' "Q2hlY2sgSW50ZWdyaXR5IQ==" ("attachment" ("filename" "a b.gif"'
            b' "size" "3")) ("de" "en") "http://x.example/")',
        )

    def test_rfc2046_simple(self):
        """The line break before a delimiter is the delimiter's (RFC 2046 §5.1.1)."""
        self.assertTrue(
            body_of(RFC2046_SIMPLE, 1).endswith(b"NOT end with a linebreak.")
        )
        self.assertTrue(body_of(RFC2046_SIMPLE, 2).endswith(b"with a linebreak.\r\n"))
        self.assertEqual(body_of(RFC2046_SIMPLE, 3), None)

    def test_rfc2049_complex(self):
        """The complex example of RFC 2049 has the tree that its text says."""
        got = scan(RFC2049)
        self.assertEqual(
            structure.render_body(structure.decode(got.parts)),
            b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 34 1)'
            b'("text" "plain" ("charset" "US-ASCII") NIL NIL "7bit" 49 1)'
            b'(("audio" "basic" NIL NIL NIL "base64" 4)'
            b'("image" "jpeg" NIL NIL NIL "base64" 8) "parallel")'
            b'("text" "enriched" ("charset" "us-ascii") NIL NIL "7bit" 49 1)'
            b'("message" "rfc822" NIL NIL NIL "7bit" 232'
            b' (NIL "(subject in US-ASCII)" NIL NIL NIL NIL NIL NIL NIL NIL)'
            b' ("Text" "plain" ("charset" "ISO-8859-1") NIL NIL'
            b' "Quoted-printable" 51 1) 7) "mixed")',
        )
        self.assertEqual(body_of(RFC2049, 3, 2), b"BBBBBBBB")
        self.assertTrue(body_of(RFC2049, 5, 1).startswith(b"  ... Additional"))

    def test_not_extended(self):
        """Without extensions a tree has the same places, types and encodings."""
        parts = scan(RFC2049).parts
        whole, short = structure.decode(parts), structure.decode(parts, extended=False)
        for path in ((), (1,), (3,), (3, 1), (5,)):
            one, other = structure.find(whole, path), structure.find(short, path)
            for name in ("start", "body", "end", "type", "encoding", "parameters"):
                if name != "parameters" or not one.parts:
                    self.assertEqual(getattr(one, name), getattr(other, name))

    def test_digest(self):
        """Parts of multipart/digest are messages unless they say otherwise."""
        octets = crlf(
            "Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: one\n\n1\n"
            "--d\nContent-Type: text/plain\n\n2\n--d--\n"
        )
        found = structure.decode(scan(octets).parts)
        self.assertEqual([one.type for one in found.parts], ["message", "text"])
        self.assertIn(b'"one"', found.parts[0].envelope)

    def test_multipart_in_message(self):
        """Numbers go through an embedded message into its multipart (§6.4.5)."""
        octets = crlf(
            "Content-Type: multipart/mixed; boundary=o\n\n--o\n"
            "Content-Type: message/rfc822\n\nSubject: inner\n"
            "Content-Type: multipart/mixed; boundary=i\n\n--i\n\nfirst\n--i\n\nsecond\n"
            "--i--\n\n--o--\n"
        )
        self.assertEqual(body_of(octets, 1, 2), b"second")
        self.assertEqual(body_of(octets, 1, 3), None)
        self.assertEqual(body_of(octets, 1, 1, 1), None)
        self.assertTrue(body_of(octets, 1).startswith(b"Subject: inner"))

    def test_part_one_of_a_single_part(self):
        """BODY[1] of a message that is no multipart is its body."""
        self.assertEqual(body_of(RFC3501, 1), b"body\r\n")
        self.assertEqual(body_of(RFC3501, 2), None)
        self.assertEqual(body_of(RFC3501, 1, 1), None)
        self.assertEqual(body_of(RFC3501, 0), None)

    def test_outer_begins_inner(self):
        """A boundary that begins another does not cut it."""
        octets = crlf(
            "Content-Type: multipart/mixed; boundary=a\n\n--a\n"
            "Content-Type: multipart/mixed; boundary=ab\n\n--ab\n\none\n--ab\n\ntwo\n"
            "--ab--\n--a\n\nthree\n--a--\n"
        )
        self.assertEqual(body_of(octets, 1, 2), b"two")
        self.assertEqual(body_of(octets, 2), b"three")

    def test_inner_begins_outer(self):
        """Nor does one that ends the other's name."""
        octets = crlf(
            "Content-Type: multipart/mixed; boundary=ab\n\n--ab\n"
            "Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--a\n\ntwo\n"
            "--ab\n\nthree\n--ab--\n"
        )
        self.assertEqual(body_of(octets, 1, 2), b"two")
        self.assertEqual(body_of(octets, 2), b"three")

    def test_boundary_that_ends_with_hyphens(self):
        """``--`` inside a boundary is not the end of the multipart."""
        octets = crlf(
            'Content-Type: multipart/mixed; boundary="x--"\n\n--x--\n\none\n--x--\n\n'
            "two\n--x----\n"
        )
        self.assertEqual(body_of(octets, 2), b"two")

    def test_unclosed(self):
        """Without an end the last part reaches to the end of the message."""
        octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nrest\r\n"
        self.assertEqual(body_of(octets, 1), b"rest\r\n")

    def test_unclosed_inside(self):
        """The outer delimiter ends an inner multipart that is not closed."""
        octets = crlf(
            "Content-Type: multipart/mixed; boundary=o\n\n--o\n"
            "Content-Type: multipart/mixed; boundary=i\n\n--i\n\none\n--o\n\ntwo\n--o--"
        )
        self.assertEqual(body_of(octets, 1, 1), b"one")
        self.assertEqual(body_of(octets, 2), b"two")

    def test_white_space_after_a_delimiter(self):
        """Transport padding is passed over (RFC 2046 §5.1.1)."""
        octets = b"Content-Type: multipart/mixed; boundary=b\n\n--b \t\r\n\r\none\r\n--b-- \n"
        self.assertEqual(body_of(octets, 1), b"one")

    def test_no_delimiter(self):
        """A multipart without parts is told as the plain text that it is."""
        octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\nonly text\r\n"
        found = structure.decode(scan(octets).parts)
        self.assertEqual(
            (found.type, found.subtype, found.parts), ("text", "plain", ())
        )
        self.assertEqual(body_of(octets, 1), b"only text\r\n")

    def test_no_boundary(self):
        """So is one without a boundary, or with one over 998 octets."""
        for value in (b"", b"; boundary=", b'; boundary="%b"' % (b"b" * 999)):
            octets = b"Content-Type: multipart/mixed%b\r\n\r\n--\r\n\r\nx\r\n" % value
            self.assertEqual(structure.decode(scan(octets).parts).type, "text")

    def test_boundary_of_998(self):
        """A boundary of 998 octets is tolerated."""
        boundary = b"b" * 998
        octets = b"Content-Type: multipart/mixed; boundary=%b\n\n--%b\n\nx\n--%b--" % (
            (boundary,) * 3
        )
        self.assertEqual(body_of(octets, 1), b"x")

    def test_empty_parts(self):
        """Delimiters with nothing between them are empty parts."""
        octets = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b--\n"
        found = structure.decode(scan(octets).parts)
        self.assertEqual([(one.size, one.lines) for one in found.parts], [(0, 0)] * 2)

    def test_extended_boundary(self):
        """A boundary in the form of RFC 2231 is understood."""
        octets = (
            b"Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\n\n"
            b"--ab\n\nx\n--ab--"
        )
        self.assertEqual(body_of(octets, 1), b"x")

    def test_line_feeds_only(self):
        """Offsets and sizes are those of the octets, also with bare line feeds."""
        octets = RFC2046_SIMPLE.replace(b"\r\n", b"\n")
        self.assertEqual(
            body_of(octets, 2),
            b"This is explicitly typed plain US-ASCII text.\n"
            b"It DOES end with a linebreak.\n",
        )

    def test_bad_types(self):
        """An unreadable Content-Type is plain text (RFC 2045 §5.2)."""
        for value in (b"", b"text", b"/", b'"text/html"', b"text / ", b"\xff/\xff"):
            octets = b"Content-Type: %b\r\n\r\nx" % value
            self.assertTrue(
                scan(octets).structure.startswith(b'("text" "plain" ("charset"'), value
            )

    def test_header_size(self):
        """The header's size counts the blank line."""
        self.assertEqual(scan(b"A: b\r\n\r\nbody").header_size, 8)
        self.assertEqual(scan(b"A: b\n\nbody\r\n\r\n").header_size, 6)
        self.assertEqual(scan(b"\r\nbody").header_size, 2)
        self.assertEqual(scan(b"A: b\r\n").header_size, 6)

    def test_long_header(self):
        """A header longer than the first look is found whole."""
        head = b"X-A: b\r\n" * 5000
        got = scan(head + b"Subject: s\r\n\r\nbody\r\n\r\n")
        self.assertEqual(got.header_size, len(head) + 14)
        self.assertIn(b'"s"', got.envelope)


_WORDS = st.text("abcdefgh ß-\n", max_size=80)


@st.composite
def _leaf(draw):
    message = EmailMessage(SMTP)
    if draw(st.booleans()):
        message.set_content(
            draw(_WORDS), subtype=draw(st.sampled_from(["plain", "html"]))
        )
    else:
        message.set_content(draw(st.binary(max_size=90)), "application", "pdf")
        name = draw(st.text("abc ;='", min_size=1, max_size=9))
        message.add_header("Content-Disposition", "attachment", filename=name)
    return message


def _container(children):
    @st.composite
    def build(draw):
        inside = draw(st.lists(children, min_size=1, max_size=3))
        message = EmailMessage(SMTP)
        if len(inside) == 1:
            inside[0]["Subject"] = "inner"
            message.set_content(inside[0])
        else:
            message.make_mixed()
            for one in inside:
                message.attach(one)
        return message

    return build()


_MESSAGES = st.recursive(_leaf(), _container, max_leaves=6)


class AgainstEmailTests(SynchronousTestCase):
    def compare(self, part, other, octets):
        self.assertEqual(f"{part.type}/{part.subtype}", other.get_content_type())
        if other.is_multipart():
            self.assertEqual(len(part.parts), len(other.get_payload()))
            for one, two in zip(part.parts, other.get_payload(), strict=True):
                self.compare(one, two, octets)
        else:
            payload = transfer.decode(octets[part.body : part.end], part.encoding)
            self.assertEqual(payload, other.get_payload(decode=True))
            encoding = other.get("content-transfer-encoding", "7bit")
            self.assertEqual(part.encoding, encoding)
            told = parameters.decode(
                [(name.encode(), value.encode()) for name, value in part.parameters]
            )
            self.assertEqual(told.get("charset"), other.get_content_charset())
            named = parameters.decode(
                [(a.encode(), b.encode()) for a, b in part.disposition_parameters]
            )
            name = named.get("filename")
            self.assertEqual(name and name.strip(), other.get_filename())

    @given(_MESSAGES)
    def test_generated(self, message):
        """What Python's email writes, it and we read alike."""
        message["From"] = "a@b.example"
        octets = message.as_bytes()
        root = structure.decode(scan(octets).parts)
        self.compare(root, message_from_bytes(octets), octets)


_STORED = st.binary(max_size=60) | st.lists(
    st.sampled_from(
        [b"\0", b"0 0 0 0 0", b"0 0 0 0 1", b"0 0 0 0 9", b'"text" "plain"', b" NIL",
         b"(", b")", b'"', b"{3}\r\n", b"{", b" NIL NIL NIL"]
    ),
    max_size=20,
).map(b"".join)  # fmt: skip


class StoredTests(SynchronousTestCase):
    @given(_STORED)
    def test_damaged(self, octets):
        """A stored form that is damaged gives a ValueError and nothing else."""
        try:
            structure.decode(octets)
        except ValueError:
            return

    def test_too_deep(self):
        """So does one that is nested deeper than any scan goes."""
        octets = b"\0".join([b"0 0 0 0 1", b'"mixed"', b"", b""] * 2000)
        self.assertRaises(ValueError, structure.decode, octets)

    def test_compact(self):
        """A plain message takes less than a hundred octets."""
        self.assertTrue(len(scan(RFC3501).parts) < 100)

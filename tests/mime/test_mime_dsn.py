"""Notices of what became of a message."""

from email import message_from_bytes
from email.policy import SMTP

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import dsn, structure, xtext
from mailsuite.mime.scan import scan
from mailsuite.model.address import Address

ROW = dsn.Recipient(
    Address("nobody", "far.example"),
    "failed",
    "5.1.1",
    "rfc822;nobody+2Bx@far.example",
    "mx.far.example",
    "550 5.1.1 no such user",
    1_700_000_100,
)
REPORT = dsn.Report(
    "mail.example.test",
    1_700_000_000,
    "Mail Delivery System <MAILER-DAEMON@mail.example.test>",
    Address("user1", "example.test"),
    [ROW],
    b"From: user1@example.test\r\nMessage-ID: <1@example.test>\r\nSubject: hi\r\n\r\n",
    "<2@mail.example.test>",
    1_700_000_200,
    "=_report",
    "env+3Dx",
)
NASTY = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ["a\r\nX: y", "\r\n\r\n--=_report--", "\0", "--=_report", "\u2028b", "ä" * 300]
)


def parts_of(octets: bytes):
    root = structure.decode(scan(octets).parts)
    return root, [octets[one.body : one.end] for one in root.parts]


class ComposeTests(SynchronousTestCase):
    def test_form(self):
        """It is the multipart/report of RFC 6522 with three parts."""
        root, _ = parts_of(dsn.compose(REPORT))
        self.assertEqual((root.type, root.subtype), ("multipart", "report"))
        self.assertEqual(root.parameter("report-type"), "delivery-status")
        self.assertEqual(
            [f"{one.type}/{one.subtype}" for one in root.parts],
            ["text/plain", "message/delivery-status", "text/rfc822-headers"],
        )

    def test_header(self):
        """The header says who, when, about what, and that nobody wrote it."""
        message = message_from_bytes(dsn.compose(REPORT), policy=SMTP)
        self.assertEqual(message["To"], "user1@example.test")
        self.assertEqual(message["Auto-Submitted"], "auto-replied")
        self.assertEqual(message["References"], "<1@example.test>")
        self.assertEqual(message["Date"], "Tue, 14 Nov 2023 22:16:40 +0000")
        self.assertEqual(message["Message-ID"], "<2@mail.example.test>")
        self.assertIn("could not be delivered", message["Subject"])
        self.assertEqual(message.defects, [])

    def test_status(self):
        """The fields of RFC 3464, with xtext undone (§2.2.1 and §2.3.1)."""
        _, (_, status, _) = parts_of(dsn.compose(REPORT))
        self.assertEqual(
            status,
            b"Original-Envelope-Id: env=x\r\n"
            b"Reporting-MTA: dns; mail.example.test\r\n"
            b"Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\n"
            b"Original-Recipient: rfc822; nobody+x@far.example\r\n"
            b"Final-Recipient: rfc822; nobody@far.example\r\n"
            b"Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.far.example\r\n"
            b"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
            b"Last-Attempt-Date: Tue, 14 Nov 2023 22:15:00 +0000\r\n",
        )

    def test_own_words(self):
        """What no server answered is no SMTP reply of one (RFC 3464 §2.3.6)."""
        row = evolve(ROW, status="4.4.2", diagnostic="mx.far.example: lost")
        octets = dsn.compose(evolve(REPORT, recipients=[row]))
        self.assertIn(b"Diagnostic-Code: x-mailsuite; mx.far.example: lost\r\n", octets)
        self.assertNotIn(b"Remote-MTA", octets)
        self.assertIn(b"The reason: mx.far.example: lost", octets)

    def test_human(self):
        """The first part says in plain words what happened and what to do."""
        _, (human, _, returned) = parts_of(dsn.compose(REPORT))
        self.assertIn(b"<nobody@far.example>", human)
        self.assertIn(b"Check the spelling", human)
        self.assertIn(b"Subject: hi", returned)

    def test_delayed(self):
        """A delay says until when the server goes on."""
        row = evolve(ROW, action="delayed", status="4.4.1", retry_until=1_700_400_000)
        octets = dsn.compose(evolve(REPORT, recipients=[row]))
        self.assertIn(b"Subject: Your message is delayed", octets)
        self.assertIn(b"Will-Retry-Until: Sun, 19 Nov 2023 13:20:00 +0000", octets)

    def test_seven_bits(self):
        """A notice to an ASCII address is 7-bit whatever it tells (RFC 6533 §3)."""
        row = evolve(ROW, address=Address("jürgen", "bücher.example"), diagnostic="ö")
        octets = dsn.compose(
            evolve(REPORT, recipients=[row], original_header="Subject: ü\n".encode())
        )
        self.assertTrue(octets.isascii())
        self.assertIn(
            b"Final-Recipient: utf-8; j\\x{FC}rgen@b\\x{FC}cher.example", octets
        )

    def test_global(self):
        """A notice to an internationalized address is of the global types."""
        to = Address("jürgen", "example.test")
        row = evolve(ROW, orcpt="utf-8;j\\x{FC}rgen@far.example")
        root, parts = parts_of(dsn.compose(evolve(REPORT, to=to, recipients=[row])))
        self.assertEqual(
            [one.subtype for one in root.parts],
            ["plain", "global-delivery-status", "global-headers"],
        )
        self.assertIn("utf-8; jürgen@far.example".encode(), parts[1])

    @given(NASTY, NASTY, NASTY, NASTY, st.binary(max_size=60))
    def test_no_injection(self, one, two, three, four, header):
        """No text of a stranger makes a field, a part or an end of its own."""
        row = evolve(
            ROW, address=Address(one, two), diagnostic=three, orcpt=four, remote_mta=two,
            status=one, action=two,
        )  # fmt: skip
        octets = dsn.compose(
            evolve(
                REPORT, recipients=[row], sender=three, reporting_mta=one, envid=four,
                message_id=two, original_header=header + b"\r\n--=_report\r\n",
            )
        )  # fmt: skip
        self.assertNotIn(b"\0", octets)
        self.assertEqual(octets.replace(b"\r\n", b"").count(b"\n"), 0)
        self.assertEqual(octets.replace(b"\r\n", b"").count(b"\r"), 0)
        _root, parts = parts_of(octets)
        self.assertEqual(len(parts), 3)
        names = [
            line.partition(b":")[0]
            for line in parts[1].split(b"\r\n")
            if line[:1].strip()
        ]
        self.assertTrue(
            set(names)
            <= {
                b"Original-Envelope-Id", b"Reporting-MTA", b"Arrival-Date",
                b"Original-Recipient", b"Final-Recipient", b"Action", b"Status",
                b"Remote-MTA", b"Diagnostic-Code", b"Last-Attempt-Date",
            }
        )  # fmt: skip

    def test_long_header(self):
        """Of a large original header the first 64 KiB are returned."""
        header = b"X-Long: y\r\n" * 20_000
        octets = dsn.compose(evolve(REPORT, original_header=header))
        self.assertTrue(len(octets) < dsn.HEADER_OCTETS + 4_000)

    def test_long_line(self):
        """A line that no transport carries is encoded."""
        octets = dsn.compose(evolve(REPORT, original_header=b"X: " + b"y" * 5_000))
        self.assertTrue(max(map(len, octets.split(b"\r\n"))) <= 998)


class XtextTests(SynchronousTestCase):
    def test_rfc3461(self):
        """Plus, equals and what is not printable are coded (§4)."""
        self.assertEqual(xtext.encode("a+b=c d"), "a+2Bb+3Dc+20d")

    @given(st.text(max_size=40))
    def test_round(self, value):
        """What is encoded is decoded to the same, and is ASCII."""
        coded = xtext.encode(value.encode("utf-8", "replace").decode())
        self.assertTrue(coded.isascii())
        self.assertEqual(xtext.decode(coded), value.encode("utf-8", "replace").decode())

    @given(st.text(st.characters(codec="utf-8"), max_size=40))
    def test_unitext(self, value):
        """Likewise for the form of RFC 6533."""
        coded = xtext.unitext(value)
        self.assertTrue(coded.isascii())
        self.assertEqual(xtext.from_unitext(coded), value)

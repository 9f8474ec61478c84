"""Replies, notices and refusals (:mod:`autoreply`, :mod:`notice`, :mod:`mdn`)."""

from email import message_from_bytes, policy

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import autoreply, mdn, notice
from mailsuite.mime.addresses import Mailbox
from mailsuite.mime.mailto import Mailto
from mailsuite.mime.threads import REFERENCES, references
from mailsuite.model.address import Address

SENDER = Address("coyote", "desert.example.org")
OWNER = Mailbox("", "roadrunner", "acme.example.com")
PLAIN = b"From: coyote@desert.example.org\r\nTo: roadrunner@acme.example.com\r\n"
TEXT = st.text(max_size=200)


def read(octets):
    """A message as another reader has it; it must find nothing wrong."""
    found = message_from_bytes(octets, policy=policy.SMTP)
    for part in found.walk():
        assert not part.defects, (part.defects, octets)
    for line in octets.split(b"\r\n"):
        assert b"\n" not in line
        assert b"\r" not in line
        assert len(line) <= 998
    return found


def reply(header=PLAIN, **more):
    given = {"reason": "I am away.", "message_id": "<1@acme.example.com>", "date": 1e9}
    return read(
        autoreply.compose_reply(
            autoreply.Reply(header, SENDER, [OWNER], **(given | more))
        )
    )


class UnwantedTests(SynchronousTestCase):
    def test_people(self):
        """Mail of people is answered, that of postmasters too."""
        for local in ("coyote", "postmaster", "browner", "tax-return", "listing"):
            sender = Address(local, "example.org")
            self.assertEqual(autoreply.unwanted(PLAIN, sender), "")
        header = PLAIN + b"Auto-Submitted: NO\r\nPrecedence: first-class\r\n"
        self.assertEqual(autoreply.unwanted(header, SENDER), "")

    def test_programs(self):
        """Mail of programs is not (RFC 5230 §4.6, RFC 3834 §2)."""
        for local in (
            "MAILER-DAEMON",
            "listserv",
            "Majordomo",
            "owner-ietf",
            "ietf-request",
            "ietf-bounces",
            "ietf-bounces+coyote=example.org",
            "bounce-1234-x=y",
            "noreply",
            "No-Reply",
            "do-not-reply",
            "donotreply-here",
            "nobody",
            "list-return-12-coyote=example.org",
        ):
            sender = Address(local, "example.org")
            self.assertTrue(autoreply.unwanted(PLAIN, sender), local)
        self.assertTrue(autoreply.unwanted(PLAIN, None))

    def test_fields(self):
        """Lists, programs and masses are known by their fields."""
        for field in (
            *(name.decode().title() + ": <x>" for name in autoreply.LISTS),
            "Auto-Submitted: auto-replied (vacation)",
            "auto-submitted: auto-generated; x=y",
            "Auto-Submitted: ",
            "Precedence: bulk",
            "PRECEDENCE: LIST",
            "Precedence:junk",
            "X-Auto-Response-Suppress: OOF, DR",
            "X-Auto-Response-Suppress: All",
            "Content-Type: multipart/report; report-type=delivery-status",
        ):
            header = PLAIN + field.encode() + b"\r\n"
            self.assertTrue(autoreply.unwanted(header, SENDER), field)

    def test_second_field(self):
        """A harmless field does not hide another."""
        header = PLAIN + b"Auto-Submitted: no\r\nAuto-Submitted: auto-replied\r\n"
        self.assertTrue(autoreply.unwanted(header, SENDER))


class RecipientsTests(SynchronousTestCase):
    OWN = "roadrunner@acme.example.com"

    def named(self, header):
        return {str(one).lower() for one in autoreply.recipients(header.encode())}

    def test_fields(self):
        """Each of six fields may name the owner, no other does (RFC 5230 §4.5)."""
        for name in ("To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"):
            header = f"{name}: a@b.c,\r\n RR <RoadRunner@ACME.example.com>\r\n"
            self.assertIn(self.OWN, self.named(header), name)
        for header in (
            "From: roadrunner@acme.example.com\r\n",
            "X-To: roadrunner@acme.example.com\r\n",
            "To: xroadrunner@acme.example.com\r\n",
            'To: "roadrunner@acme.example.com" <a@b.c>\r\n',
            "",
        ):
            self.assertNotIn(self.OWN, self.named(header), header)


class ReplyTests(SynchronousTestCase):
    def test_fields(self):
        """What RFC 5230 §5 and RFC 3834 §3.1 want."""
        header = (
            PLAIN + b"Subject: =?utf-8?q?Caf=C3=A9?=\r\nMessage-ID: <2@desert>\r\n"
            b"References: <0@desert> <1@desert>\r\n"
        )
        found = reply(header)
        self.assertEqual(found["From"], "roadrunner@acme.example.com")
        self.assertEqual(found["To"], "coyote@desert.example.org")
        self.assertEqual(found["Subject"], "Auto: Caf\u00e9")
        self.assertEqual(found["In-Reply-To"], "<2@desert>")
        self.assertEqual(found["References"], "<0@desert> <1@desert> <2@desert>")
        self.assertEqual(found["Auto-Submitted"], "auto-replied (vacation)")
        self.assertEqual(found["Date"], "Sun, 09 Sep 2001 01:46:40 +0000")
        self.assertEqual(found["Message-ID"], "<1@acme.example.com>")
        self.assertEqual(found.get_content(), "I am away.\r\n")

    def test_bare(self):
        """A message without subject and identifier is answered, too."""
        found = reply()
        self.assertEqual(found["Subject"], autoreply.FIXED_SUBJECT)
        self.assertIsNone(found["In-Reply-To"])
        self.assertIsNone(found["References"])

    def test_subject(self):
        """The owner's subject stands alone, encoded only if it must be."""
        self.assertEqual(reply(subject="Gone")["Subject"], "Gone")
        octets = autoreply.compose_reply(
            autoreply.Reply(PLAIN, SENDER, [OWNER], "<1@x>", 1e9, "x", "Gone fishing")
        )
        self.assertIn(b"\r\nSubject: Gone fishing\r\n", octets)
        long = "\u00fcber alles, was wir noch nicht wissen " * 4
        self.assertEqual(reply(subject=long)["Subject"], long.strip())

    def test_injection(self):
        """Line ends in texts end no field."""
        found = reply(
            PLAIN + b"Subject: =?utf-8?q?x=0D=0ABcc:_all@example.org?=\r\n",
        )
        self.assertIsNone(found["Bcc"])
        found = reply(subject="x\r\nBcc: all@example.org\r\n\r\nbody")
        self.assertIsNone(found["Bcc"])
        self.assertEqual(found.get_content(), "I am away.\r\n")

    def test_mime(self):
        """A MIME entity brings its type, and no other field."""
        found = reply(
            mime=True,
            reason="Content-Type: text/html; charset=utf-8\nBcc: all@example.org\n"
            "X-More: 1\n\n<b>Gone\u00e9</b>\n",
        )
        self.assertEqual(found.get_content_type(), "text/html")
        self.assertIn("Gone\u00e9", found.get_content())
        self.assertIsNone(found["Bcc"])
        self.assertIsNone(found["X-More"])
        found = reply(
            mime=True,
            reason="Content-Type: multipart/alternative; boundary=foo\n\n"
            "--foo\n\nI'm at the beach\n--foo\nContent-Type: text/html\n\n"
            "<b>beach</b>\n--foo--\n",
        )
        kinds = [part.get_content_type() for part in found.walk()]
        self.assertEqual(kinds, ["multipart/alternative", "text/plain", "text/html"])

    def test_authors(self):
        """Names are quoted or encoded; of two authors one is the sender."""
        octets = autoreply.compose_reply(
            autoreply.Reply(
                PLAIN,
                SENDER,
                [Mailbox('A "B", C.', "a", "b.example"), Mailbox("\u00c9", "c", "d.e")],
                "<1@x>",
                1e9,
                "x",
            )
        )
        found = read(octets)
        names = [one.display_name for one in found["From"].addresses]
        self.assertEqual(names, ['A "B", C.', "\u00c9"])
        self.assertEqual(found["Sender"].address.addr_spec, "a@b.example")

    @given(TEXT, TEXT, TEXT)
    def test_any_text(self, subject, display, reason):
        """Whatever the texts are, the message is one, with these fields once."""
        found = read(
            autoreply.compose_reply(
                autoreply.Reply(
                    PLAIN + b"Subject: x\r\n",
                    SENDER,
                    [Mailbox(display, "a", "b.example")],
                    "<1@x>",
                    1e9,
                    reason,
                    subject,
                )
            )
        )
        for name in ("From", "To", "Subject", "Content-Type", "Auto-Submitted"):
            self.assertEqual(len(found.get_all(name)), 1, name)
        self.assertIsNone(found["Bcc"])
        self.assertEqual(found["From"].addresses[0].addr_spec, "a@b.example")

    @given(st.text(max_size=300))
    def test_any_entity(self, reason):
        """A MIME entity of any text is a message, or is refused."""
        try:
            octets = autoreply.compose_reply(
                autoreply.Reply(
                    PLAIN, SENDER, [OWNER], "<1@x>", 1e9, reason, None, mime=True
                )
            )
        except ValueError:
            return
        self.assertEqual(octets.count(b"\r\nAuto-Submitted: "), 1)
        self.assertIn(b"\r\nMIME-Version: 1.0\r\n", octets)

    def test_references(self):
        """Only so many are kept: the first and the last ones; else In-Reply-To."""
        told = " ".join(f"<{n}@x>" for n in range(50)).encode()
        found = references(b"References: " + told + b"\r\nMessage-ID: <50@x>\r\n")
        self.assertEqual(len(found), REFERENCES)
        self.assertEqual((found[0], found[1], found[-1]), ("<0@x>", "<32@x>", "<50@x>"))
        found = references(b"In-Reply-To: <1@x>\r\nMessage-ID: <2@x>\r\n")
        self.assertEqual(list(found), ["<1@x>", "<2@x>"])
        found = references(b"In-Reply-To: <1@x> <3@x>\r\nMessage-ID: <2@x>\r\n")
        self.assertEqual(list(found), ["<2@x>"])


KNITTING = (
    b"Return-Path: <knitting-bounces@example.com>\r\n"
    b"Received: from mail.example.com by mail.example.org\r\n"
    b"  for <recipient@example.org>; Wed, 7 Dec 2005 05:08:02 -0500\r\n"
    b"Received: from hobbies.example.com by mail.example.com\r\n"
    b"  for <knitting@example.com>; Wed, 7 Dec 2005 02:00:26 -0800\r\n"
    b"Message-ID: <1234567.89ABCDEF@example.com>\r\n"
    b"Date: Wed, 07 Dec 2005 10:59:19 +0100\r\n"
    b"Precedence: list\r\n"
    b"List-Id: Knitting Mailing List <knitting.example.com>\r\n"
    b"Sender: knitting-bounces@example.com\r\n"
    b'From: "Jeff Smith" <jeff@hobbies.example.com>\r\n'
    b'To: "Knitting Mailing List" <knitting@example.com>\r\n'
    b"Subject: [Knitting] A new sweater\r\n"
)


def noticed(uri, **more):
    given = {
        "authors": [Mailbox("", "recipient", "example.org")],
        "owner": Address("recipient", "example.org"),
        "message_id": "<A2299BB.FF7788@example.org>",
        "date": 1133950135.0,
        "zone": -300,
    }
    return read(notice.compose_notice(notice.Notice(KNITTING, uri, **(given | more))))


class NoticeTests(SynchronousTestCase):
    URI = Mailto(("0123456789@sms.example.net", "backup@example.com"))

    def test_example(self):
        """RFC 5436 §3: the notice as it stands there."""
        found = noticed(self.URI, message="From Knitting list: A new sweater")
        self.assertEqual(
            found["Auto-Submitted"],
            'auto-notified; owner-email="recipient@example.org"',
        )
        names = [name for name, _ in found.items()]
        self.assertEqual(names[:3], ["Auto-Submitted", "Received", "Received"])
        self.assertEqual(found["Date"], "Wed, 07 Dec 2005 05:08:55 -0500")
        self.assertEqual(found["Message-ID"], "<A2299BB.FF7788@example.org>")
        self.assertEqual(found["From"], "recipient@example.org")
        self.assertEqual(found["To"], "0123456789@sms.example.net, backup@example.com")
        self.assertEqual(found["Subject"], "From Knitting list: A new sweater")
        for name in ("List-Id", "Precedence", "Sender", "Return-Path"):
            self.assertIsNone(found[name])

    def test_subjects(self):
        """The message, else the URI's subject, else that of the mail."""
        uri = Mailto(self.URI.to, subject="the URI's")
        self.assertEqual(noticed(uri, message="mine")["Subject"], "mine")
        self.assertEqual(noticed(uri)["Subject"], "the URI's")
        self.assertEqual(noticed(self.URI)["Subject"], "[Knitting] A new sweater")

    def test_body(self):
        """The URI's body, else who wrote what."""
        uri = Mailto(self.URI.to, body="line 1\r\nline 2")
        self.assertEqual(noticed(uri).get_content(), "line 1\r\nline 2\r\n")
        body = noticed(self.URI).get_content()
        self.assertIn("jeff@hobbies.example.com", body)
        self.assertIn("A new sweater", body)

    def test_more(self):
        """Copies, importance and fields of the URI."""
        uri = Mailto((), ("c@d.example",), headers=(("keywords", "urgent \u00e9"),))
        found = noticed(uri, importance="1")
        self.assertIsNone(found["To"])
        self.assertEqual(found["Cc"], "c@d.example")
        self.assertEqual(found["Keywords"], "urgent \u00e9")
        self.assertEqual(found["Importance"], "high")
        self.assertEqual(found["References"], "<1234567.89ABCDEF@example.com>")

    @given(TEXT, TEXT, TEXT)
    def test_any_text(self, message, subject, body):
        """Whatever the texts are, the notice is one message."""
        uri = Mailto(self.URI.to, subject=subject, body=body)
        found = noticed(uri, message=message)
        self.assertEqual(len(found.get_all("Subject")), 1)
        self.assertEqual(len(found.get_all("To")), 1)
        self.assertIsNone(found["Bcc"])


class RefusalTests(SynchronousTestCase):
    def made(self, reason, header=PLAIN + b"Message-ID: <2@desert>\r\n"):
        refusal = mdn.Refusal(
            header,
            SENDER,
            Address("roadrunner", "acme.example.com"),
            reason,
            "mx.acme.example.com",
            "<1.reject@mx.acme.example.com>",
            1e9,
            "rfc822;beep@acme.example.com",
        )
        return read(mdn.compose_refusal(refusal))

    def test_example(self):
        """RFC 5429 §2.2.1: a failure MDN with the words of the reason."""
        reason = "I am not taking mail from you, and I don't want your birdseed!"
        found = self.made(reason)
        self.assertEqual(found.get_content_type(), "multipart/report")
        kind = found["Content-Type"].params["report-type"]
        self.assertEqual(kind, "disposition-notification")
        human, told, returned = found.iter_parts()
        self.assertIn("mail filtering program", human.get_content())
        self.assertIn(reason, human.get_content())
        self.assertEqual(told.get_content_type(), "message/disposition-notification")
        fields = str(told.get_payload()[0] if told.is_multipart() else told)
        self.assertIn(
            "Disposition: automatic-action/MDN-sent-automatically; deleted", fields
        )
        self.assertIn("Final-Recipient: rfc822;roadrunner@acme.example.com", fields)
        self.assertIn("Original-Recipient: rfc822;beep@acme.example.com", fields)
        self.assertIn("Original-Message-ID: <2@desert>", fields)
        self.assertEqual(returned.get_content_type(), "text/rfc822-headers")
        self.assertIn("coyote", returned.get_content())
        self.assertEqual(found["Auto-Submitted"], "auto-replied (rejected)")
        self.assertEqual(found["To"], "coyote@desert.example.org")

    @given(st.text(max_size=300), st.binary(max_size=300))
    def test_any_text(self, reason, header):
        """Whatever the texts are, there are three parts."""
        found = self.made(reason, header)
        self.assertEqual(len(list(found.iter_parts())), 3)

    def test_boundary(self):
        """A boundary that somebody guessed does not end a part."""
        guess = "--1rejectmxacmeexamplecom"
        found = self.made(f"{guess}\r\n{guess}--\r\n")
        self.assertEqual(len(list(found.iter_parts())), 3)

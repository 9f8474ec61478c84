"""The client's session: pipelining, refusals at each verb, garbage, stuffing."""

from base64 import b64decode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.address import Address
from mailsuite.model.envelope import Recipient
from mailsuite.model.errors import PeerError, UsageError
from mailsuite.wire.smtp import answers
from mailsuite.wire.smtp.answers import Answers
from mailsuite.wire.smtp.client import (
    Authenticated,
    Closed,
    Ready,
    Refused,
    Secure,
    Session,
    Step,
)
from mailsuite.wire.smtp.envelopes import Mail, path
from mailsuite.wire.smtp.outgoing import Begin, Broken, Settled
from mailsuite.wire.smtp.stuffing import Stuffing

SENDER = Address("anna", "example.test")


def mail(count=2, **needs):
    recipients = tuple(
        Recipient(n, Address(f"r{n}", "example.org"), orcpt="rfc822;x", notify="NEVER")
        for n in range(count)
    )
    return Mail(SENDER, recipients, 100, **needs)


def greeted(*keywords, lmtp=False):
    session = Session("us.test", lmtp)
    hear(session, "220 hi")
    hear(session, *("250-" + word for word in ("them", *keywords)), "250 HELP")
    session.take()
    return session


def hear(session, *lines):
    """Feed lines and give the last event of all."""
    session.feed("".join(f"{line}\r\n" for line in lines).encode())
    last = None
    while (event := session.next_event()) is not None:
        last = event
    return last


class AnswersTests(SynchronousTestCase):
    def _parse(self, octets):
        parser = Answers()
        parser.feed(octets)
        return parser.next_answer()

    def test_many_lines(self):
        """Lines of one answer are joined; the enhanced code is taken off."""
        answer = self._parse(b"550-5.1.1 no\r\n550 5.1.1 such user\r\n")
        self.assertEqual(str(answer), "550 5.1.1 no such user")

    def test_foreign_class(self):
        """An enhanced code of another class than the reply's is only text."""
        answer = self._parse(b"450 5.1.1 hm\n")
        self.assertEqual((answer.status, answer.text), ("", "5.1.1 hm"))

    def test_bare_code(self):
        """A code alone is an answer; control characters never pass."""
        self.assertEqual(self._parse(b"250\r\n").code, 250)
        self.assertEqual(
            self._parse(b"250 a\x1b[0m\x00b\xff\r\n").text, "a?[0m?b\ufffd"
        )

    def test_endless(self):
        """Endless lines and endless answers are refused."""
        line = b"250-" + b"x" * 100 + b"\r\n"
        self.assertRaises(PeerError, self._parse, b"250 " + b"x" * 4000)
        self.assertRaises(PeerError, self._parse, line * (answers.REPLY_LINES + 1))
        long = b"250-" + b"x" * 2000 + b"\r\n"
        self.assertRaises(PeerError, self._parse, long * 40)

    def test_not_smtp(self):
        """Other protocols are recognised as such."""
        for text in (
            b"HTTP/1.1 400\r\n",
            b"\r\n",
            b"999 x\r\n",
            b"25\r\n",
            b"250x\r\n",
            b"150 x\r\n",
        ):
            self.assertRaises(PeerError, self._parse, text)

    @given(st.binary(max_size=300))
    def test_garbage(self, octets):
        """Whatever comes, there is an answer, a wait or a PeerError."""
        parser = Answers()
        parser.feed(octets)
        try:
            while parser.next_answer() is not None:
                pass
        except PeerError:
            pass

    @given(st.lists(st.integers(1, 20)))
    def test_cuts(self, cuts):
        """Any cut of the octets gives the same answers."""
        octets = b"220 hi\r\n250-a\r\n250-b c\r\n250 d\r\n550 5.1.1 x\n"
        whole = Answers()
        whole.feed(octets)
        expected = [str(whole.next_answer()) for _ in range(3)]
        parser, said, start = Answers(), [], 0
        for cut in [*cuts, len(octets)]:
            parser.feed(octets[start : start + cut])
            start += cut
            while (answer := parser.next_answer()) is not None:
                said.append(str(answer))
        self.assertEqual(said, expected)


class GreetingTests(SynchronousTestCase):
    def test_ehlo(self):
        """The greeting is answered by EHLO, whose offers are read."""
        session = Session("us.test")
        self.assertIsNone(hear(session, "220-hello", "220 there"))
        self.assertEqual(session.take(), b"EHLO us.test\r\n")
        event = hear(
            session, "250-them", "250-SIZE 1000", "250-auth plain Login", "250 AUTH=X"
        )
        self.assertEqual(event, Ready())
        self.assertEqual(session.offers.size, 1000)
        self.assertEqual(session.offers.mechanisms, {"PLAIN", "LOGIN", "X"})

    def test_helo(self):
        """A server without EHLO is greeted by HELO and offers nothing."""
        session = Session("us.test")
        hear(session, "220 hi", "502 what?")
        self.assertEqual(session.take(), b"EHLO us.test\r\nHELO us.test\r\n")
        self.assertEqual(hear(session, "250 them"), Ready())
        self.assertEqual(session.offers.keywords, {})

    def test_lhlo(self):
        """LMTP says LHLO and knows no HELO."""
        session = Session("us.test", lmtp=True)
        hear(session, "220 hi")
        self.assertEqual(session.take(), b"LHLO us.test\r\n")
        self.assertIsInstance(hear(session, "500 no"), Refused)

    def test_refusals(self):
        """Every refusal before a transaction names its step, and is the end."""
        for lines, step in (
            (["554 no"], Step.GREETING),
            (["421 busy"], Step.GREETING),
            (["220 hi", "421 busy"], Step.HELLO),
            (["220 hi", "450 later"], Step.HELLO),
            (["220 hi", "500 no", "550 no"], Step.HELO),
        ):
            event = hear(Session("us.test"), *lines)
            self.assertIsInstance(event, Refused)
            self.assertEqual(event.step, step)

    def test_refused_politely(self):
        """Who refuses to talk is told QUIT (RFC 5321 §4.1.1.10); 421 needs none."""
        for lines, last in (
            (["554 no"], b"QUIT\r\n"),
            (["220 hi", "500 no", "550 no"], b"HELO us.test\r\nQUIT\r\n"),
            (["421 busy"], b""),
        ):
            session = Session("us.test")
            hear(session, *lines)
            self.assertEqual(session.take().removeprefix(b"EHLO us.test\r\n"), last)

    def test_unknown_codes(self):
        """Of a code that nobody knows the first digit counts (RFC 5321 §4.3.2)."""
        session = Session("us.test")
        self.assertEqual(hear(session, "250 hi", "220-them", "220 STARTTLS"), Ready())
        self.assertIn("STARTTLS", session.offers)
        session.begin(mail(1))
        self.assertEqual(hear(session, "299 ok", "251 ok", "399 go"), Begin())

    def test_unasked(self):
        """An answer that nobody asked for ends the session."""
        session = greeted()
        self.assertIsInstance(hear(session, "250 surprise"), Broken)
        self.assertIsNone(hear(session, "250 more"))

    def test_shut(self):
        """421 while nothing is asked says goodbye."""
        event = hear(greeted(), "421 4.3.2 going down")
        self.assertEqual((event.step, event.answer.code), (Step.READY, 421))

    def test_quit(self):
        """QUIT ends with its answer."""
        session = greeted()
        session.quit()
        self.assertEqual(session.take(), b"QUIT\r\n")
        self.assertEqual(hear(session, "221 bye"), Closed())


class StartTLSTests(SynchronousTestCase):
    def test_injection(self):
        """What was sent before the handshake is never heard."""
        session = greeted("STARTTLS")
        session.start_tls()
        self.assertEqual(session.take(), b"STARTTLS\r\n")
        session.feed(b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n")
        self.assertEqual(session.next_event(), Secure())
        session.feed(b"250 evil too\r\n")
        self.assertIsNone(session.next_event())
        session.secured()
        self.assertEqual(session.take(), b"EHLO us.test\r\n")
        self.assertEqual(hear(session, "250 them"), Ready())
        self.assertNotIn("STARTTLS", session.offers)

    def test_refused(self):
        """A refused STARTTLS leaves the session as it was."""
        session = greeted("STARTTLS")
        session.start_tls()
        event = hear(session, "454 4.7.0 not now")
        self.assertEqual((event.step, session.step), (Step.TLS, Step.READY))


class AuthTests(SynchronousTestCase):
    def test_plain(self):
        """PLAIN goes in one command."""
        session = greeted("AUTH LOGIN PLAIN")
        self.assertTrue(session.authenticate("u", "p"))
        word = session.take().split()[2]
        self.assertEqual(b64decode(word), b"\0u\0p")
        self.assertEqual(hear(session, "235 ok"), Authenticated())

    def test_login(self):
        """LOGIN answers two challenges, never a third."""
        session = greeted("AUTH LOGIN")
        session.authenticate("u", "p")
        hear(session, "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6")
        self.assertEqual(session.take(), b"AUTH LOGIN\r\ndQ==\r\ncA==\r\n")
        self.assertIsInstance(hear(session, "334 again"), Refused)

    def test_none(self):
        """Without a common mechanism nothing is sent."""
        session = greeted("AUTH GSSAPI")
        self.assertFalse(session.authenticate("u", "p"))
        self.assertEqual(session.take(), b"")


class TransactionTests(SynchronousTestCase):
    def _codes(self, event):
        self.assertIsInstance(event, Settled)
        return [answer.code for answer in event.answers]

    def test_pipelined(self):
        """With PIPELINING one write holds the whole envelope."""
        session = greeted("PIPELINING", "SIZE", "8BITMIME", "DSN")
        session.begin(mail(1, eight_bit=True))
        self.assertEqual(
            session.take(),
            b"MAIL FROM:<anna@example.test> SIZE=100 BODY=8BITMIME\r\n"
            b"RCPT TO:<r0@example.org> NOTIFY=NEVER ORCPT=rfc822;x\r\nDATA\r\n",
        )
        self.assertEqual(hear(session, "250 ok", "250 ok", "354 go"), Begin())
        session.end()
        self.assertEqual(self._codes(hear(session, "250 kept")), [250])

    def test_one_by_one(self):
        """Without, every command waits for the answer before it."""
        session = greeted()
        session.begin(mail(2))
        said = []
        for line in ("250 ok", "250 ok", "550 no", "354 go"):
            said.append(session.take())
            event = hear(session, line)
        self.assertEqual([octets.count(b"\n") for octets in said], [1, 1, 1, 1])
        self.assertEqual(event, Begin())
        session.end()
        self.assertEqual(self._codes(hear(session, "250 kept")), [250, 550])

    def test_mail_refused(self):
        """A refused sender settles everybody; pipelined answers are read."""
        session = greeted("PIPELINING")
        session.begin(mail(2))
        event = hear(session, "452 full", "503 no", "503 no", "503 no")
        self.assertEqual(self._codes(event), [452, 452])
        session = greeted()
        session.begin(mail(2))
        self.assertEqual(self._codes(hear(session, "552 big")), [552, 552])
        self.assertEqual(session.take().count(b"\n"), 1)

    def test_nobody(self):
        """When nobody is accepted no message is sent."""
        session = greeted("PIPELINING")
        session.begin(mail(2))
        event = hear(session, "250 ok", "550 no", "450 later", "554 nobody")
        self.assertEqual(self._codes(event), [550, 450])
        session = greeted()
        session.begin(mail(1))
        self.assertEqual(self._codes(hear(session, "250 ok", "550 no")), [550])
        self.assertNotIn(b"DATA", session.take())

    def test_nobody_but_354(self):
        """A server that wants content for nobody gets a lone dot."""
        session = greeted("PIPELINING")
        session.begin(mail(1))
        self.assertIsNone(hear(session, "250 ok", "550 no", "354 go"))
        self.assertTrue(session.take().endswith(b"DATA\r\n.\r\n"))
        self.assertEqual(self._codes(hear(session, "554 nobody")), [550])

    def test_reset(self):
        """A transaction left open is reset before the next."""
        session = greeted("PIPELINING")
        session.begin(mail(1))
        hear(session, "250 ok", "550 no", "554 no")
        session.take()
        session.begin(mail(1))
        self.assertTrue(session.take().startswith(b"RSET\r\nMAIL"))
        self.assertEqual(hear(session, "250 ok", "250 ok", "250 ok", "354 go"), Begin())
        session.end()
        hear(session, "250 kept")
        session.begin(mail(1))
        self.assertTrue(session.take().startswith(b"MAIL"))

    def test_data_refused(self):
        """A refused DATA counts for the accepted, not for the refused."""
        session = greeted("PIPELINING")
        session.begin(mail(2))
        event = hear(session, "250 ok", "550 no", "250 ok", "451 later")
        self.assertEqual(self._codes(event), [550, 451])

    def test_content_refused(self):
        """So does a refused message."""
        session = greeted("PIPELINING")
        session.begin(mail(2))
        hear(session, "250 ok", "550 no", "250 ok", "354 go")
        session.end()
        self.assertEqual(self._codes(hear(session, "554 spam")), [550, 554])

    def test_too_many(self):
        """552 after accepted recipients defers the rest (RFC 5321 §4.5.3.1.10)."""
        for rcpt, code in (
            (["250 ok", "552 too many"], 452),
            (["250 ok", "552 5.5.3 too many"], 452),
            (["250 ok", "552 5.2.2 full"], 552),
            (["550 no", "552 too many"], 552),
        ):
            session = greeted("PIPELINING")
            session.begin(mail(2))
            event = hear(session, "250 ok", *rcpt, "554 no")
            self.assertEqual(self._codes(event)[1], code, rcpt)

    def test_lmtp(self):
        """LMTP answers for each accepted recipient."""
        session = greeted("PIPELINING", lmtp=True)
        session.begin(mail(3))
        hear(session, "250 ok", "250 ok", "550 no", "250 ok", "354 go")
        session.end()
        self.assertIsNone(hear(session, "250 kept"))
        self.assertEqual(self._codes(hear(session, "452 full")), [250, 550, 452])

    def test_421(self):
        """421 counts for everybody who is not settled, and is the end."""
        for lines, codes in (
            (["421 x"], [421, 421]),
            (["250 ok", "421 x"], [421, 421]),
            (["250 ok", "550 no", "421 x"], [550, 421]),
            (["250 ok", "250 ok", "250 ok", "421 x"], [421, 421]),
            (["250 ok", "550 no", "250 ok", "354 go", "421 x"], [550, 421]),
        ):
            session = greeted("PIPELINING")
            session.begin(mail(2))
            self.assertEqual(self._codes(hear(session, *lines)), codes)
            self.assertEqual(session.step, Step.DEAD)

    def test_lmtp_421(self):
        """421 in the middle of LMTP's answers leaves those that came."""
        session = greeted("PIPELINING", lmtp=True)
        session.begin(mail(2))
        hear(session, "250 ok", "250 ok", "250 ok", "354 go")
        session.end()
        self.assertEqual(self._codes(hear(session, "250 kept", "421 x")), [250, 421])

    def test_out_of_place(self):
        """Answers of the wrong kind end the session."""
        for lines in (
            ["354 go"],
            ["250 ok", "354 go"],
            ["250 ok", "250 ok", "250 ok"],
            ["250 ok", "250 ok", "354 go", "250 already"],
        ):
            session = greeted("PIPELINING")
            session.begin(mail(1))
            self.assertIsInstance(hear(session, *lines), Broken, lines)

    def test_early_refusal(self):
        """A refusal while the message is sent is heard."""
        session = greeted("PIPELINING")
        session.begin(mail(1))
        self.assertEqual(
            self._codes(hear(session, "250 ok", "250 ok", "354 go", "552 too big")),
            [552],
        )

    def test_command_injection(self):
        """An address with a line end is never written."""
        evil = Address("x\r\nRCPT TO:<y", "example.org")
        bad = Mail(evil, (Recipient(0, SENDER),), 1)
        session = greeted()
        self.assertRaises(UsageError, session.begin, bad)
        self.assertEqual(session.take(), b"")

    def test_utf8(self):
        """A domain is written in A-labels, or raw with SMTPUTF8."""
        address = Address("x", "bücher.example")
        self.assertEqual(path(address, utf8=False), "<x@xn--bcher-kva.example>")
        self.assertEqual(path(address, utf8=True), "<x@bücher.example>")
        self.assertEqual(path(None, utf8=False), "<>")
        self.assertRaises(UsageError, path, Address("é", "a.test"), utf8=False)


class GarbageTests(SynchronousTestCase):
    LINES = (
        b"220 x", b"250-x", b"250 x", b"250 PIPELINING", b"354 x", b"334 x", b"421 x",
        b"450 x", b"550 5.1.1 x", b"235 x", b"x", b"", b"999 x", b"250",
    )  # fmt: skip

    @given(st.lists(st.sampled_from(LINES), max_size=30), st.booleans())
    def test_any_answers(self, lines, lmtp):
        """Whatever a server says, there are events, an end, and no exception."""
        session = Session("us.test", lmtp)
        for line in lines:
            session.feed(line + b"\r\n")
            while (event := session.next_event()) is not None:
                if isinstance(event, Settled):
                    self.assertEqual(len(event.answers), 3)
                if isinstance(event, Begin):
                    session.end()
                elif isinstance(event, Secure):
                    session.secured()
                elif session.step is Step.READY:
                    session.begin(mail(3))


class StuffingTests(SynchronousTestCase):
    def _send(self, blocks):
        stuffing = Stuffing()
        return b"".join([*map(stuffing.block, blocks), stuffing.finish()])

    def test_dots(self):
        """A leading dot is doubled, an unfinished line is finished."""
        self.assertEqual(self._send([b".a\r\n..\r\nb"]), b"..a\r\n...\r\nb\r\n.\r\n")
        self.assertEqual(self._send([]), b".\r\n")

    def test_smuggling(self):
        """No bare CR or LF leaves, so that no other end is seen."""
        self.assertEqual(
            self._send([b"a\n.\nb\r.\rc"]), b"a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n"
        )

    @given(
        st.lists(
            st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n.\r\n", b""])
        )
    )
    def test_cuts(self, blocks):
        """Any cut gives the same octets, with one end and no bare CR or LF."""
        sent = self._send(blocks)
        self.assertEqual(sent, self._send([b"".join(blocks)]))
        self.assertEqual(
            sent.find(b"\r\n.\r\n"), max(len(sent) - 5, -1) if sent != b".\r\n" else -1
        )
        self.assertEqual(sent.count(b"\r\n"), sent.count(b"\n"))
        self.assertEqual(sent.count(b"\r\n"), sent.count(b"\r"))

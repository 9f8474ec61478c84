"""The SMTP session: every pair of state and verb, limits, any cut, garbage."""

import base64
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.address import Address
from mailsuite.model.replies import Reply
from mailsuite.wire.smtp import commands, reading, replies
from mailsuite.wire.smtp.lmtp import Dialect
from mailsuite.wire.smtp.standing import Offer
from mailsuite.wire.smtp.states import TABLE, State, Verb
from tests.support import transcripts
from tests.support.smtp import Machine

FULL = Offer(
    "mx.example.test",
    size=100_000,
    starttls=True,
    mechanisms=("PLAIN", "LOGIN"),
    clear_auth=True,
)
PLAIN = base64.b64encode(b"\0u\0p")
SAID = {
    Verb.HELLO: b"EHLO c\r\n",
    Verb.MAIL: b"MAIL FROM:<a@b>\r\n",
    Verb.RCPT: b"RCPT TO:<c@d>\r\n",
    Verb.DATA: b"DATA\r\n",
    Verb.RSET: b"RSET\r\n",
    Verb.TELL: b"NOOP\r\n",
    Verb.STARTTLS: b"STARTTLS\r\n",
    Verb.AUTH: b"AUTH PLAIN " + PLAIN + b"\r\n",
    Verb.QUIT: b"QUIT\r\n",
}
WAYS = {
    State.STARTED: b"",
    State.GREETED: b"EHLO c\r\n",
    State.SENDER: b"EHLO c\r\nMAIL FROM:<a@b>\r\n",
    State.RECIPIENTS: b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
}
ASKED = b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"

MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN")


def begun(octets: bytes = b"", offer: Offer = FULL, **given) -> Machine:
    machine = Machine(offer, **given)
    machine.feed(b"")
    machine.feed(octets)
    return machine


class TableTests(SynchronousTestCase):
    def test_every_pair_in_the_table(self):
        """A pair of the table leads where it says after a positive answer."""
        for state, verb in product(WAYS, SAID):
            if (state, verb) in TABLE and verb is not Verb.STARTTLS:
                machine = begun(WAYS[state])
                self.assertIs(machine.session.standing.state, state)
                machine.feed(SAID[verb])
                self.assertIs(
                    machine.session.standing.state, TABLE[state, verb], (state, verb)
                )

    def test_every_pair_refused(self):
        """After a negative answer the session stands where it stood."""
        for state, verb in product(WAYS, SAID):
            machine = begun(WAYS[state])
            machine.session.feed(SAID[verb])
            event = machine.session.next_event()
            self.assertIsNotNone(event)
            machine.session.answer(Reply(450, "4.0.0", "No"))
            self.assertIs(machine.session.standing.state, state, (state, verb))

    def test_every_pair_missing(self):
        """What is not in the table is answered 503 and changes nothing."""
        for state, verb in product(WAYS, SAID):
            if (state, verb) not in TABLE:
                machine = begun(WAYS[state])
                said = machine.feed(SAID[verb])
                self.assertTrue(said.startswith(b"503 "), (state, verb, said))
                self.assertIs(machine.session.standing.state, state)

    def test_content_ends_whatever_the_answer(self):
        """After the last octet the transaction is over, refused or not."""
        machine = begun(ASKED, refusing={commands.End: Reply(550, "5.0.0", "No")})
        machine.feed(b"x\r\n.\r\n")
        self.assertIs(machine.session.standing.state, State.GREETED)
        self.assertEqual(machine.session.standing.recipients, 0)

    def test_greeting_refused(self):
        """Once 554 was the greeting nothing is read any more."""
        machine = Machine(FULL)
        machine.session.answer(Reply(554, "5.7.1", "No"))
        self.assertEqual(machine.feed(b"EHLO c\r\n"), b"")
        self.assertEqual(machine.session.held, 0)

    def test_early_talker(self):
        """What comes before the greeting starts nothing unseen."""
        machine = Machine(FULL)
        machine.session.feed(WAYS[State.RECIPIENTS])
        self.assertIsNone(machine.session.next_event())
        self.assertIs(machine.session.standing.state, State.CONNECTED)

    def test_nothing_after_quit(self):
        """Commands after QUIT are never seen."""
        machine = begun(b"QUIT\r\nEHLO c\r\nMAIL FROM:<a@b>\r\n")
        machine.closed = False
        self.assertEqual(machine.feed(b"NOOP\r\n"), b"")
        self.assertEqual(len(machine.seen), 1)


class ExtensionTests(SynchronousTestCase):
    def test_offers(self):
        """EHLO lists what is there, HELO nothing."""
        machine = begun()
        said = machine.feed(b"EHLO c\r\n")
        for word in (
            b"PIPELINING",
            b"SIZE 100000",
            b"8BITMIME",
            b"SMTPUTF8",
            b"ENHANCEDSTATUSCODES",
            b"STARTTLS",
            b"AUTH PLAIN LOGIN",
        ):
            self.assertIn(b"250-" + word + b"\r\n", said)
        self.assertNotIn(b"CHUNKING", said)
        self.assertEqual(machine.feed(b"HELO c\r\n"), b"250 mx.example.test\r\n")

    def test_nothing_that_is_not_there(self):
        """Without TLS and mechanisms neither is offered nor understood."""
        machine = begun(offer=Offer("h"))
        said = machine.feed(b"EHLO c\r\n")
        self.assertNotIn(b"STARTTLS", said)
        self.assertNotIn(b"AUTH", said)
        self.assertEqual(machine.feed(b"STARTTLS\r\n")[:3], b"502")
        self.assertEqual(machine.feed(b"AUTH PLAIN\r\n")[:3], b"502")

    def test_starttls_drops_plaintext(self):
        """What was pipelined behind STARTTLS is not executed (CVE-2011-0411)."""
        machine = begun(b"EHLO c\r\n")
        said = machine.feed(b"STARTTLS\r\nRSET\r\nMAIL FROM:<evil@x>\r\n")
        self.assertEqual(said, b"220 2.0.0 Ready to start TLS\r\n")
        self.assertEqual(machine.feed(b"MAIL FROM:<a@b>\r\n")[:3], b"503")

    def test_starttls_forgets(self):
        """After TLS greeting, AUTH and transaction are forgotten; no STARTTLS."""
        machine = begun(b"EHLO c\r\nAUTH PLAIN " + PLAIN + b"\r\nSTARTTLS\r\n")
        self.assertIs(machine.session.standing.state, State.STARTED)
        self.assertFalse(machine.session.standing.authenticated)
        said = machine.feed(b"EHLO c\r\n")
        self.assertNotIn(b"STARTTLS", said)
        self.assertIn(b"AUTH", said)
        self.assertEqual(machine.feed(b"STARTTLS\r\n")[:3], b"502")

    def test_starttls_in_transaction(self):
        """STARTTLS inside a transaction is out of order."""
        machine = begun(WAYS[State.SENDER])
        self.assertEqual(machine.feed(b"STARTTLS\r\n")[:3], b"503")

    def test_mail_before_tls(self):
        """Where TLS comes first, MAIL is 530 and AUTH 538 before it."""
        offer = Offer("h", starttls=True, tls_first=True, mechanisms=("PLAIN",))
        machine = begun(b"EHLO c\r\n", offer)
        self.assertEqual(machine.feed(b"MAIL FROM:<a@b>\r\n")[:9], b"530 5.7.0")
        self.assertEqual(machine.feed(b"AUTH PLAIN\r\n")[:10], b"538 5.7.11")

    def test_refused_verbs(self):
        """Old and dangerous verbs are 502, unknown ones 500."""
        machine = begun(b"EHLO c\r\n")
        for word in (b"ETRN x", b"TURN", b"EXPN l", b"DEBUG", b"WIZ", b"BDAT 0"):
            self.assertEqual(machine.feed(word + b"\r\n")[:9], b"502 5.5.1", word)
        self.assertEqual(machine.feed(b"FOO\r\n")[:9], b"500 5.5.2")
        self.assertEqual(machine.feed(b"LHLO c\r\n")[:9], b"500 5.5.2")

    def test_lower_case(self):
        """Verbs and keywords are known in any case."""
        machine = begun(b"ehlo c\r\nmail from:<a@b> size=3 body=8bitmime\r\n")
        self.assertEqual(
            machine.seen[1],
            commands.Mail(Address("a", "b"), {"SIZE": "3", "BODY": "8BITMIME"}),
        )

    def test_chunks_are_consumed(self):
        """BDAT's octets are thrown away, never executed; the session goes on."""
        machine = begun(b"EHLO c\r\n")
        chunk = b"MAIL FROM:<evil@x>\r\n"
        said = machine.feed(b"BDAT %d LAST\r\n" % len(chunk) + chunk + b"NOOP\r\n")
        self.assertEqual(said[:3], b"502")
        self.assertEqual(said.count(b"\r\n"), 2)
        self.assertTrue(said.endswith(b"250 2.0.0 Ok\r\n"))

    def test_bad_chunk_sizes_close(self):
        """Where the octets cannot be counted the connection ends."""
        for size in (b"-1", b"0x10", b"18446744073709551617", b"", b"1e9"):
            machine = begun(b"EHLO c\r\n")
            said = machine.feed(b"BDAT " + size + b"\r\nMAIL FROM:<evil@x>\r\n")
            self.assertEqual(said[:3], b"501")
            self.assertEqual(said.count(b"\r\n"), 1)
            self.assertTrue(machine.closed)

    def test_strangers(self):
        """HTTP and a TLS hello on the plain port are closed at once."""
        for octets in (
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST / HTTP/1.1\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00",
        ):
            machine = begun()
            self.assertEqual(machine.feed(octets)[:3], b"421")
            self.assertTrue(machine.closed)


class AuthTests(SynchronousTestCase):
    def test_twice(self):
        """A second AUTH is 503."""
        machine = begun(b"EHLO c\r\nAUTH PLAIN " + PLAIN + b"\r\n")
        self.assertTrue(machine.session.standing.authenticated)
        self.assertEqual(machine.feed(b"AUTH PLAIN\r\n")[:3], b"503")

    def test_in_transaction(self):
        """AUTH inside a transaction is 503."""
        machine = begun(WAYS[State.SENDER])
        self.assertEqual(machine.feed(b"AUTH PLAIN\r\n")[:3], b"503")

    def test_cancelled(self):
        """``*`` ends the exchange with 501, and commands go on."""
        machine = begun(b"EHLO c\r\nAUTH PLAIN\r\n")
        self.assertIs(machine.session.standing.state, State.PROVING)
        self.assertEqual(machine.feed(b"*\r\n")[:3], b"501")
        self.assertEqual(machine.feed(b"NOOP\r\n")[:3], b"250")

    def test_malformed(self):
        """What is not base64 is 501, and commands go on."""
        machine = begun(b"EHLO c\r\n")
        self.assertEqual(machine.feed(b"AUTH PLAIN !!\r\n")[:3], b"501")
        machine.feed(b"AUTH PLAIN\r\n")
        self.assertEqual(machine.feed(b"MAIL FROM:<a@b>\r\n")[:3], b"501")
        self.assertEqual(machine.feed(b"NOOP\r\n")[:3], b"250")
        self.assertEqual(machine.feed(b"AUTH\r\n")[:3], b"501")
        self.assertEqual(machine.feed(b"AUTH PLAIN = =\r\n")[:3], b"501")

    def test_unknown_mechanism(self):
        """A mechanism that is not offered is 504."""
        machine = begun(b"EHLO c\r\n")
        self.assertEqual(machine.feed(b"AUTH CRAM-MD5\r\n")[:9], b"504 5.5.4")

    def test_oversize(self):
        """A response over 12,288 octets is 500, and commands go on."""
        machine = begun(b"EHLO c\r\nAUTH PLAIN\r\n")
        self.assertEqual(machine.feed(b"A" * 13_000 + b"\r\n")[:9], b"500 5.5.6")
        self.assertEqual(machine.feed(b"NOOP\r\n")[:3], b"250")
        self.assertEqual(
            machine.feed(b"AUTH PLAIN " + b"A" * 13_000 + b"\r\n")[:3], b"500"
        )

    def test_not_shown(self):
        """Neither events nor challenges show secrets when printed."""
        machine = begun(b"EHLO c\r\nAUTH PLAIN " + PLAIN + b"\r\n")
        self.assertNotIn("u", repr(machine.seen[-1]).partition("initial")[2])


class AddressTests(SynchronousTestCase):
    def mail(self, text: str, offer: Offer = FULL) -> tuple[bytes, object]:
        machine = begun(b"EHLO c\r\n", offer)
        said = machine.feed(f"MAIL FROM:{text}\r\n".encode())
        return said[:9], machine.seen[-1]

    def test_forms(self):
        """Every form of RFC 5321 §4.1.2, and what is tolerated, is understood."""
        for text, local, domain in (
            ("<a@b>", "a", "b"),
            (" <a@b>", "a", "b"),
            ("<a@B.Example.>", "a", "b.example"),
            ('<"a b"@c>', "a b", "c"),
            ('<"a\\"b>"@c>', 'a"b>', "c"),
            ('<"a@b"@c>', "a@b", "c"),
            ('<""@c>', "", "c"),
            ("<@x,@y.z:a@b>", "a", "b"),
            ("<a%b@c>", "a%b", "c"),
            ("<a!b@c>", "a!b", "c"),
            ("<a@[192.0.2.1]>", "a", "[192.0.2.1]"),
            ("<a@[IPv6:2001:db8::1]>", "a", "[ipv6:2001:db8::1]"),
            ("<a..b@c>", "a..b", "c"),
            ("<" + "l" * 64 + "@c>", "l" * 64, "c"),
            ("<|/bin/sh@c>", "|/bin/sh", "c"),
        ):
            said, event = self.mail(text)
            self.assertEqual(said, b"250 2.1.0", text)
            self.assertEqual(event.sender, Address(local, domain), text)

    def test_null(self):
        """``<>`` is the null reverse-path, and no forward-path."""
        self.assertEqual(self.mail("<>")[1], commands.Mail(None, {}))
        machine = begun(WAYS[State.SENDER])
        self.assertEqual(machine.feed(b"RCPT TO:<>\r\n")[:9], b"501 5.1.3")

    def test_bad(self):
        """What is no path is 501 5.1.7."""
        for text in (
            "",
            "a@b",
            "<a>",
            "<a@>",
            "<@b>",
            "<a@b",
            "<a b@c>",
            "<a@b@c>",
            "<a@-b>",
            "<a@b..c>",
            "<a@[1.2.3]>",
            "<a@[IPv6:zz]>",
            "<a@b c>",
            '<"a@b>',
            "<" + "l" * 256 + "@c>",
            "<a@" + "d." * 130 + "d>",
            "<a@" + "d" * 64 + ">",
        ):
            self.assertEqual(self.mail(text)[0], b"501 5.1.7", text)

    def test_postmaster(self):
        """RCPT TO:<Postmaster> needs no domain; nobody else goes without."""
        machine = begun(WAYS[State.SENDER])
        self.assertEqual(machine.feed(b"RCPT TO:<PostMaster>\r\n")[:3], b"250")
        self.assertEqual(machine.seen[-1].address, Address("postmaster", ""))
        self.assertEqual(machine.feed(b"RCPT TO:<root>\r\n")[:9], b"501 5.1.3")

    def test_utf8(self):
        """Non-ASCII addresses need SMTPUTF8, which takes no value (RFC 6531)."""
        self.assertEqual(self.mail("<jörg@bücher.example>")[0], b"553 5.6.7")
        said, event = self.mail("<jörg@bücher.example> SMTPUTF8")
        self.assertEqual(said, b"250 2.1.0")
        self.assertEqual(event.sender, Address("jörg", "bücher.example"))
        self.assertEqual(self.mail("<a@b> SMTPUTF8=1")[0], b"501 5.5.4")
        machine = begun(WAYS[State.SENDER])
        self.assertEqual(machine.feed("RCPT TO:<é@x>\r\n".encode())[:9], b"553 5.6.7")

    def test_parameters(self):
        """Unknown parameters are 555; bad, doubled or endless ones 501."""
        for text, said in (
            ("<a@b> FOO=1", b"555 5.5.4"),
            ("<a@b> RET=FULL", b"555 5.5.4"),
            ("<a@b> SIZE=x", b"501 5.5.4"),
            ("<a@b> SIZE", b"501 5.5.4"),
            ("<a@b> SIZE=-1", b"501 5.5.4"),
            ("<a@b> SIZE=" + "9" * 21, b"501 5.5.4"),
            ("<a@b> SIZE=1 SIZE=1", b"501 5.5.4"),
            ("<a@b> SIZE=100001", b"552 5.3.4"),
            ("<a@b> BODY=BINARYMIME", b"501 5.5.4"),
            ("<a@b>SIZE=1", b"501 5.5.4"),
            ("<a@b> =1", b"501 5.5.4"),
            ("<a@b> " + "X=1 " * 17, b"501 5.5.4"),
            ("<a@b> AUTH=<>", b"250 2.1.0"),
            ("<a@b> AUTH=e+3Dmc2@b", b"250 2.1.0"),
            ("<a@b> AUTH=e+3", b"501 5.5.4"),
            ("<a@b> AUTH=+YY", b"501 5.5.4"),
            ("<a@b> SIZE=100000 BODY=7BIT ", b"250 2.1.0"),
        ):
            self.assertEqual(self.mail(text)[0], said, text)
        plain = Offer("h")
        self.assertEqual(self.mail("<a@b> AUTH=<>", plain)[0], b"555 5.5.4")
        machine = begun(WAYS[State.SENDER])
        said = machine.feed(b"RCPT TO:<c@d> NOTIFY=NEVER\r\n")
        self.assertEqual(said[:9], b"555 5.5.4")


class AgainTests(SynchronousTestCase):
    """A command that was read before is judged anew where it stands now."""

    def codes(self, octets, offer=FULL):
        machine = Machine(offer)
        machine.feed(b"")
        machine.session.feed(b"EHLO c\r\n" + octets)
        said = []
        while (event := machine.session.next_event()) is not None:
            said.append(machine.answer(event)[:3])
        return said[1:]

    def test_size(self):
        """Each offer has its own limit."""
        line = b"MAIL FROM:<a@b> SIZE=5000\r\n"
        small = Offer("mx.example.test", size=1_000)
        for _ in range(2):
            self.assertEqual(self.codes(line), [b"250"])
            self.assertEqual(self.codes(line, small), [b"552"])

    def test_parameters(self):
        """AUTH= is known only where AUTH is offered."""
        line = b"MAIL FROM:<a@b> AUTH=<>\r\n"
        for _ in range(2):
            self.assertEqual(self.codes(line), [b"250"])
            self.assertEqual(self.codes(line, Offer("mx.example.test")), [b"555"])

    def test_utf8(self):
        """A non-ASCII recipient is taken after SMTPUTF8 alone."""
        to = "RCPT TO:<jörg@b>\r\n".encode()
        for _ in range(2):
            said = self.codes(b"MAIL FROM:<a@b> SMTPUTF8\r\n" + to)
            self.assertEqual(said, [b"250", b"250"])
            said = self.codes(b"MAIL FROM:<a@b>\r\n" + to)
            self.assertEqual(said, [b"250", b"553"])

    def test_tls_first(self):
        """Before TLS the same command is refused."""
        line = b"MAIL FROM:<a@b>\r\n"
        first = Offer("mx.example.test", starttls=True, tls_first=True)
        for _ in range(2):
            self.assertEqual(self.codes(line), [b"250"])
            self.assertEqual(self.codes(line, first), [b"530"])

    def test_long_arguments_are_not_remembered(self):
        """What stays read is bounded in number and in length."""
        before = reading._mail.cache_info().currsize
        for number in range(20):
            local = b"%d" % number + b"x" * (reading.MEMO_CHARACTERS - 40)
            line = b"MAIL FROM:<" + local + b"@" + b"d" * 60 + b">\r\n"
            self.assertEqual(self.codes(line), [b"250"])
        info = reading._mail.cache_info()
        self.assertEqual((info.currsize, info.maxsize), (before, 2_000))


class LimitTests(SynchronousTestCase):
    def test_lines(self):
        """A line over its limit is 500, thrown away to its end, and no more."""
        machine = begun(b"EHLO c\r\n", Offer("h"))
        said = machine.feed(b"NOOP " + b"x" * 3_000 + b"\r\nNOOP\r\n")
        self.assertEqual(said, b"500 5.5.2 Line too long\r\n250 2.0.0 Ok\r\n")
        self.assertEqual(machine.feed(b"NOOP " + b"x" * 1_900 + b"\r\n")[:3], b"250")

    def test_endless_line(self):
        """Above 64 KiB without an end it is closed; little is ever held."""
        machine = begun(b"EHLO c\r\n")
        said = b""
        for _ in range(70):
            said += machine.feed(b"x" * 1_000)
            self.assertLessEqual(machine.session.held, 13_000)
        self.assertEqual(said[:3], b"500")
        self.assertTrue(machine.closed)

    def test_recipients(self):
        """Over the limit 452 4.5.3; those accepted stay."""
        machine = begun(WAYS[State.SENDER], Offer("h", recipients=100))
        for n in range(100):
            self.assertEqual(machine.feed(b"RCPT TO:<u%d@d>\r\n" % n)[:3], b"250")
        self.assertEqual(machine.feed(b"RCPT TO:<x@d>\r\n")[:9], b"452 4.5.3")
        self.assertEqual(machine.feed(b"DATA\r\n")[:3], b"354")

    def test_bad_octets(self):
        """NUL, controls, 8-bit and bad UTF-8 are 501 5.5.2, in step."""
        for line in (
            b"NOOP \0",
            b"NO\x07OP",
            b"EHLO b\xc3\xbccher",
            b"MAIL FROM:<\xff@x>",
            b"MAIL FROM:<a@b>\rRCPT TO:<c@d>",
            b"MAIL FROM:<a\xe2\x80\xa8@b> SMTPUTF8",
            b"MAIL\tFROM:<a@b>",
        ):
            machine = begun(b"EHLO c\r\n")
            said = machine.feed(line + b"\r\nNOOP\r\n")
            self.assertEqual(said.split(b"\r\n")[0][:9], b"501 5.5.2", line)
            self.assertEqual(said.count(b"\r\n"), 2, line)

    def test_bare_lf_in_commands(self):
        """A command that ends in LF alone is refused and not executed."""
        machine = begun()
        self.assertEqual(machine.feed(b"EHLO c\n")[:9], b"500 5.5.2")
        self.assertIs(machine.session.standing.state, State.STARTED)

    def test_oversize_content(self):
        """Over the limit 552 5.3.4 at the end, whatever SIZE= said."""
        machine = begun(
            b"EHLO c\r\nMAIL FROM:<a@b> SIZE=1\r\nRCPT TO:<c@d>\r\nDATA\r\n"
        )
        said = b""
        for _ in range(60):
            said += machine.feed(b"x" * 2_000 + b"\r\n")
        self.assertEqual(said, b"")
        self.assertEqual(machine.feed(b".\r\nNOOP\r\n")[:9], b"552 5.3.4")
        self.assertEqual(machine.messages, [])

    def test_exactly_the_limit(self):
        """As many octets as the limit are taken."""
        machine = begun(ASKED, Offer("h", size=1_000))
        self.assertEqual(machine.feed(b"x" * 998 + b"\r\n.\r\n")[:3], b"250")
        machine = begun(ASKED, Offer("h", size=1_000))
        self.assertEqual(machine.feed(b"x" * 999 + b"\r\n.\r\n")[:3], b"552")


class LMTPTests(SynchronousTestCase):
    OFFER = Offer("h", dialect=Dialect.LMTP)
    ASKED = ASKED.replace(b"EHLO", b"LHLO")

    def test_greetings(self):
        """RFC 2033 §4.1: only LHLO says hello."""
        machine = begun(offer=self.OFFER)
        self.assertEqual(machine.feed(b"EHLO c\r\n")[:3], b"500")
        self.assertEqual(machine.feed(b"HELO c\r\n")[:3], b"500")
        self.assertEqual(machine.feed(b"LHLO c\r\n")[:3], b"250")

    def test_a_reply_each(self):
        """RFC 2033 §4.2: one reply for every accepted recipient, in order."""
        machine = begun(self.ASKED[:-6] + b"RCPT TO:<e@f>\r\nDATA\r\n", self.OFFER)
        machine.session.feed(b"x\r\n.\r\n")
        while not isinstance(machine.session.next_event(), commands.End):
            pass
        said = machine.session.answer(replies.OK, Reply(452, "4.2.2", "Full"))
        self.assertEqual(said, b"250 2.0.0 Ok\r\n452 4.2.2 Full\r\n")

    def test_one_refusal_for_all(self):
        """A refusal of the message is told once a recipient."""
        machine = begun(self.ASKED[:-6] + b"RCPT TO:<e@f>\r\nDATA\r\n", self.OFFER)
        self.assertEqual(machine.feed(b"x\ny\r\n.\r\n").count(b"550 5.5.2"), 2)

    def test_no_recipients(self):
        """DATA without a recipient is 503."""
        machine = begun(b"LHLO c\r\nMAIL FROM:<a@b>\r\n", self.OFFER)
        self.assertEqual(machine.feed(b"DATA\r\n")[:3], b"503")


LINES = st.lists(
    st.sampled_from(
        [
            *SAID.values(),
            b"a line\r\n",
            b".\r\n",
            b"..\r\n",
            b"\r\n.\r\n",
            b"RCPT TO:<x\r\n",
            b"AUTH LOGIN\r\n",
            b"*\r\n",
            b"BDAT 7\r\nQUIT\r\n.",
            b"\0\r\n",
            b"bare\n",
            b"\r",
        ]
    ),
    max_size=30,
)


class CutTests(SynchronousTestCase):
    @given(LINES, st.randoms(use_true_random=False))
    @settings(max_examples=150, deadline=None)
    def test_any_cut(self, lines, dice):
        """Any cut of the octets gives the same events and the same answers."""
        octets = b"".join(lines)
        one, many = begun(), begun()
        said = one.feed(octets)
        told = b""
        at = 0
        while at < len(octets):
            size = dice.randint(1, 40)
            told += many.feed(octets[at : at + size])
            at += size
        if any(isinstance(event, commands.StartTLS) for event in one.seen):
            return  # what is dropped with the plain text depends on the cut
        self.assertEqual(told, said)
        self.assertEqual(many.seen, one.seen)
        self.assertEqual(many.messages, one.messages)

    @given(st.lists(st.binary(max_size=300), max_size=20))
    @settings(max_examples=150, deadline=None)
    def test_garbage(self, pieces):
        """Garbage gives answers, never an exception, and is not hoarded."""
        machine = begun(b"EHLO c\r\n")
        for piece in pieces:
            said = machine.feed(piece)
            self.assertTrue(said == b"" or said.endswith(b"\r\n"))
            self.assertLess(machine.session.held, 13_000)

    @given(st.lists(st.sampled_from([b"\r\n", b".", b"x", b"y" * 80]), max_size=60))
    @settings(max_examples=200, deadline=None)
    def test_content_is_kept(self, parts):
        """What a client stuffs and sends is what comes out, octet for octet."""
        content = b"".join(parts)
        if content and not content.endswith(b"\r\n"):
            content += b"\r\n"
        stuffed = b"".join(
            b"." + line if line.startswith(b".") else line
            for line in content.splitlines(keepends=True)
        )
        for cut in transcripts.CUTS[:4]:
            machine = begun(ASKED)
            for piece in cut(stuffed + b".\r\n"):
                machine.feed(piece)
            self.assertEqual(machine.messages, [content])


class TranscriptTests(SynchronousTestCase):
    def test_transcripts(self):
        """Every transcript, whole, octet by octet and in random cuts."""
        for path in transcripts.files("smtp"):
            lmtp = path.stem.startswith("lmtp")
            offer = Offer(
                "mx.example.test",
                Dialect.LMTP if lmtp else Dialect.SMTP,
                size=100_000,
                mechanisms=MECHANISMS if "auth" in path.stem else (),
                clear_auth=True,
            )
            for cut in transcripts.CUTS:
                transcripts.play(path, Machine(offer), cut)

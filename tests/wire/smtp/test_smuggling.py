"""Only CRLF.CRLF ends a message (VU#302671, CVE-2023-51764/51765/51766)."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.wire.smtp.standing import Offer
from tests.support import transcripts
from tests.support.smtp import Machine

OPENING = b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
SMUGGLED = b"MAIL FROM:<evil@x>\r\nRCPT TO:<c@d>\r\nDATA\r\nevil\r\n.\r\n"

BARE = (
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r.\n",
    b"\n.\r",
    b"\n\n.\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n\n.\n\r\n",
    b"\n\r.\n\r",
    b"\r\n.\r\r\n",
    b"\n..\n",
    b"\r",
    b"\n",
)
HARMLESS = (
    b"\x00\r\n.\x00\r\n",
    b"\r\n\x00.\r\n",
    b"\r\n.\x00\r\n",
    b"\xc2\x85.\xc2\x85",
    b"\xe2\x80\xa8.\xe2\x80\xa8",
    b"\x0b.\x0b",
    b"\x0c.\x0c",
    b"\r\n. \r\n",
    b"\r\n .\r\n",
    b"\r\n..\r\n",
)


class SmugglingTests(SynchronousTestCase):
    def talk(self, octets: bytes, cut: transcripts.Cut) -> tuple[bytes, Machine]:
        machine = Machine(Offer("mx.example.test"))
        machine.feed(b"")
        machine.feed(OPENING)
        said = b"".join(machine.feed(piece) for piece in cut(octets))
        return said, machine

    def test_bare_ends(self):
        """Each bare CR or LF is refused with one 550 and the connection closed."""
        for form in BARE:
            for cut in transcripts.CUTS[:4]:
                octets = b"text" + form + SMUGGLED
                said, machine = self.talk(octets, cut)
                self.assertEqual(
                    said, b"550 5.5.2 Bare <CR> or <LF> in message\r\n", form
                )
                self.assertTrue(machine.closed)
                self.assertEqual(machine.messages, [])

    def test_other_marks(self):
        """NUL, NEL, U+2028 and spaces end nothing: all is one message."""
        for form in HARMLESS:
            for cut in transcripts.CUTS[:4]:
                octets = b"text" + form + SMUGGLED
                said, machine = self.talk(octets, cut)
                self.assertEqual(said, b"250 2.0.0 Ok\r\n", form)
                self.assertEqual(len(machine.messages), 1)
                self.assertIn(b"evil@x", machine.messages[0])

    def test_the_true_end(self):
        """Behind CRLF.CRLF commands are commands."""
        said, machine = self.talk(b"text\r\n.\r\n" + SMUGGLED, transcripts.whole)
        self.assertEqual(len(machine.messages), 2)
        self.assertEqual(said.count(b"\r\n"), 5)

    def test_empty(self):
        """A dot at once is an empty message."""
        for cut in transcripts.CUTS:
            _, machine = self.talk(b".\r\n", cut)
            self.assertEqual(machine.messages, [b""])

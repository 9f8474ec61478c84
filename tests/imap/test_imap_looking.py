"""SEARCH BODY and TEXT are exact: what is passed over undecoded holds nothing."""

from encodings.aliases import aliases

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.imap import looking
from mailsuite.mime import structure, text, words
from mailsuite.mime.scan import scan
from tests.support.imap_world import Talk

LABELS = (
    *("us-ascii", "UTF-8", "iso-8859-1", "iso-8859-9", "windows-1254", "koi8-r"),
    *("utf7", "utf-7", "utf16", "utf-16le", "u32", "iso-2022-jp", "csiso2022kr", "hz"),
    *("cp037", "ibm1140", "big5", "gb18030", "shift_jis", "shift_jis_2004", "none"),
)
PIECES = (
    *(b"bari", b"BAR", b"\xc4\xb0", b"\xdd", b"\xc5\x89", b"now", b"o", b"ice", b" "),
    *(b"\xef\xac\x80", b"\xdf", b"\0", b"\x1b(B", b"\x1b(J", b"~", b"~\n", b"~}"),
    *(b"+AGE-", b"\r\n ", b"\r\n\t", b"\r\nX: ", b"=?utf-8?q?i?=", b"\x89", b"K"),
)
NEEDLES = ("i", "bari", "now", "of", "fo", "ff", "office", "s", "a", "o i", "o\ti", ".")
TEXTS = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)


def mail(label: str, subject: bytes, body: bytes) -> bytes:
    kind = b"Content-Type: text/plain; charset=%b\r\n" % label.encode()
    return kind + b"Subject: " + subject + b"\r\n\r\n" + body


class GlanceTests(SynchronousTestCase):
    @given(st.sampled_from(LABELS), TEXTS, TEXTS, st.sampled_from(NEEDLES))
    @example("utf-8", b"x", "BAR\u0130".encode(), "bari")
    @example("utf-8", b"x", "o\ufb00ice".encode(), "of")
    @example("utf-8", b"x", "\u0149ow".encode(), "now")
    @example("utf-8", b"no\0w", b"", "now")
    @example("utf-8", b"o\r\n\ti", b"", "o\ti")
    @example("hz", b"x", b"no~\nw", "now")
    @example("iso-2022-jp", b"x", b"no\x1b(Bw", "now")
    @example("utf7", b"x", b"b+AGE-ri", "bari")
    @example("cp037", b"x", "bari".encode("cp037"), "bari")
    def test_exact(self, label, subject, body, needle):
        """Mail that is passed over does not hold the text, however it is labelled."""
        octets = mail(label, subject, body)
        parts = scan(octets).parts
        passed = looking._is_bare(octets, parts) and not looking._may_hold(
            octets, needle
        )
        pieces = text.searchable(octets, structure.decode(parts), header=True)
        self.assertFalse(passed and text.holds(pieces, needle))

    def test_passed(self):
        """Plain mail is passed over."""
        octets = mail("us-ascii", b"one", b"two\r\n")
        parts = scan(octets).parts
        self.assertTrue(looking._is_bare(octets, parts))
        for needle in ("three", "gr\xfcn", "t wo"):
            self.assertFalse(looking._may_hold(octets, needle))

    def test_charsets(self):
        """Where plain mail is passed over ASCII stands for itself."""
        ascii_ = bytes(range(128))
        for name in {*aliases, *(one.replace("_", "-") for one in aliases)}:
            octets = mail(name, b"x", b"")
            decoder = text._decoder(name, b"")
            if looking._is_bare(octets, scan(octets).parts):
                self.assertEqual(decoder.decode(ascii_), ascii_.decode("ascii"), name)


class LookingTests(SynchronousTestCase):
    def setUp(self):
        self.talk = Talk()
        self.box = self.talk.world.box("INBOX")

    def found(self, key: str) -> bytes:
        client = self.talk.login(b"INBOX")
        key = key.encode()
        said = client.say(b"t SEARCH TEXT {%d+}\r\n%b\r\n" % (len(key), key))
        self.assertIn(b"t OK", said)
        return said.split(b"\r\n")[0][9:]

    def test_text(self):
        """Text is found whatever letters fold to, and however it is labelled."""
        self.box.add(mail("utf-8", b"x", "BAR\u0130".encode()))
        self.box.add(mail("utf7", b"x", b"b+AGE-ri"))
        self.box.add(mail("cp037", b"x", "bari".encode("cp037")))
        self.box.add(mail("us-ascii", b"x", b"bar"))
        self.assertEqual(self.found("BARI"), b"1 2 3")

    def test_addresses(self):
        """Addresses are found as ENVELOPE has them, and as they are written."""
        for value in (
            b"<ann(home)@ (at) example.org>",
            b'"Ann \\"Q\\" Lee" <q@example.org>',
            b'"Ann" Lee <l@example.org>',
            b"Friends: (all) Bo <bo@example.org>;",
        ):
            self.box.add(b"From: %b\r\nX-From: %b\r\n\r\n" % (value, value))
        client = self.talk.login(b"INBOX")
        for key, wanted in (
            (b"FROM ann@example.org", b" 1"),
            (b'FROM "(home)"', b" 1"),
            (b'FROM "Ann \\"Q\\" Lee"', b" 2"),
            (b'FROM "ann lee"', b" 3"),
            (b"FROM friends", b" 4"),
            (b'FROM "bo <bo@"', b" 4"),
            (b"HEADER X-From ann@example.org", b""),
            (b"TO ann", b""),
        ):
            lines, _ = client.ask(b"SEARCH " + key)
            self.assertEqual(lines[-1], b"* SEARCH" + wanted, key)

    def test_unreadable(self):
        """A message that cannot be read holds nothing, and stops no search."""
        self.box.add(mail("utf-8", b"x", "gr\xfcn".encode()))
        self.box.add(mail("utf-8", b"x", "gr\xfcn".encode()))
        self.box.damaged.add(1)
        self.assertEqual(self.found("GR\xdcN"), b"2")

    def test_values_remembered(self):
        """A search remembers values that are short."""
        read = []

        def decode(value):
            read.append(value)
            return value.decode()

        self.patch(words, "decode", decode)
        says = looking._saying("\xfc")
        short = b"\xc3\xbc"
        long = short * looking.DECODED_OCTETS
        self.assertTrue(all(says(value) for value in (short, long) * 2))
        self.assertEqual(read, [short, long, long])

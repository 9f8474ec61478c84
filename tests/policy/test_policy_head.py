"""The header on its way: shown once, cleaned, and stored, however it is cut."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailsuite.interfaces.receiving import IWatch
from mailsuite.policy.head import HEAD_OCTETS, Head
from tests.support.smtp import Blobs

PIECES = st.lists(
    st.sampled_from(
        [b"\r\n", b"\r", b"\n", b"Bad: x\r\n", b"A: b\r\n", b" f", b"text"]
    ),
    max_size=12,
).map(b"".join)


@implementer(IWatch)
class Cleaner:
    """Takes fields called Bad out and remembers what it is shown."""

    def __init__(self):
        self.headers = []
        self.text = b""

    def header(self, header):
        self.headers.append(header)
        return header.replace(b"Bad: x\r\n", b"")

    def body(self, block):
        self.text += block

    def accepted(self, ident):
        pass


def parts(octets):
    """Header and the rest, as RFC 5322 §2.1 has it."""
    if octets.startswith(b"\r\n"):
        return b"", octets
    end = octets.find(b"\r\n\r\n")
    return (octets[: end + 2], octets[end + 2 :]) if end >= 0 else (octets, b"")


class HeadTests(SynchronousTestCase):
    def through(self, octets, cuts, watches):
        head = Head(Blobs().create(0), watches)
        at = 0
        for cut in [*sorted(cuts), len(octets)]:
            if octets[at:cut]:
                head.write(octets[at:cut])
            at = max(at, cut)
        blob = self.successResultOf(Deferred.fromCoroutine(head.close()))
        return head, blob.octets

    @given(PIECES, st.lists(st.integers(0, 60), max_size=6))
    @example(b"Bad: x\r\n\r\nBad: x\r\n", [8])
    @example(b"\r\nBad: x\r\n", [1])
    @example(b"", [])
    def test_watched(self, octets, cuts):
        """One header, then the body; what was taken out is stored nowhere."""
        watch = Cleaner()
        head, stored = self.through(octets, cuts, (watch,))
        header, rest = parts(octets)
        self.assertEqual(watch.headers, [header])
        self.assertEqual(head.header, header)
        self.assertEqual(watch.text, rest[2:])
        self.assertEqual(stored, header.replace(b"Bad: x\r\n", b"") + rest)

    @given(PIECES, st.lists(st.integers(0, 60), max_size=6))
    def test_unwatched(self, octets, cuts):
        """Without a watch everything is stored as it comes."""
        head, stored = self.through(octets, cuts, ())
        self.assertEqual(stored, octets)
        self.assertEqual(head.header, parts(octets)[0])

    def test_endless(self):
        """Of a header without an end so much is shown, and all is stored."""
        octets = b"A: b\r\n" * (HEAD_OCTETS // 6 + 100)
        watch = Cleaner()
        cuts = range(0, len(octets), 65_536)
        head, stored = self.through(octets, cuts, (watch,))
        self.assertEqual(len(head.header), HEAD_OCTETS)
        self.assertEqual([len(one) for one in watch.headers], [HEAD_OCTETS])
        self.assertEqual(stored, octets)

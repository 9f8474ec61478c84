"""Records and their finding again (:mod:`mailsuite.journal.records`)."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.interfaces.journal import Kind, Record
from mailsuite.journal import records
from mailsuite.journal.records import (
    FIRST,
    Framer,
    Header,
    decode_header,
    mark_of,
    octets_of,
    scan,
)
from mailsuite.journal.replay import content
from mailsuite.model.errors import UsageError

HEADER = Header(3, 7, 2, 1 << 16, b"saltsalt")
BODIES = st.lists(st.lists(st.binary(max_size=60), max_size=3), max_size=8)


def written(bodies, header=HEADER, size=1 << 13):
    """A segment with these bodies, and where each record begins."""
    framer, blocks, at, starts = Framer(header), [], FIRST, []
    for body in bodies:
        starts.append(at)
        at = framer.frame(Record(Kind.MESSAGE, tuple(body)), at, 0, blocks)
    data = header.encode() + b"".join(blocks)
    assert len(data) == at
    return data.ljust(size, b"\0"), [*starts, at]


def found(data, header=HEADER):
    return [data[e.begin : e.end] for e in scan(data, header).entries]


class HeaderTests(SynchronousTestCase):
    def test_round(self):
        """A header is read as it was written."""
        self.assertEqual(decode_header(HEADER.encode()), HEADER)

    def test_copy(self):
        """One damaged copy of the header costs nothing."""
        octets = bytearray(HEADER.encode())
        octets[20] ^= 1
        self.assertEqual(decode_header(bytes(octets)), HEADER)

    @given(st.binary(max_size=5000))
    def test_garbage(self, octets):
        """Octets that are no header are none, and raise nothing."""
        self.assertIsNone(decode_header(octets))

    def test_another_version(self):
        """What another release wrote is refused; it is not taken for damage."""
        self.patch(records, "VERSION", records.VERSION + 1)
        packed = HEADER.encode()
        self.patch(records, "VERSION", records.VERSION - 1)
        with self.assertRaisesRegex(UsageError, "version 2"):
            decode_header(packed)


class ScanTests(SynchronousTestCase):
    @given(BODIES)
    def test_round(self, bodies):
        """Every record that was written is found, in order."""
        data, starts = written(bodies)
        self.assertEqual(found(data), [b"".join(body) for body in bodies])
        for body, start, end in zip(bodies, starts, starts[1:], strict=False):
            self.assertEqual(octets_of(Record(Kind.MESSAGE, tuple(body))), end - start)

    @given(BODIES, st.data())
    def test_flipped(self, bodies, draw):
        """A flipped bit costs the record it lies in and no other."""
        data, starts = written(bodies)
        if starts[-1] == FIRST:
            return
        at = draw.draw(st.integers(FIRST, starts[-1] - 1))
        bad = bytearray(data)
        bad[at] ^= 1 << draw.draw(st.integers(0, 7))
        hit = max(n for n, start in enumerate(starts) if start <= at)
        whole = [b"".join(body) for body in bodies]
        got = found(bytes(bad))
        self.assertIn(got, (whole, whole[:hit] + whole[hit + 1 :]))

    @given(BODIES, st.data())
    def test_torn(self, bodies, draw):
        """Of a torn write the whole records are found and nothing is invented."""
        data, starts = written(bodies)
        cut = draw.draw(st.integers(FIRST, starts[-1]))
        torn = data[:cut].ljust(len(data), b"\0")
        count = len(found(torn))
        whole = [b"".join(body) for body in bodies]
        self.assertEqual(found(torn), whole[:count])
        self.assertGreaterEqual(count, sum(end <= cut for end in starts[1:]))
        self.assertEqual(scan(torn, HEADER).bad, [])

    @given(st.binary(max_size=9000))
    def test_garbage(self, octets):
        """Whatever lies in a segment, the scan ends and raises nothing."""
        self.assertEqual(found(octets), [])

    def test_former_use(self):
        """What an earlier use of the file left behind is not found."""
        old, _ = written([[b"old"] * 3] * 20)
        later = Header(3, 8, 2, 1 << 16, b"tlastlas")
        new, starts = written([[b"new"]], later)
        mixed = new[: starts[-1]] + old[starts[-1] :]
        self.assertEqual(found(mixed, later), [b"new"])

    @given(BODIES, st.data())
    def test_zeros(self, bodies, draw):
        """Knowing where zeros begin changes nothing of what is found."""
        whole, starts = written(bodies)
        data = bytearray(whole)
        for _ in range(draw.draw(st.integers(0, 3))):
            start = draw.draw(st.integers(FIRST, starts[-1]))
            end = draw.draw(st.integers(start, starts[-1]))
            data[start:end] = bytes(end - start)
        used = len(data.rstrip(b"\0"))
        self.assertEqual(scan(bytes(data), HEADER), scan(bytes(data), HEADER, used))

    def test_full(self):
        """A search in a full segment never comes to the end of the map it is in."""
        folder = Path(self.mktemp())
        folder.mkdir()
        path = folder / "full"
        path.write_bytes(b"\xff" * (1 << 20))
        data, used = content(str(path))
        self.assertEqual(used, 1 << 20)
        self.assertGreater(len(data), used + len(mark_of(HEADER)))
        self.assertEqual(scan(data, HEADER, used).entries, [])

    def test_forged(self):
        """A message that holds the octets of a record forges none."""
        inner, starts = written([[b"forged"]], Header(3, 7, 2, 1 << 16, b"guessing"))
        data, _ = written([[inner[FIRST : starts[-1]] * 3], [b"last"]])
        bad = bytearray(data)
        bad[FIRST + 5] ^= 0xFF
        self.assertEqual(found(bytes(bad)), [b"last"])

"""DMARC records: RFC 9989 §4.7 and §4.8, and what people publish in their stead."""

import dmarc as other
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth.records import (
    RECORD_OCTETS,
    Destination,
    choose,
    destination,
    parse,
)


def policy(text):
    return parse("example.com", text.encode()).policy


class RecordTests(SynchronousTestCase):
    def test_defaults(self):
        """What is not said has the default of RFC 9989 §4.7."""
        found = policy("v=DMARC1; p=reject")
        self.assertEqual(
            (found.p, found.sp, found.np, found.adkim, found.aspf, found.fo),
            ("reject", "", "", "r", "r", "0"),
        )
        self.assertEqual((found.testing, found.psd, found.percent), (False, "u", 100))
        self.assertEqual((found.rua, found.ruf), ((), ()))

    def test_everything(self):
        """Every tag, in any order after the version, names and values in any case."""
        found = policy(
            "v=DMARC1;fo=1:d:s; RUF=mailto:f@x.example ;t=Y; PSD=n;np=Reject; sp=none;"
            "aspf=S; adkim=s; p=QUARANTINE; pct=50; rf=afrf; ri=3600;"
            " rua=mailto:a@x.example!10m , mailto:b@y.example;"
        )
        self.assertEqual(
            (found.p, found.sp, found.np), ("quarantine", "none", "reject")
        )
        self.assertEqual((found.adkim, found.aspf, found.fo), ("s", "s", "1:d:s"))
        self.assertEqual((found.testing, found.psd, found.percent), (True, "n", 50))
        self.assertEqual(found.rua, ("mailto:a@x.example!10m", "mailto:b@y.example"))
        self.assertEqual(found.ruf, ("mailto:f@x.example",))

    def test_no_records(self):
        """The version stands first, exactly so, and ends at a semicolon."""
        for text in (
            "",
            "v=DMARC1 p=reject",
            "v=DMARC1, p=reject",
            "v=dmarc1; p=reject",
            "v=DMARC2; p=reject",
            "v=DMARC10; p=reject",
            "p=reject; v=DMARC1",
            "; v=DMARC1; p=reject",
            '"v=DMARC1; p=reject"',
            "v=spf1 -all",
            "\u00a0v=DMARC1; p=reject",
        ):
            self.assertIsNone(parse("example.com", text.encode()), text)
        self.assertIsNone(parse("e", b"v=DMARC1; p=none;" + b"x" * RECORD_OCTETS))

    def test_white_space(self):
        """Spaces and tabs stand around names, values and semicolons."""
        self.assertEqual(policy(" v\t=  DMARC1 ;\tp = reject ; ;").p, "reject")

    def test_unknown_and_broken_tags(self):
        """They are passed over and told to people."""
        record = parse(
            "e", b"v=DMARC1; x=y; nonsense; p=reject; adkim=z; fo=0:1; a-b=c"
        )
        self.assertTrue(record.applies)
        self.assertEqual(record.policy.p, "reject")
        self.assertEqual((record.policy.adkim, record.policy.fo), ("r", "0"))
        self.assertEqual(len(record.faults), 4)

    def test_twice(self):
        """Of a tag that stands twice the first counts."""
        record = parse("e", b"v=DMARC1; p=reject; p=none")
        self.assertEqual(record.policy.p, "reject")
        self.assertIn("p stands twice", record.faults)

    def test_requests_that_are_none(self):
        """With someone to report to p=none, else no DMARC (RFC 9989 §4.10.1)."""
        for broken in ("p=rejct", "sp=none", "", "p=reject; sp=x", "p=reject; np=x"):
            record = parse("e", f"v=DMARC1; {broken}".encode())
            self.assertFalse(record.applies, broken)
            record = parse("e", f"v=DMARC1; {broken}; rua=mailto:a@e".encode())
            self.assertTrue(record.applies, broken)
            found = record.policy
            self.assertEqual((found.p, found.sp, found.np), ("none", "", ""), broken)
            record = parse("e", f"v=DMARC1; {broken}; rua=a@e".encode())
            self.assertFalse(record.applies, broken)

    def test_several(self):
        """Two DMARC records count as none; other texts beside one do no harm."""
        one, two = b"v=DMARC1; p=none", b"v=DMARC1; p=reject"
        self.assertEqual(choose("e", [one, two]), (None, 2))
        record, count = choose("e", [b"v=spf1 -all", two, b"x"])
        self.assertEqual((record.policy.p, count), ("reject", 1))

    def test_destinations(self):
        """Addresses out of mailto URIs, with their sizes; the rest is passed over."""
        for uri, expected in {
            "mailto:a@b.example": Destination("a@b.example"),
            "MAILTO:a@b.example!50": Destination("a@b.example", 50),
            "mailto:a@b.example!2k": Destination("a@b.example", 2048),
            "mailto:a@b.example!10M": Destination("a@b.example", 10 << 20),
            "mailto:a%21b@c.example": Destination("a!b@c.example"),
            "mailto:a@b.example?subject=x": Destination("a@b.example"),
            "mailto:a@b.example!x": None,
            "mailto:a%0D%0Ab@c.example": None,
            "mailto:a": None,
            "mailto:": None,
            "https://b.example/x": None,
        }.items():
            self.assertEqual(destination(uri), expected, uri)

    @given(st.binary(max_size=300))
    def test_anything(self, octets):
        """Any octets give a record or none, with values of the grammar only."""
        for text in (octets, b"v=DMARC1;" + octets, b"v=DMARC1; p=" + octets):
            record = parse("example.com", text)
            if record is not None:
                self.assertIn(record.policy.p, {"none", "quarantine", "reject"})
                self.assertIn(record.policy.psd, "ynu")


WORDS = st.sampled_from(["none", "quarantine", "reject", "Reject", "bad", ""])
TAGS = st.fixed_dictionaries(
    {"p": st.sampled_from(["none", "quarantine", "reject", "REJECT"])},
    optional={
        "sp": st.sampled_from(["none", "quarantine", "reject"]),
        "adkim": st.sampled_from(["r", "s", "S", "x"]),
        "aspf": st.sampled_from(["r", "s", "R", ""]),
        "fo": st.sampled_from(["0", "1", "d", "s", "1:d", "d:s"]),
        "t": st.sampled_from(["y", "n", "q"]),
        "rua": st.sampled_from(["mailto:a@b.example", "mailto:a@b.example!5m"]),
        "unknown": WORDS,
    },
)
SPACE = st.sampled_from(["", " ", "\t", "  "])


class OtherTests(SynchronousTestCase):
    """The same answers as PyPI's ``dmarc``, where that follows the RFC."""

    @settings(max_examples=1000)
    @given(TAGS, SPACE, SPACE, st.randoms(use_true_random=False))
    def test_same(self, tags, before, after, random):
        """A thousand generated records mean the same to both."""
        names = list(tags)
        random.shuffle(names)
        parts = [f"{before}{name}{after}={before}{tags[name]}" for name in names]
        text = f"v{after}=DMARC1{before};" + ";".join(parts) + random.choice(["", ";"])
        ours = policy(text)
        theirs = other.DMARC().parse_record(text, "example.com", strict=False)
        self.assertEqual(ours.p, theirs.p.value)
        self.assertEqual(ours.sp or None, theirs.sp.value)
        self.assertEqual(ours.adkim, theirs.adkim.value)
        self.assertEqual(ours.aspf, theirs.aspf.value)
        self.assertEqual(ours.testing, theirs.t.value == "y")
        self.assertEqual(list(ours.rua), theirs.rua)

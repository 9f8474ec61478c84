"""What DNS should say of a domain, as a zone file and beside what it does say."""

import dns.rdatatype
import dns.zone
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.dns.comparing import Comparing
from mailsuite.dns.memory import Table
from mailsuite.dns.settings import Published
from mailsuite.dns.wanted import Facts, rows, sts_policy
from mailsuite.dns.zonefile import data, zone
from mailsuite.interfaces.publishing import NOTE, RIGHT, WRONG, Row
from mailsuite.interfaces.resolving import Exchanger, Records
from mailsuite.model.errors import UsageError

KEY = "v=DKIM1; k=rsa; p=" + "A" * 392
FACTS = Facts(
    "example.com",
    "mx.example.com",
    Published(
        addresses=("192.0.2.1", "2001:db8::1"),
        bimi_logo="https://example.com/l.svg",
    ),
    (("s1._domainkey.example.com", KEY),),
    {"submission": 587, "imaps": 993},
    "ab" * 32,
)


def done(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


def parsed(text, origin="example.com"):
    return dns.zone.from_text(text, origin=origin, relativize=False, check_origin=False)


def text_of(facts):
    return "\n".join(zone(facts.domain, facts.settings.ttl, rows(facts))) + "\n"


def published(facts):
    """A resolver that says exactly what it should."""
    table = {"hosts": {}, "text": {}, "mail": {}, "other": {}, "pointers": {}}
    for row in rows(facts):
        if row.type in {"A", "AAAA"}:
            table["hosts"].setdefault(row.name, []).append(row.value)
            table["pointers"][row.value] = [facts.hostname]
        elif row.type == "TXT":
            table["text"].setdefault(row.name, []).append(row.value.encode())
        elif row.type == "MX":
            preference, host = row.value.split()
            table["mail"][row.name] = [Exchanger(int(preference), host.rstrip("."))]
        elif row.type == "CNAME":
            table["hosts"][row.name] = ["192.0.2.1"]
        else:
            table["other"][row.name, row.type] = Records((row.value,))
    return table


def compared(table, facts=FACTS, broken=()):
    found = done(Comparing(facts, Table(**table, broken=frozenset(broken))).compared())
    return {one.subject: one for one in found}


class WantedTests(SynchronousTestCase):
    def test_everything(self):
        """Each kind of record is there, with our values."""
        found = {(row.name, row.type): row.value for row in rows(FACTS)}
        for name, kind, value in (
            ("mx.example.com", "A", "192.0.2.1"),
            ("mx.example.com", "AAAA", "2001:db8::1"),
            ("example.com", "MX", "10 mx.example.com."),
            ("example.com", "TXT", "v=spf1 mx -all"),
            ("mx.example.com", "TXT", "v=spf1 a -all"),
            ("s1._domainkey.example.com", "TXT", KEY),
            (
                "_dmarc.example.com",
                "TXT",
                "v=DMARC1; p=none; rua=mailto:dmarc-reports@example.com",
            ),
            (
                "_smtp._tls.example.com",
                "TXT",
                "v=TLSRPTv1; rua=mailto:tls-reports@example.com",
            ),
            ("_25._tcp.mx.example.com", "TLSA", "3 1 1 " + "ab" * 32),
            ("_imaps._tcp.example.com", "SRV", "20 1 993 mx.example.com."),
            ("_pop3._tcp.example.com", "SRV", "0 0 0 ."),
            ("_sieve._tcp.example.com", "SRV", "0 0 0 ."),
            ("autoconfig.example.com", "CNAME", "mx.example.com."),
            ("mta-sts.example.com", "CNAME", "mx.example.com."),
            (
                "default._bimi.example.com",
                "TXT",
                "v=BIMI1; l=https://example.com/l.svg; a=",
            ),
        ):
            self.assertEqual(found[name, kind], value)

    def test_sts(self):
        """The record's id changes with the policy (RFC 8461 §3.1)."""
        self.assertEqual(
            sts_policy(FACTS),
            "version: STSv1\r\nmode: testing\r\nmx: mx.example.com\r\n"
            "max_age: 86400\r\n",
        )
        ids = set()
        for mode in ("testing", "enforce", "none"):
            facts = evolve(FACTS, settings=Published(mta_sts=mode))
            (row,) = [one for one in rows(facts) if one.topic == "mta-sts"]
            self.assertRegex(row.value, r"v=STSv1; id=[0-9a-f]{20}\Z")
            ids.add(row.value)
        self.assertEqual(len(ids), 3)
        none = evolve(FACTS, settings=Published(mta_sts=""))
        self.assertEqual(sts_policy(none), "")
        with self.assertRaises(UsageError):
            sts_policy(evolve(FACTS, settings=Published(mta_sts="maybe")))

    def test_what_is_not_wanted(self):
        """Empty settings leave records out."""
        settings = Published(
            mta_sts="", tls_reports="", autoconfig=False, dmarc_reports="", spf=""
        )
        topics = {row.topic for row in rows(Facts("e.test", "e.test", settings))}
        self.assertEqual(topics, {"mx", "dmarc", "srv"})


class ZoneTests(SynchronousTestCase):
    def test_parsed(self):
        """Dnspython reads the file and finds the same records."""
        found = parsed(text_of(FACTS))
        for row in rows(FACTS):
            records = found.find_rdataset(row.name + ".", row.type)
            values = {record.to_text() for record in records}
            if row.type == "TXT":
                values = {b"".join(one.strings).decode() for one in records}
            self.assertIn(row.value, values)
            self.assertEqual(records.ttl, 3600)

    def test_strings(self):
        """A long key is cut at 255 octets (RFC 1035 §3.3)."""
        found = parsed(text_of(FACTS))
        (record,) = found.find_rdataset("s1._domainkey.example.com.", "TXT")
        self.assertEqual([len(one) for one in record.strings], [255, len(KEY) - 255])

    def test_other_zones(self):
        """The server's records in another zone are comments."""
        text = text_of(evolve(FACTS, hostname="mx.other.test"))
        self.assertIn("; in another zone: mx.other.test. IN A 192.0.2.1\n", text)
        self.assertEqual(
            [str(name) for name in parsed(text) if "other" in str(name)], []
        )

    @given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=600))
    def test_any_text(self, value):
        """Any printable text survives the file, quotes and backslashes too."""
        row = Row("x", "x.example.com", "TXT", value or "x", "why")
        found = parsed("\n".join(zone("example.com", 60, [row])) + "\n")
        (record,) = found.find_rdataset("x.example.com.", dns.rdatatype.TXT)
        self.assertEqual(b"".join(record.strings).decode(), row.value)
        self.assertLessEqual(max(map(len, record.strings)), 255)
        self.assertTrue(data(row).startswith('"'))


class ComparedTests(SynchronousTestCase):
    def test_all_right(self):
        """What is published as told is found right, every line of it."""
        found = compared(published(FACTS))
        self.assertEqual({one.state for one in found.values()}, {RIGHT}, found)

    def test_nothing(self):
        """Nothing at all: what mail needs is wrong, each with what to publish."""
        found = compared({"hosts": {"x.test": ()}})
        wrong = {subject for subject, one in found.items() if one.state == WRONG}
        self.assertEqual(
            wrong,
            {
                "mx.example.com",
                "mx.example.com A",
                "mx.example.com AAAA",
                "example.com MX",
                "example.com TXT",
                "s1._domainkey.example.com TXT",
                "_dmarc.example.com TXT",
            },
        )
        for one in found.values():
            self.assertTrue(one.hint or one.state == RIGHT, one)
            self.assertNotIn("\n", one.said + one.hint)
        self.assertIn("IN MX 10 mx.example.com.", found["example.com MX"].hint)

    def test_no_answer(self):
        """DNS that fails is told as that."""
        found = compared(
            published(FACTS), broken=["_dmarc.example.com", "mx.example.com"]
        )
        self.assertIn("no answer", found["_dmarc.example.com TXT"].said)
        self.assertIn("no answer", found["mx.example.com"].said)

    def state(self, subject, change, said=""):
        table = published(FACTS)
        change(table)
        found = compared(table)[subject]
        self.assertIn(said, found.said)
        return found.state

    def test_reverse(self):
        """Addresses that lead elsewhere, or nowhere."""
        self.assertEqual(
            self.state("mx.example.com", lambda t: t["pointers"].clear(), "PTR"), WRONG
        )

        def other(table):
            table["pointers"]["192.0.2.1"] = ["isp.test"]
            table["hosts"]["isp.test"] = ["192.0.2.1"]

        self.assertEqual(self.state("mx.example.com", other, "isp.test"), NOTE)

    def test_mx(self):
        """Mail that goes elsewhere, or elsewhere first."""
        subject = "example.com MX"
        change = lambda hosts: lambda t: t["mail"].update({"example.com": hosts})  # noqa: E731
        elsewhere = [Exchanger(5, "mx.other.test")]
        self.assertEqual(self.state(subject, change(elsewhere), "mx.other.test"), WRONG)
        both = [*elsewhere, Exchanger(10, "mx.example.com")]
        self.assertEqual(self.state(subject, change(both)), NOTE)

    def test_spf(self):
        """Two records, none for us, or another one that lets us send."""
        subject = "example.com TXT"
        change = lambda *texts: lambda t: t["text"].update({"example.com": texts})  # noqa: E731
        self.assertEqual(
            self.state(subject, change(b"v=spf1 -all"), "192.0.2.1"), WRONG
        )
        two = (b"v=spf1 mx -all", b"v=spf1 -all")
        self.assertEqual(self.state(subject, change(*two), "2 SPF"), WRONG)
        mine = b"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all"
        self.assertEqual(self.state(subject, change(b"google-site=x", mine)), RIGHT)

    def test_dkim(self):
        """Another key, several, a key under test; white space does not matter."""
        name = "s1._domainkey.example.com"
        change = lambda *texts: lambda t: t["text"].update({name: texts})  # noqa: E731
        subject = f"{name} TXT"
        self.assertEqual(
            self.state(subject, change(b"v=DKIM1; p=BBBB"), "another key"), WRONG
        )
        self.assertEqual(self.state(subject, change(KEY.encode(), b"x")), WRONG)
        tested = KEY.encode() + b"; t=y:s"
        self.assertEqual(self.state(subject, change(tested), "tested"), NOTE)
        spread = KEY.replace("A" * 100, "A" * 100 + " ").encode()
        self.assertEqual(self.state(subject, change(spread)), RIGHT)

    def test_dmarc(self):
        """Faults are wrong; another policy, no reports, an inherited one are hints."""
        name = "_dmarc.example.com"
        change = lambda *texts: lambda t: t["text"].update({name: texts})  # noqa: E731
        subject = f"{name} TXT"
        rua = b"; rua=mailto:a@b.test"
        for texts, state in (
            ([b"v=DMARC1; p=none" + rua], RIGHT),
            ([b"v=DMARC1; p=reject" + rua], NOTE),
            ([b"v=DMARC1; p=none"], NOTE),
            ([b"v=DMARC1; p=x" + rua], WRONG),
            ([b"v=DMARC1; p=none"] * 2, WRONG),
            ([b"x"], WRONG),
        ):
            self.assertEqual(self.state(subject, change(*texts)), state, texts)

        def above(table):
            del table["text"][name]
            table["text"]["_dmarc.com"] = [b"v=DMARC1; p=none"]

        self.assertEqual(self.state(subject, above, "that of com"), NOTE)

    def test_others(self):
        """TLSA of another key is wrong; what is optional and missing is a hint."""
        name = ("_25._tcp.mx.example.com", "TLSA")
        change = lambda *found: lambda t: t["other"].update({name: Records(found)})  # noqa: E731
        subject = " ".join(name)
        self.assertEqual(self.state(subject, change("3 1 1 " + "cd" * 32)), WRONG)
        self.assertEqual(self.state(subject, change()), NOTE)
        split = "3 1 1 " + "AB" * 20 + " " + "ab" * 12
        self.assertEqual(self.state(subject, change(split)), RIGHT)
        name = ("_imaps._tcp.example.com", "SRV")
        subject = " ".join(name)
        self.assertEqual(self.state(subject, change("0 1 143 mx.example.com.")), NOTE)
        self.assertEqual(self.state(subject, change("7 9 993 MX.example.com.")), RIGHT)
        for subject in ("mta-sts.example.com CNAME", "autoconfig.example.com CNAME"):
            gone = lambda t, s=subject: t["hosts"].pop(s.split()[0])  # noqa: E731
            self.assertEqual(self.state(subject, gone), NOTE)
        for subject in ("_mta-sts.example.com TXT", "default._bimi.example.com TXT"):
            gone = lambda t, s=subject: t["text"].pop(s.split()[0])  # noqa: E731
            self.assertEqual(self.state(subject, gone), NOTE)

"""BIMI: records, selectors, who may show a logo, and what a logo may hold."""

import gzip

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.dns.memory import Table
from mailsuite.mailauth import author
from mailsuite.mailauth.bimi import (
    fields,
    foreign,
    local_selector,
    look,
    parse,
    selector,
)
from mailsuite.mailauth.logos import LOGO_OCTETS, Unfit, checked
from mailsuite.model.proofs import BIMI, DMARC, Policy, Result, Signature

L = "https://example.com/logo.svg"
RECORD = f"v=BIMI1; l={L}; a=https://example.com/vmc.pem; avp=personal".encode()
POLICY = Policy("example.com", "", "reject")
PASS = DMARC(Result.PASS, "example.com", "example.com", POLICY)


def done(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


def looked(texts, dmarc=PASS, header=b"From: a@example.com\r\n", signatures=(), **more):
    names = {name: [text] for name, text in texts.items()}
    table = Table(text=names, **more)
    return done(look(header, (author.read(header), dmarc, signatures), table))


class RecordTests(SynchronousTestCase):
    def test_record(self):
        """Location, evidence and preference."""
        found = parse(RECORD)
        self.assertEqual(
            (found.location, found.authority, found.preference, found.fault),
            (L, "https://example.com/vmc.pem", "personal", ""),
        )

    def test_not_bimi(self):
        """The version stands first, exactly so."""
        for text in (b"", b"v=BIMI2; l=", b"v=bimi1; l=", b"l=; v=BIMI1", b"v=spf1"):
            self.assertIsNone(parse(text), text)

    def test_declined(self):
        """Two empty places say no."""
        self.assertTrue(parse(b"v=BIMI1; l=; a=;").declined)
        self.assertTrue(parse(b"v=BIMI1; l=").declined)
        self.assertFalse(parse(RECORD).declined)

    def test_faults(self):
        """What is wrong is an error and not mended (§4.3)."""
        for rest in (
            "",
            "l=http://example.com/l.svg",
            "l=https://localhost/l.svg",
            "l=https://[::1]/l.svg",
            "l=https://example.com/l.png",
            "l=https://u@example.com/l.svg",
            "l=https://example.com:8443/l.svg",
            "l=https://a.example/1.svg,https://a.example/2.svg",
            "l=javascript:1.svg",
            f"l={L}; l={L}",
            f"l={L}; a=ftp://a.example/x",
            f"l={L}; ???",
            f"l=https://a.example/{'x' * 2000}.svg",
        ):
            self.assertTrue(parse(f"v=BIMI1; {rest}".encode()).fault, rest)

    def test_local_selectors(self):
        """Local parts become selectors as §4.5 says."""
        for local, expected in {
            "News_Letter..x+tag": "news-letter-x",
            "-a-": "a",
            "a b": "",
            "\u00e9": "",
            "x" * 64: "",
            "+x": "",
        }.items():
            self.assertEqual(local_selector(local), expected, local)

    @given(st.binary(max_size=200))
    def test_anything(self, octets):
        """Any octets give a record, a fault, or nothing."""
        for text in (octets, b"v=BIMI1;" + octets):
            found = parse(text)
            if found is not None and not found.fault and found.location:
                self.assertTrue(found.location.startswith("https://"))


class SelectorTests(SynchronousTestCase):
    def test_field(self):
        """One well-formed field names a selector; anything else does not."""
        self.assertEqual(selector(b"BIMI-Selector: v=BIMI1; s=Brand.x;\r\n"), "brand.x")
        for value in (b"s=x", b"v=BIMI1;s=..", b"v=BIMI1;s=a b", b"v=BIMI1;s=-a", b""):
            self.assertEqual(selector(b"BIMI-Selector: " + value + b"\r\n"), "", value)
        twice = b"BIMI-Selector: v=BIMI1; s=a\r\n" * 2
        self.assertEqual(selector(twice), "")

    def test_believed_only_if_signed(self):
        """The field counts where an aligned signature covers it (§5.5)."""
        header = b"From: a@example.com\r\nBIMI-Selector: v=BIMI1; s=b\r\n"
        texts = {"b._bimi.example.com": RECORD, "default._bimi.example.com": RECORD}
        for domain, covered, expected in (
            ("example.com", ("from", "bimi-selector"), "b"),
            ("example.com", ("from",), "default"),
            ("evil.test", ("from", "bimi-selector"), "default"),
        ):
            signature = Signature(Result.PASS, domain, "s", fields=covered)
            found = looked(texts, header=header, signatures=[signature])
            self.assertEqual((found.result, found.selector), ("pass", expected))


class LookTests(SynchronousTestCase):
    def test_found(self):
        """The author's domain, then its organization."""
        found = looked({"default._bimi.example.com": RECORD})
        self.assertEqual(
            (found.result, found.domain, found.selector, found.location),
            ("pass", "example.com", "default", L),
        )
        inherited = DMARC(Result.PASS, "a.example.com", "example.com", POLICY)
        texts = {
            "_dmarc.example.com": b"v=DMARC1; p=reject",
            "default._bimi.example.com": RECORD,
        }
        header = b"From: a@a.example.com\r\n"
        found = looked(texts, inherited, header)
        self.assertEqual((found.result, found.domain), ("pass", "example.com"))
        self.assertEqual(
            found.steps,
            (
                "default._bimi.a.example.com: no BIMI record",
                "default._bimi.example.com: 1 records",
            ),
        )

    def test_none_declined_failed(self):
        """Each end has its word."""
        name = "default._bimi.example.com"
        self.assertEqual(looked({"x.test": b""}).result, "none")
        self.assertEqual(looked({name: b"v=BIMI1; l=; a="}).result, "declined")
        self.assertEqual(
            looked({name: b"v=BIMI1; l=http://x.test/a.svg"}).result, "fail"
        )
        self.assertEqual(
            looked({name: b"v=BIMI1; l=; a=https://x.test/a"}).result, "fail"
        )
        self.assertEqual(looked({}, broken=frozenset([name])).result, "temperror")

    def test_several_records(self):
        """Two records are an error."""
        table = Table(text={"default._bimi.example.com": [RECORD, RECORD]})
        header = b"From: a@example.com\r\n"
        found = done(look(header, (author.read(header), PASS, ()), table))
        self.assertEqual(found.result, "fail")

    def test_skipped(self):
        """Without DMARC, under a weak policy, or with several authors: no logo."""
        texts = {"default._bimi.example.com": RECORD}
        weak = [
            Policy("example.com", "", "none"),
            Policy("example.com", "", "reject", sp="none"),
            Policy("example.com", "", "quarantine", percent=50),
            Policy("example.com", "", "reject", testing=True),
        ]
        verdicts = [
            DMARC(Result.FAIL, "example.com", "example.com", POLICY),
            DMARC(Result.NONE, "example.com"),
            *(DMARC(Result.PASS, "example.com", "example.com", one) for one in weak),
        ]
        for verdict in verdicts:
            self.assertEqual(looked(texts, verdict).result, "skipped", verdict)
        for header in (
            b"From: a@example.com, b@example.com\r\n",
            b"From: a@example.com\r\nFrom: a@example.com\r\n",
            b"From: b a@example.com\r\n",
        ):
            self.assertEqual(looked(texts, header=header).result, "skipped", header)
        texts["_dmarc.example.com"] = b"v=DMARC1; p=reject; sp=none"
        self.assertEqual(looked(texts).result, "skipped")

    def test_local_parts(self):
        """lps=true asks for a record of the author's own, else takes the first."""
        texts = {
            "default._bimi.example.com": RECORD + b"; lps=true",
            "news._bimi.example.com": b"v=BIMI1; l=https://example.com/news.svg",
        }
        found = looked(texts, header=b"From: News+x@example.com\r\n")
        self.assertEqual(found.selector, "news")
        found = looked(texts, header=b"From: other@example.com\r\n")
        self.assertEqual(found.selector, "default")


class FieldTests(SynchronousTestCase):
    def test_foreign(self):
        """Whatever others say of logos is found, folded or not, in any case."""
        header = (
            b"bimi-location: v=BIMI1;\r\n\tl=https://evil.test/x.svg\r\n"
            b"From: a@b.test\r\n"
            b"BIMI-Indicator : AAAA\r\n AAAA\r\n"
            b"BIMI-Logo-Preference: avp=brand\r\n"
            b"BIMI-Selector: v=BIMI1; s=a\r\n"
        )
        kept = header
        for start, end in reversed(foreign(header)):
            kept = kept[:start] + kept[end:]
        self.assertEqual(kept, b"From: a@b.test\r\nBIMI-Selector: v=BIMI1; s=a\r\n")

    def test_written(self):
        """Location, preference and the logo itself in short lines."""
        found = BIMI("pass", "b.test", "default", L, "", "brand", logo=b"<svg/>" * 100)
        made = fields(found)
        self.assertIn(b"BIMI-Location: v=BIMI1;\r\n\tl=" + L.encode(), made)
        self.assertIn(b"BIMI-Logo-Preference: avp=brand\r\n", made)
        self.assertTrue(made.endswith(b"\r\n"))
        self.assertLess(max(map(len, made.split(b"\r\n"))), 79)
        self.assertEqual(fields(BIMI("fail", logo=b"x")), b"")


SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps"'
    ' viewBox="0 0 9 9"{}><title>Name</title>{}</svg>'
)


class LogoTests(SynchronousTestCase):
    def test_good(self):
        """Shapes, gradients and references within are let through, gzip undone."""
        inside = (
            '<defs><linearGradient id="g"><stop offset="0"/></linearGradient></defs>'
            '<path d="M0 0" fill="url(#g)"/><use xmlns:x="http://www.w3.org/1999/xlink"'
            ' x:href="#g"/>'
        )
        plain = SVG.format("", inside).encode()
        self.assertEqual(checked(plain), plain)
        self.assertEqual(checked(gzip.compress(plain)), plain)

    def refused(self, octets):
        with self.assertRaises(Unfit, msg=octets):
            checked(octets)

    def test_dangerous(self):
        """Programs, requests, entities and foreign elements are not."""
        for inside in (
            "<script>alert(1)</script>",
            '<image href="#x"/>',
            "<foreignObject/>",
            "<style>@import url(//x.test)</style>",
            '<a href="https://x.test"/>',
            '<use href="https://x.test/#a"/>',
            '<path onclick="x()"/>',
            '<path fill="url(https://x.test/#g)"/>',
            '<path fill="url( //x.test )"/>',
            '<path style="fill:u\\72l(//x.test)"/>',
            '<animate attributeName="d"/>',
            '<x:path xmlns:x="http://x.test/"/>',
            "<title>Again</title>",
        ):
            self.refused(SVG.format("", inside).encode())
        self.refused(SVG.format(' x="0"', "").encode())
        self.refused(SVG.format(' onload="x()"', "").encode())
        plain = SVG.format("", "").encode()
        self.refused(b'<!DOCTYPE svg [<!ENTITY a "b">]>' + plain)
        self.refused(b'<!DOCTYPE svg SYSTEM "https://x.test/a.dtd">' + plain)
        for broken in (b"", b"<svg/>", b"<svg", b"\x1f\x8bxx", b"GIF89a", b"\0" * 100):
            self.refused(broken)
        self.refused(plain.replace(b"tiny-ps", b"tiny"))
        self.refused(plain.replace(b"<title>Name</title>", b""))

    def test_large(self):
        """Large files, packed or not, and floods of elements are refused quickly."""
        self.refused(SVG.format("", " " * LOGO_OCTETS).encode())
        self.refused(gzip.compress(b" " * 50_000_000))
        self.refused(SVG.format("", "<g/>" * 10_000).encode())
        self.refused(SVG.format("", "<g>" * 8_000 + "</g>" * 8_000).encode())

    @given(st.binary(max_size=200))
    def test_anything(self, octets):
        """Any octets are a logo or unfit."""
        for one in (octets, SVG.format("", "").encode() + octets):
            try:
                checked(one)
            except Unfit:
                continue

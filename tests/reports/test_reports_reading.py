"""Reports of others: what is in them, and what bad ones cost."""

import contextlib
import gzip
import io
import itertools
import json
import lzma
import resource
import time
import zipfile
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import Damaged
from mailsuite.reports import aggregate, feedback, letter, tls, unpack
from mailsuite.reports.reader import Reader
from tests.support.reports import FEEDBACK, gzipped, mail, row, tls_json, xml

LIMIT = 10 << 20


def zipped(*members, how=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for n, content in enumerate(members):
            archive.writestr(f"{n}.xml", content)
    return out.getvalue()


def unpacked(octets, limit=LIMIT):
    return [b"".join(blocks) for blocks in unpack.files(octets, limit)]


def read(octets):
    rows = []
    head = aggregate.read([octets], rows.append)
    return head, rows


def found(octets, limit=LIMIT):
    answer, body = Reader(limit).answer({"do": "read"}, octets)
    return answer, body


class UnpackTests(SynchronousTestCase):
    """Archives give no more than the bound, whatever they claim."""

    def test_gzip(self):
        """Gzip of several members is one file; what follows is passed over."""
        octets = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0\0garbage"
        self.assertEqual(unpacked(octets), [b"one two"])

    def test_zip(self):
        """Stored and deflated members are files."""
        for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            self.assertEqual(unpacked(zipped(b"a", b"b", how=how)), [b"a", b"b"])

    def test_plain(self):
        """Other octets are one file as they are, in blocks."""
        self.assertEqual(unpacked(b"x" * 200_000), [b"x" * 200_000])

    def test_gzip_bomb(self):
        """Two hundred megabytes of zeros stops at the bound, soon, in little memory."""
        packer = zlib.compressobj(9, wbits=31)
        piece = bytes(1 << 20)
        bomb = b"".join(packer.compress(piece) for _ in range(200)) + packer.flush()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.thread_time()
        with self.assertRaises(Damaged):
            for blocks in unpack.files(bomb, LIMIT):
                for block in blocks:
                    self.assertLessEqual(len(block), unpack.BLOCK_OCTETS)
        self.assertLess(time.thread_time() - began, 2)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        self.assertLess(grown, 20_000)  # KiB

    def test_zip_bomb(self):
        """So does a zip, over all of its members together."""
        bomb = zipped(*[bytes(3 << 20)] * 5)
        with self.assertRaises(Damaged):
            unpacked(bomb)
        self.assertEqual(len(unpacked(bomb, 16 << 20)), 5)

    def test_zip_of_many(self):
        """A directory of a hundred thousand names is not even listed."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for n in range(5_000):
                archive.writestr(f"{n}", b"")
        with self.assertRaisesRegex(Damaged, "too many"):
            unpacked(out.getvalue())

    def test_rare_packing(self):
        """Other packings are refused."""
        for how in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            with self.assertRaises(Damaged):
                unpacked(zipped(b"x", how=how))
        self.assertEqual(unpacked(lzma.compress(b"x")), [lzma.compress(b"x")])

    def test_cut(self):
        """Cut anywhere, an archive is damaged and nothing else."""
        for whole in (gzip.compress(xml()), zipped(xml())):
            for at in range(4, len(whole) - 1, 7):
                with self.assertRaises(Damaged):
                    unpacked(whole[:at])

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=400), st.sampled_from([0, 1, 2]))
    def test_garbage(self, octets, how):
        """Nothing but Damaged is ever raised."""
        whole = [octets, gzip.compress(b"x" * 99), zipped(b"x" * 99)][how]
        spoiled = bytearray(whole)
        for n, octet in enumerate(octets):
            spoiled[(n * 31 + octet) % len(spoiled)] ^= octet
        with contextlib.suppress(Damaged):
            unpacked(bytes(spoiled), 10_000)


class AggregateTests(SynchronousTestCase):
    """Aggregate reports, old and new (RFC 7489 appendix C, RFC 9990)."""

    def test_old(self):
        """A report of today's receivers tells rows and their reasons."""
        head, rows = read(xml(row(), row(dkim="fail", spf="pass", action="reject")))
        self.assertEqual(
            (head.org, head.id, head.domain), ("Receiver Inc", "r-1", "example.test")
        )
        self.assertEqual((head.rows, head.messages), (2, 6))
        self.assertEqual(head.policy, "p=reject; adkim=r; pct=100")
        self.assertEqual(
            rows[0],
            (
                "192.0.2.7",
                3,
                "none",
                1,
                0,
                "example.test",
                "",
                "",
                "example.test",
                "",
                "",
            ),
        )
        self.assertEqual(rows[1][3:5], (1, 1))

    def test_namespace(self):
        """The namespace of RFC 9990 makes no difference."""
        new = xml().replace(
            b"<feedback>", b'<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">'
        )
        self.assertEqual(read(new), read(xml()))

    def test_why(self):
        """Failed rows say why in words."""
        _, rows = read(
            xml(
                row(dkim="fail", spf="fail"),
                row(dkim="fail", spf="fail").replace("fail</result>", "pass</result>"),
                row(dkim="fail", spf="fail").replace("fail</result>", "none</result>"),
            )
        )
        self.assertEqual(
            [one[-1] for one in rows],
            [
                "its signature does not verify; SPF does not list the address",
                "signed by another domain; SPF passes for another domain",
                "not signed; no SPF",
            ],
        )

    def test_reasons(self):
        """Override reasons are kept."""
        reason = "<reason><type>mailing_list</type><comment>x</comment></reason>"
        text = row().replace("</policy_evaluated>", reason + "</policy_evaluated>")
        self.assertEqual(read(xml(text))[1][0][7], "mailing_list")

    def test_bad_rows(self):
        """Rows without an address or a number are passed over; others count."""
        head, _ = read(xml(row(ip="nowhere"), row(count="many"), row(count=-1), row()))
        self.assertEqual(head.rows, 1)

    def test_any_cut(self):
        """Blocks may be cut anywhere."""
        octets = xml(row(), row(ip="2001:db8::1"))
        whole = read(octets)
        for size in (1, 7, 100):
            rows = []
            blocks = [octets[at : at + size] for at in range(0, len(octets), size)]
            self.assertEqual((aggregate.read(blocks, rows.append), rows), whole)

    def test_entities(self):
        """A document type, and with it every entity, is refused."""
        bombs = (
            '<!DOCTYPE x [<!ENTITY a "b">]>',
            '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
            '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/"> %p;]>',
        )
        for head in bombs:
            with self.assertRaises(Damaged):
                read(xml(head=head))

    def test_deep(self):
        """A million levels stop at twenty."""
        with self.assertRaisesRegex(Damaged, "deep"):
            read(b"<feedback>" + b"<a>" * 1_000_000)

    def test_wide(self):
        """Elements without end cost time in proportion and no memory."""
        octets = b"<feedback><report_metadata>" + b"<a>b</a>" * 300_000
        began = time.thread_time()
        with self.assertRaises(Damaged):
            read(octets)
        self.assertLess(time.thread_time() - began, 10)

    def test_huge_text(self):
        """A text of megabytes is cut."""
        head, _ = read(xml(org="x" * 5_000_000))
        self.assertEqual(head.org, "x" * 200)

    def test_controls(self):
        """Texts are one line without controls, whoever wrote them."""
        head, _ = read(xml(org="a&#10;b\x85c\u2028d"))
        self.assertEqual(head.org, "a b c d")

    def test_no_report(self):
        """Other XML, no XML, and reports without id or domain are damaged."""
        for octets in (
            b"",
            b"<x/>",
            b"<feedback/>",
            b"\0",
            b"<feedback>",
            xml(ident=""),
            xml(domain=""),
            xml().replace(b"UTF-8", b"zlib_codec"),
        ):
            with self.assertRaises(Damaged):
                read(octets)

    def test_hundred_thousand(self):
        """So many rows pass in a stream; one more does not."""
        start, end = xml(row()).split(row().encode())
        one = row().encode()

        def blocks(count):
            yield start
            for _ in range(count // 100):
                yield one * 100
            yield end

        emitted = itertools.count()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with self.assertRaisesRegex(Damaged, "rows"):
            aggregate.read(blocks(100_100), lambda _: next(emitted))
        self.assertEqual(next(emitted), 100_000)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        self.assertLess(grown, 20_000)  # KiB

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_garbage(self, data):
        """Whatever is done to a report, it is read or damaged."""
        octets = bytearray(xml(row(), row(dkim="fail")))
        for _ in range(data.draw(st.integers(0, 6))):
            at = data.draw(st.integers(0, len(octets) - 1))
            octets[at : at + data.draw(st.integers(0, 9))] = data.draw(
                st.binary(max_size=6)
                | st.sampled_from([b"<", b"&#x0;", b"</row>", b"]]>"])
            )
        with contextlib.suppress(Damaged):
            read(bytes(octets))


class TLSTests(SynchronousTestCase):
    """TLS reports (RFC 8460)."""

    def test_example(self):
        """The report of the RFC's appendix is read."""
        report = tls.read([tls_json()])
        self.assertEqual(
            (report.org, report.id, report.domain), ("Company-X", "t-1", "example.test")
        )
        self.assertEqual(
            report.sessions, (("sts", "example.test", "mx.example.test", 90, 10),)
        )
        self.assertEqual(
            report.problems,
            (
                (
                    "certificate-expired",
                    "example.test",
                    "mx1.example.test",
                    10,
                    "sts",
                    "2001:db8:abcd:12::1",
                ),
            ),
        )
        self.assertEqual(report.ends - report.begins, 86_399)

    def test_deep(self):
        """Brackets without end are refused before anything is parsed."""
        with self.assertRaisesRegex(Damaged, "deep"):
            tls.read([b'{"report-id":' + b"[" * 1_000_000])

    def test_many(self):
        """Policies and failures have a bound."""
        document = json.loads(tls_json())
        many = document | {"policies": document["policies"] * 1_001}
        with self.assertRaises(Damaged):
            tls.read([json.dumps(many).encode()])
        details = document["policies"][0]
        details["failure-details"] *= 10_001
        with self.assertRaises(Damaged):
            tls.read([json.dumps(document).encode()])

    def test_lies(self):
        """Numbers that are none, or beyond all bounds, do no harm."""
        for number in (-5, 10**30, True, "7", None, 1.5, float("nan")):
            report = tls.read([tls_json(good=number)])
            self.assertIn(report.sessions[0][3], {0, 2**40})

    @settings(max_examples=200, deadline=None)
    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.floats()
            | st.text(max_size=5)
            | st.integers(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "policies",
                            "policy",
                            "summary",
                            "failure-details",
                            "report-id",
                            "policy-domain",
                            "date-range",
                            "start-datetime",
                            "mx-host",
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
        )
    )
    def test_any_json(self, value):
        """Whatever JSON comes, it is read or damaged."""
        for document in (
            value,
            json.loads(tls_json()) | {"policies": value},
            json.loads(tls_json()) | {"policies": [{"policy": value}]},
        ):
            with contextlib.suppress(Damaged):
                tls.read([json.dumps(document).encode()])


class LetterTests(SynchronousTestCase):
    """Finding reports in messages."""

    def test_kinds_of_mail(self):
        """Gzip, zip and plain attachments of any type and name are found."""
        for content, kind in (
            (gzipped(), "gzip"),
            (gzipped(), "octet-stream"),
            (zipped(xml()), "zip"),
            (xml(), "xml"),
            (b"\xef\xbb\xbf" + xml(), "octet-stream"),
        ):
            answer, body = found(mail(content, kind))
            self.assertEqual(
                [one["kind"] for one in answer["found"]], ["dmarc"], answer
            )
            self.assertEqual(len(json.loads(body)), 1)

    def test_bare(self):
        """A message that is nothing but the archive is a report too."""
        head = b"From: a@b.test\r\nContent-Type: application/zip\r\n"
        head += b"Content-Transfer-Encoding: base64\r\n\r\n"
        import base64

        answer, _ = found(head + base64.encodebytes(zipped(xml())))
        self.assertEqual(len(answer["found"]), 1)

    def test_tls(self):
        """TLS reports are told by their content."""
        answer, body = found(mail(gzip.compress(tls_json()), "tlsrpt+gzip"))
        (one,) = answer["found"]
        self.assertEqual((one["kind"], one["rows"], one["messages"]), ("tls", 1, 100))
        self.assertEqual(len(body.splitlines()), 2)

    def test_feedback(self):
        """A failure report becomes one row."""
        answer, body = found(FEEDBACK)
        (one,) = answer["found"]
        self.assertEqual(
            (one["kind"], one["org"], one["domain"]),
            ("feedback", "gen.test", "example.test"),
        )
        ((kind, ip, sender, detail),) = json.loads(body)
        self.assertEqual(
            (kind, ip, sender),
            ("auth-failure/dmarc", "192.0.2.2", "author@forwarder.test"),
        )
        self.assertIn("aligned: dkim", detail)
        self.assertIn("subject: A forged one", detail)

    def test_saved(self):
        """Saved messages in gzip are read as well."""
        answer, _ = found(gzip.compress(mail(gzipped())))
        self.assertEqual(len(answer["found"]), 1)
        self.assertEqual(found(gzip.compress(gzip.compress(xml())))[0]["found"], [])

    def test_one_of_two(self):
        """A broken attachment takes nothing from a good one."""
        from email import message_from_bytes
        from email.policy import default

        message = message_from_bytes(mail(gzipped()[:-20]), policy=default)
        message.add_attachment(gzipped(), maintype="application", subtype="gzip")
        answer, _ = found(message.as_bytes())
        self.assertEqual(len(answer["found"]), 1)
        self.assertIn("cut off", answer["trouble"])

    def test_bomb(self):
        """A bomb in a message is trouble told, and nothing found."""
        answer, body = found(mail(gzip.compress(b"<feedback>" + bytes(30 << 20))))
        self.assertEqual((answer["found"], body), ([], b""))
        self.assertTrue(answer["trouble"])

    def test_ordinary_mail(self):
        """Other mail, bounces among it, holds no report."""
        for octets in (b"", b"\r\n", b"From: a@b.test\r\n\r\nhello", b"\0" * 100):
            self.assertEqual(found(octets)[0]["found"], [])

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_garbage(self, data):
        """Whatever is done to a message, the reader answers."""
        base = data.draw(
            st.sampled_from(
                [
                    mail(gzipped()),
                    FEEDBACK,
                    mail(zipped(xml()), "zip"),
                    mail(tls_json(), "tlsrpt+json"),
                ]
            )
        )
        octets = bytearray(base)
        for _ in range(data.draw(st.integers(1, 8))):
            at = data.draw(st.integers(0, len(octets) - 1))
            octets[at : at + data.draw(st.integers(0, 30))] = data.draw(
                st.binary(max_size=10)
            )
        answer, _ = found(bytes(octets), 1 << 20)
        self.assertIn("found", answer)


class FeedbackTests(SynchronousTestCase):
    """Fields that lie or are not there."""

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=300), st.binary(max_size=300))
    def test_garbage(self, fields, original):
        """Reading never raises."""
        report = feedback.read(fields, original, "x.test")
        self.assertLessEqual(len(report.detail), 500)

    def test_kinds(self):
        """The beginning of content says what it is."""
        self.assertEqual(letter.kind(b"  \r\n<x"), "xml")
        self.assertEqual(letter.kind(b"\xff\xfe<\0x\0"), "xml")
        self.assertEqual(letter.kind(b'{"a"'), "json")
        self.assertEqual(letter.kind(b"PK\x03\x04"), "packed")
        self.assertEqual(letter.kind(b"hello"), "")

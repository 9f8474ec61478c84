"""mailto URIs (RFC 6068): its examples, and what could be an attack."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime.mailto import HEADERS, RECIPIENTS, Mailto, parse
from mailsuite.sieve import outbound


def read(uri):
    return parse(uri, lambda text: outbound.address(text) is not None)


class ExampleTests(SynchronousTestCase):
    def test_simple(self):
        """RFC 6068 §6.1."""
        for uri, found in (
            ("mailto:chris@example.com", Mailto(("chris@example.com",))),
            (
                "mailto:infobot@example.com?subject=current-issue",
                Mailto(("infobot@example.com",), subject="current-issue"),
            ),
            (
                "mailto:infobot@example.com?body=send%20current-issue",
                Mailto(("infobot@example.com",), body="send current-issue"),
            ),
            (
                "mailto:infobot@example.com?body=send%20current-issue%0D%0Asend%20index",
                Mailto(
                    ("infobot@example.com",), body="send current-issue\r\nsend index"
                ),
            ),
            (
                "mailto:list@example.org?In-Reply-To=%3C3469A91.D10AF4C@example.com%3E",
                Mailto(
                    ("list@example.org",),
                    headers=(("In-Reply-To", "<3469A91.D10AF4C@example.com>"),),
                ),
            ),
            (
                "mailto:joe@example.com?cc=bob@example.com&body=hello",
                Mailto(("joe@example.com",), ("bob@example.com",), body="hello"),
            ),
        ):
            self.assertEqual(read(uri), found, uri)

    def test_wrong(self):
        """RFC 6068 §6.1: a second question mark is no separator."""
        with self.assertRaises(ValueError):
            read("mailto:joe@example.com?cc=bob@example.com?body=hello")

    def test_recipients(self):
        """RFC 6068 §2: three ways to name two recipients."""
        for uri in (
            "mailto:addr1@an.example,addr2@an.example",
            "mailto:?to=addr1@an.example,addr2@an.example",
            "mailto:addr1@an.example?to=addr2@an.example",
        ):
            self.assertEqual(read(uri).to, ("addr1@an.example", "addr2@an.example"))

    def test_encoded(self):
        """RFC 6068 §6.1, §6.2: characters that are encoded are part of an address."""
        for uri, to in (
            ("mailto:gorby%25kremvax@example.com", "gorby%kremvax@example.com"),
            (
                "mailto:unlikely%3Faddress@example.com?blat=foop",
                "unlikely?address@example.com",
            ),
            ("mailto:Mike%26family@example.org", "Mike&family@example.org"),
            ("mailto:%22not%40me%22@example.org", '"not@me"@example.org'),
            ("mailto:%22oh%5C%5Cno%22@example.org", '"oh\\\\no"@example.org'),
            (
                "mailto:%22%5C%5C%5C%22it's%5C%20ugly%5C%5C%5C%22%22@example.org",
                '"\\\\\\"it\'s\\ ugly\\\\\\""@example.org',
            ),
        ):
            self.assertEqual(read(uri).to, (to,), uri)

    def test_utf8(self):
        """RFC 6068 §6.3: octets are UTF-8; encoded words are no code here."""
        for uri, subject in (
            ("mailto:user@example.org?subject=caf%C3%A9", "caf\u00e9"),
            (
                "mailto:user@example.org?subject=%3D%3Futf-8%3FQ%3Fcaf%3DC3%3DA9%3F%3D",
                "=?utf-8?Q?caf=C3=A9?=",
            ),
        ):
            self.assertEqual(read(uri).subject, subject)
        uri = "mailto:user@%E7%B4%8D%E8%B1%86.example.org?subject=Test&body=NATTO"
        self.assertEqual(read(uri).to, ("user@\u7d0d\u8c46.example.org",))


class RefusedTests(SynchronousTestCase):
    def test_syntax(self):
        """What is no such URI."""
        for uri in (
            "",
            "mailto",
            "http://example.org",
            "mailto:a@b.example#x",
            "mailto:a@b.example?x",
            "mailto:a@b.example?subject=a b",
            "mailto:a@b.example?subject=%zz",
            "mailto:a@b.example?subject=%ff",
            "mailto:a@b.example?subject=\u00e9",
            "mailto:a@b.example?%C3%A9=x",
            "mailto:a@b.example?a%20b=x",
            "mailto:a@b.example?=x",
            "mailto:a@b.example,",
            "mailto:a",
            "mailto:<a@b.example>,",
            f"mailto:a@b.example?body={'x' * 10_000}",
        ):
            with self.assertRaises(ValueError, msg=uri):
                read(uri)

    def test_injection(self):
        """Line ends and other controls are nowhere but in bodies; NUL is nowhere."""
        for uri in (
            "mailto:a@b.example?subject=x%0D%0ABcc:%20c@d.example",
            "mailto:a@b.example?subject=x%0ABcc:%20c@d.example",
            "mailto:a@b.example?x-y=x%0D%0A%0D%0Abody",
            "mailto:a@b.example?x%0D%0Abcc=x",
            "mailto:a%0D%0A@b.example",
            "mailto:a@b.example?cc=c@d.example%0D%0A",
            "mailto:a@b.example?subject=%00",
            "mailto:a@b.example?body=%00",
            "mailto:a@b.example?subject=%E2%80%A8x",
        ):
            with self.assertRaises(ValueError, msg=uri):
                read(uri)

    def test_dropped(self):
        """Fields that are not the URI's to set are left out (RFC 5436 §2.7)."""
        for name in (
            "from",
            "From",
            "AUTO-SUBMITTED",
            "received",
            "Date",
            "message-id",
            "bcc",
            "resent-to",
            "content-type",
            "mime-version",
            "DKIM-Signature",
            "return-path",
            "List-Id",
        ):
            found = read(f"mailto:a@b.example?{name}=x&keywords=y")
            self.assertEqual(found.headers, (("keywords", "y"),), name)

    def test_bounds(self):
        """Recipients and fields are only so many."""
        many = ",".join(f"a{n}@b.example" for n in range(RECIPIENTS + 1))
        with self.assertRaises(ValueError):
            read(f"mailto:{many}")
        fields = "&".join(f"x-{n}=y" for n in range(HEADERS + 1))
        with self.assertRaises(ValueError):
            read(f"mailto:a@b.example?{fields}")

    @given(st.text(max_size=60))
    def test_anything(self, text):
        """Any text is a URI or is refused; what comes of it holds no line ends."""
        try:
            found = read(f"mailto:a@b.example?{text}")
        except ValueError:
            return
        for name, value in found.headers:
            self.assertTrue((name + value).isprintable() or "\t" not in name + value)
            self.assertNotIn("\n", name + value)

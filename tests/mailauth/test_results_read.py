"""Claims of others are read as RFC 8601 §2.2 has them, and forged ones found."""

import authres
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth import claims, results
from mailsuite.mailauth.claims import Claims, Finding
from tests.support.patience import cpu, within


def parse(text):
    return claims.parse(text.encode())


def found(text):
    """Give methods and results."""
    read = parse(text)
    return None if read is None else [(one.method, one.result) for one in read.findings]


OURS = ("mail.example.com", ["example.com"] * 500)


class ParseTests(SynchronousTestCase):
    """The grammar."""

    def test_examples(self):
        """Examples in the style of RFC 8601 appendix B."""
        self.assertEqual(parse(" example.org 1; none\r\n"), Claims("example.org"))
        self.assertEqual(
            parse(
                " example.com;\r\n   auth=pass (cram-md5) smtp.auth=sender@example.net;"
                "\r\n   spf=pass smtp.mailfrom=example.net\r\n"
            ),
            Claims(
                "example.com",
                1,
                (
                    Finding("auth", "pass", (("smtp.auth", "sender@example.net"),)),
                    Finding("spf", "pass", (("smtp.mailfrom", "example.net"),)),
                ),
            ),
        )

    def test_comments_everywhere(self):
        """Comments and folds may stand between any two words."""
        text = (
            " (a) foo.example.net (foo;bar) 1 (baz) ;\r\n"
            ' (x)dkim(y)/(z) 1 (a) = (b) fail (c) reason (d) = (e) "bad; signature"\r\n'
            '\t(f) policy (A dot can go here) . (g)expired (h) = "136\\"2" (i) ;spf(\\))=none'
        )
        self.assertEqual(
            parse(text),
            Claims(
                "foo.example.net",
                1,
                (
                    Finding(
                        "dkim", "fail", (("policy.expired", '136"2'),), "bad; signature"
                    ),
                    Finding("spf", "none"),
                ),
            ),
        )

    def test_values(self):
        """Addresses, quoted strings and what people write besides."""
        for text, expected in (
            ("joe@example.org", "joe@example.org"),
            ("@example.org", "@example.org"),
            ("a=b/c+d@example.org", "a=b/c+d@example.org"),
            ('"a b"@example.org', '"a b"@example.org'),
            ('"a b"', "a b"),
            ('""', ""),
            ("<joe@example.org>", "<joe@example.org>"),
            ("2001:db8::1", "2001:db8::1"),
            ('"a\r\n b"', "a b"),
            ("j\u00f6rg@example.org", "j\u00f6rg@example.org"),
            ("abc==", "abc=="),
        ):
            read = parse(f"a.b; spf=pass smtp.mailfrom={text} (c) smtp.x=y")
            self.assertEqual(read.findings[0].value("smtp.mailfrom"), expected)
            self.assertEqual(read.findings[0].value("smtp.x"), "y")
            self.assertIsNone(read.findings[0].value("smtp.z"))

    def test_case(self):
        """Methods, results and names of properties are read in lower case."""
        read = parse("A.b; SPF=Pass SMTP.MailFrom=Joe")
        self.assertEqual(read.service, "A.b")
        self.assertEqual(
            read.findings, (Finding("spf", "pass", (("smtp.mailfrom", "Joe"),)),)
        )

    def test_malformed_findings(self):
        """What is malformed is left out; the others count."""
        for bad in (
            "spf",
            "spf=",
            "=pass",
            "spf pass",
            "spf=pass smtp",
            "spf=pass smtp.",
            "spf=pass smtp.mailfrom",
            "spf=pass smtp.mailfrom=",
            "spf=pass reason=",
            "spf=pass x=y",
            "spf/x=pass",
            "",
            "spf=pass smtp.x=a b",
            "\u00fc=pass",
            'spf=pass smtp.x="a" b',
            'spf ";dkim=pass"',
            "spf (;dkim=pass)",
        ):
            self.assertEqual(found(f"a.b; {bad}; dkim=fail"), [("dkim", "fail")], bad)

    def test_unclosed(self):
        """What does not end hides all that follows, and claims nothing."""
        for bad in (
            'spf "',
            "spf (",
            'spf=pass smtp.x="',
            "spf=pass (",
            "spf=pass smtp.x=(",
        ):
            self.assertNotIn(("dkim", "pass"), found(f"a.b; {bad}; dkim=pass"))

    def test_versions(self):
        """Findings of method versions that we do not know claim nothing."""
        self.assertEqual(found("a.b; spf/2=pass; dkim/1=pass"), [("dkim", "pass")])
        self.assertEqual(parse("a.b 2; spf=pass").version, 2)

    def test_no_service(self):
        """Without a readable service there are no claims."""
        for text in (
            "",
            ";",
            "; spf=pass",
            "spf=pass smtp.mailfrom=x",
            "a.b c.d; spf=pass",
            "(a.b; spf=pass",
            '"a.b; spf=pass',
            "<a.b>; spf=pass",
            '""; spf=pass',
            "a.b 1 2; spf=pass",
            "a.b 1x; spf=pass",
            "a,b;x=y",
        ):
            self.assertIsNone(parse(text), text)

    def test_quoted_service(self):
        """A service may be quoted."""
        self.assertEqual(parse('"a\\.b" ;none').service, "a.b")

    def test_limits(self):
        """A hundred findings, fifty properties."""
        self.assertEqual(len(found("a.b" + "; spf=pass" * 500)), 100)
        self.assertEqual(found("a.b; spf=pass" + " a.b=c" * 50 + "; dkim=fail"),
                         [("dkim", "fail")])  # fmt: skip
        self.assertEqual(len(found("a.b; spf=pass" + " a.b=c" * 49)), 1)

    def test_cpu(self):
        """Every hostile value is read in time that grows with its length only."""
        for value in (
            ";",
            "(",
            ")",
            "()",
            '"',
            "\\",
            '"\\',
            "(\\",
            "a.b;",
            "a.b=c ",
            "x=y;",
            "x=y a.b=",
            "\r\n\t",
            '("',
            '")',
            "((",
            ';"',
            "a",
            "\u00fc",
            '(")',
        ):
            for head in ("", "a.b;", "a.b; spf=pass ", "a.b; spf=pass smtp.x="):
                text = head + value * (65_536 // len(value))
                within(0.15, lambda text=text: cpu(lambda: parse(text)))

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=300))
    def test_anything(self, value):
        """No octets raise an error."""
        claims.parse(value)
        claims.service_of(value)
        results.forged(b"Authentication-Results:" + value, "a.b")

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.builds(
                Finding,
                st.sampled_from(["spf", "dkim", "dmarc", "x-own"]),
                st.sampled_from(["pass", "fail", "none"]),
                st.lists(
                    st.tuples(
                        st.sampled_from(["smtp.mailfrom", "header.d", "policy.x-y"]),
                        st.text(
                            st.characters(
                                codec="ascii", categories=["L", "N", "P", "S", "Zs"]
                            ),
                            max_size=60,
                        ),
                    ),
                    max_size=4,
                ).map(tuple),
                st.text(
                    st.characters(codec="ascii", min_codepoint=32, max_codepoint=126),
                    min_size=1,
                    max_size=60,
                ),
            ),
            max_size=8,
        )
    )
    def test_round_trip(self, wanted):
        """What is written is read again."""
        made = results.field("X", results.payload(wanted, "a.b"))
        self.assertEqual(claims.parse(made[2:]), Claims("a.b", 1, tuple(wanted)))

    def test_authres_agrees(self):
        """Another implementation reads the same out of sound fields."""
        for text in (
            "example.org 1; none",
            'a.b; spf=pass smtp.mailfrom=joe@x.org; dkim=fail reason="x y" header.d=x.org',
            "a.b; dkim=pass (good) header.i=@x.org header.s=s1; dmarc=none header.from=x.org",
            "a.b; iprev=fail policy.iprev=192.0.2.1; arc=pass",
        ):
            read = authres.AuthenticationResultsHeader.parse(
                f"Authentication-Results: {text}"
            )
            ours = parse(text)
            self.assertEqual(ours.service, read.authserv_id)
            self.assertEqual(
                [
                    (
                        one.method,
                        one.result,
                        one.reason or None,
                        *tuple((f"{p.type}.{p.name}", p.value) for p in one.properties),
                    )
                    for one in read.results
                    if one.method != "none"
                ],
                [
                    (one.method, one.result, one.reason or None, *one.properties)
                    for one in ours.findings
                ],
            )


class ForgedTests(SynchronousTestCase):
    """Fields in our name are found (RFC 8601 §5)."""

    def removed(self, *fields, name="mail.example.com", also=()):
        """Give which fields, by number, are found among others."""
        fields = [one.encode() if isinstance(one, str) else one for one in fields]
        frame = [b"From: a@b\r\n", *fields, b"To: c@d\r\n\tfolded\r\n"]
        header = b"".join(frame)
        spans = results.forged(header, name, also)
        gone = [header[start:end] for start, end in spans]
        for one in gone:
            self.assertIn(one, fields)
        return [number for number, one in enumerate(fields) if one in gone]

    def test_ours_in_all_disguises(self):
        """Case, comments, folds, quotes, dots, versions and subdomains help nobody."""
        for value in (
            "mail.example.com; spf=pass",
            "MAIL.Example.COM; spf=pass",
            "mail.example.com.; spf=pass",
            "mail.example.com 1; spf=pass",
            "mail.example.com/7; spf=pass",
            "\r\n mail.example.com\r\n ; spf=pass",
            "(other.org;) mail.example.com (x) ; spf=pass",
            '"mail.example.com"; spf=pass',
            '"mail.ex\\ample.com"; spf=pass',
            '"mail.\r\n example.com"; spf=pass',
            "mx1.mail.example.com; spf=pass",
            "mail.example.com",
            "(\\(((x))) mail.example.com;none",
            "mail\uff0eexample\u3002com; spf=pass",
            "mail.ex\u24d0mple.com; spf=pass",
        ):
            for head in (
                "Authentication-Results:",
                "authentication-RESULTS:",
                "Authentication-Results \t:",
                "Authentication-Results\0:",
                "\0Authentication-Results:",
                "\xa0 Authentication-Results:",
                "Authentication-Results\r\n\t:",
            ):
                field = f"{head} {value}\r\n"
                self.assertEqual(self.removed(field), [0], field)

    def test_others(self):
        """Fields of other services stay, as do other fields with our name."""
        for field in (
            "Authentication-Results: example.com; spf=pass\r\n",
            "Authentication-Results: gmail.example.com; spf=pass\r\n",
            "Authentication-Results: mail.example.com.org; spf=pass\r\n",
            "Authentication-Results: mx.org; spf=pass smtp.helo=mail.example.com\r\n",
            "Authentication-Results: mx.org (mail.example.com); spf=pass\r\n",
            "ARC-Authentication-Results: i=1; mail.example.com; spf=pass\r\n",
            "X-Authentication-Results: mail.example.com; spf=pass\r\n",
            "Authentication-Results-Old: mail.example.com; spf=pass\r\n",
            "Subject: x\r\n Authentication-Results: mail.example.com; spf=pass\r\n",
            "Received-SPF: pass (x) receiver=mx.org; helo=a.b\r\n",
        ):
            self.assertEqual(self.removed(field), [], field)

    def test_unreadable(self):
        """What cannot be read is read otherwise by others: it goes."""
        for value in ("", ";", "(mail.example.com; spf=pass", "spf=pass", "x 2; spf=pass",
                      '"x; spf=pass', "x y; spf=pass", "=?utf-8?q?mail?=; spf=pass"):  # fmt: skip
            field = f"Authentication-Results: {value}\r\n"
            self.assertEqual(self.removed(field), [0], field)

    def test_more_names_of_ours(self):
        """Other names of ours count, too, and U-labels are A-labels."""
        also = ("example.com", "b\u00fccher.example")
        for name, expected in (
            ("example.com", [0]),
            ("mx.example.com", [0]),
            ("xn--bcher-kva.example", [0]),
            ("B\u00dcCHER.example", [0]),
            ("a.xn--bcher-kva.example", [0]),
            ("example.org", []),
        ):
            field = f"Authentication-Results: {name}; spf=pass\r\n"
            self.assertEqual(self.removed(field, also=also), expected, name)

    def test_received_spf(self):
        """A Received-SPF that names us, or no receiver, goes."""
        for value, expected in (
            (
                "pass (mail.example.com: x) client-ip=192.0.2.1; receiver=mail.example.com",
                [0],
            ),
            ("pass client-ip=192.0.2.1", [0]),
            ('pass receiver="mail.ex\\ample.com"', [0]),
            ("pass (x) RECEIVER\r\n\t=\r\n MAIL.example.com", [0]),
            ("pass (mail.example.com: x) receiver=mx.org", [0]),
            ("pass (mx.org: x) receiver=mx.org", []),
        ):
            field = f"Received-SPF: {value}\r\n"
            self.assertEqual(self.removed(field), expected, field)

    def test_several(self):
        """All are found, the first and the last of a header with them."""
        ours = b"Authentication-Results: mail.example.com; spf=pass\r\n"
        theirs = b"Authentication-Results: mx.org; spf=pass\r\n"
        header = ours + ours + theirs + b"A: b\r\n" + ours[:-2]
        spans = results.forged(header, "mail.example.com")
        self.assertEqual(spans, [(0, 52), (52, 104), (len(header) - 50, len(header))])

    def test_continuation_of_ours(self):
        """Indented lines before the first field would continue what we write."""
        evil = b" ; dkim=pass header.d=bank.example\r\n\t(x)\r\n \r\n"
        ours = b"Authentication-Results: mail.example.com; spf=pass\r\n"
        for fields in (b"", b"From: a@b\r\n", ours + b"From: a@b\r\n"):
            spans = results.forged(evil + fields, "mail.example.com")
            self.assertEqual(spans[0], (0, len(evil)))
            self.assertEqual(len(spans), 1 + fields.startswith(ours))
        self.assertEqual(results.forged(b" x", "mail.example.com"), [(0, 2)])

    def test_flood(self):
        """Of very many, those that are not looked into go."""
        theirs = b"Authentication-Results: mx.org; spf=pass\r\n"
        spans = results.forged(theirs * 1_000, "mail.example.com")
        self.assertEqual(len(spans), 1_000 - results.FIELDS)

    def test_international(self):
        """Names beyond ASCII are compared up to a bound; beyond it fields go."""
        theirs = "Authentication-Results: m\u00e4x.example; spf=pass\r\n"
        self.assertEqual(self.removed(theirs), [])
        names = ",".join(f"m\u00e4x{n}.test" for n in range(results.MAPPED + 1))
        field = f'Authentication-Results: "{names}"; spf=pass\r\n'
        self.assertEqual(self.removed(field), [0])

    def test_cpu(self):
        """Headers of a megabyte take no turn of the reactor."""
        for unit in (
            b"Received: from a by b with c; today\r\n\tfolded\r\n",
            b"Authentication-Results: x.example; spf=pass\r\n",
            b"Authentication-Results\r\n",
            b"Authentication-Results" + b" " * 500 + b"\r\n",
            b"Received-SPF: pass receiver=" + b"a.b," * 500 + b"\r\n",
            b"Authentication-Results:" + b"(" * 10_000 + b"\r\n",
            b"Authentication-Results:\r\n" + b"\t\r\n" * 10_000,
            b"Authentication-Results\r\n" + b"\t\r\n" * 10_000,
            b"\1" * 10_000 + b"\n",
            b"\1\n",
            b"Received-SPF: pass receiver=" + b"\xc3\xa4.b," * 400 + b"\r\n",
        ):
            header = unit * (1_048_576 // len(unit))
            within(0.15, lambda field=header: cpu(lambda: results.forged(field, *OURS)))

"""Authentication-Results and Received-SPF as we write them."""

import re

import authres
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth import claims, results
from mailsuite.mailauth.claims import Finding
from mailsuite.model.proofs import (
    DMARC,
    SPF,
    Chain,
    Policy,
    Proofs,
    Result,
    Reverse,
    Signature,
)

PROOFS = Proofs(
    "192.0.2.1",
    "mx.example.org",
    "joe.doe@example.org",
    Reverse(Result.PASS, "mx.example.org"),
    SPF(Result.PASS, "helo", "mx.example.org", "a"),
    SPF(Result.PASS, "mailfrom", "example.org", "ip4:192.0.2.0/24"),
    (
        Signature(
            Result.PASS, "example.org", "s1", algorithm="rsa-sha256", bits=2048,
            begins="ab/c+d12",
        ),
        Signature(
            Result.FAIL, "lists.example.net", "k2", "joe@lists.example.net",
            "ed25519-sha256", 256, "body hash did not verify", "0dJ3kd8s", whole=False,
        ),
    ),
    Chain(Result.PASS, 2, oldest=0),
    DMARC(Result.PASS, "example.org", policy=Policy("example.org", "", "reject")),
)  # fmt: skip

EVIL = st.text(
    st.one_of(st.characters(), st.sampled_from('\r\n\t ;="()\\<>@.,\0\x7f\u2028')),
    max_size=1_200,
)


def written(proofs, name="mail.example.com"):
    """Give the field as text, and check that it is one field of sound lines."""
    made = results.render(proofs, name)
    sound(made, b"Authentication-Results: ")
    return made.decode()


def sound(made, begin):
    """Fail if a field ends early or is not what a message may hold."""
    assert made.startswith(begin), made
    assert made.endswith(b"\r\n"), made
    assert not re.search(rb"\n[^\t]|\r[^\n]|[^\r]\n|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]",
                         made[:-2]), made  # fmt: skip
    assert all(0 < len(line.strip()) <= 998 for line in made[:-2].split(b"\r\n")), made
    made.decode()


class WrittenTests(SynchronousTestCase):
    """What stands in it (RFC 8601 §2.7)."""

    def test_everything(self):
        """All methods with their properties, folded."""
        self.assertEqual(
            written(PROOFS).split("\r\n"),
            [
                "Authentication-Results: mail.example.com;",
                "\tiprev=pass (mx.example.org) policy.iprev=192.0.2.1;",
                "\tspf=pass smtp.mailfrom=joe.doe@example.org;",
                "\tspf=pass smtp.helo=mx.example.org;",
                "\tdkim=pass (2048-bit key) header.d=example.org header.s=s1",
                '\theader.a=rsa-sha256 header.b="ab/c+d12";',
                "\tdkim=fail (256-bit key, part of the body is not signed)",
                '\treason="body hash did not verify" header.d=lists.example.net',
                "\theader.i=joe@lists.example.net header.s=k2 header.a=ed25519-sha256",
                "\theader.b=0dJ3kd8s;",
                "\tarc=pass (i=2) header.oldest-pass=0 smtp.remote-ip=192.0.2.1;",
                "\tdmarc=pass (p=reject) header.from=example.org policy.dmarc=none",
                "",
            ],
        )

    def test_lines(self):
        """No line has more than 78 columns, where its words allow."""
        for line in written(PROOFS).split("\r\n"):
            self.assertLessEqual(len(line.expandtabs(8)), 78)

    def test_nothing(self):
        """What was not there is told in few words."""
        proofs = Proofs(
            "", "", "", Reverse(Result.NONE), SPF(Result.NONE, "helo", ""),
            SPF(Result.NONE, "mailfrom", ""), (), Chain(Result.NONE),
            DMARC(Result.NONE, ""),
        )  # fmt: skip
        self.assertEqual(
            written(proofs),
            "Authentication-Results: mail.example.com;\r\n"
            "\tspf=none;\r\n\tdkim=none;\r\n\tdmarc=none\r\n",
        )

    def test_no_findings(self):
        """A field without findings says none (§2.2)."""
        self.assertEqual(
            results.field("X", results.payload([], "a.b")), b"X: a.b;\r\n\tnone\r\n"
        )

    def test_empty_sender(self):
        """Of an empty sender only the greeting is told."""
        proofs = evolve(PROOFS, sender="", helo=SPF(Result.NONE, "helo", "x"))
        self.assertIn("\tspf=none smtp.helo=mx.example.org;\r\n", written(proofs))
        self.assertNotIn("mailfrom", written(proofs))

    def test_every_result(self):
        """Each word of RFC 8601 can be said of each method."""
        for result in Result:
            proofs = evolve(
                PROOFS,
                mailfrom=evolve(PROOFS.mailfrom, result=result),
                signatures=(evolve(PROOFS.signatures[0], result=result),),
                dmarc=evolve(PROOFS.dmarc, result=result),
            )
            text = written(proofs)
            for method in ("spf", "dkim", "dmarc"):
                self.assertIn(f"\t{method}={result.value} ", text)

    def test_ipv6(self):
        """An IPv6 address is quoted: colons are special (RFC 2045 §5.1)."""
        text = written(evolve(PROOFS, ip="2001:db8::1"))
        self.assertIn('policy.iprev="2001:db8::1"', text)

    def test_addresses(self):
        """Addresses keep their form; what is none is quoted."""
        for sender, expected in (
            ("a+b=c/d@example.org", "a+b=c/d@example.org"),
            ('"a b"@example.org', '"a b"@example.org'),
            ('"a\\"b;"@example.org', '"a\\"b;"@example.org'),
            ("j\u00f6rg@b\u00fccher.example", "j\u00f6rg@b\u00fccher.example"),
            ("joe@[192.0.2.1]", '"joe@[192.0.2.1]"'),
            ("a b@example.org", '"a b@example.org"'),
            ("joe@example.org; dkim=pass", '"joe@example.org; dkim=pass"'),
            ("joe\u2028@example.org", '"joe?@example.org"'),
            ("x" * 600 + "@example.org", "example.org"),
        ):
            text = written(evolve(PROOFS, sender=sender))
            self.assertIn(f" smtp.mailfrom={expected};\r\n", text)

    def test_only_addresses_are_international(self):
        """What else a peer says is ASCII: its message need not be SMTPUTF8."""
        proofs = evolve(PROOFS, greeting="m\u00fc.example", sender="")
        self.assertIn('smtp.helo="m?.example"', written(proofs))

    def test_a_submission(self):
        """A user's message tells who authenticated (§2.7.4)."""
        made = results.authenticated("mail.example.com", "c@c.example", "b@b.example")
        self.assertEqual(
            made,
            b"Authentication-Results: mail.example.com;\r\n"
            b"\tauth=pass smtp.auth=c@c.example smtp.mailfrom=b@b.example\r\n",
        )

    def test_arc(self):
        """An ARC set tells the same behind its instance (RFC 8617 §4.1.1)."""
        found = [Finding("spf", "pass", (("smtp.helo", "a.b"),))]
        self.assertEqual(
            results.arc(3, found, "a.b"),
            b"ARC-Authentication-Results: i=3; a.b;\r\n\tspf=pass smtp.helo=a.b\r\n",
        )

    def test_authres_reads_it(self):
        """Another implementation finds the same in it."""
        unfolded = written(PROOFS).replace("\r\n\t", " ").strip()
        read = authres.AuthenticationResultsHeader.parse(unfolded)
        self.assertEqual(read.authserv_id, "mail.example.com")
        ours = [
            (one.method, one.result, [value for _, value in one.properties])
            for one in results.findings(PROOFS)
        ]
        theirs = [
            (one.method, one.result, [each.value for each in one.properties])
            for one in read.results
        ]
        self.assertEqual(theirs, ours)


class EvilTests(SynchronousTestCase):
    """Whatever peers choose, it is one field and says no more than we found."""

    @settings(max_examples=300, deadline=None)
    @given(EVIL, EVIL, EVIL)
    def test_injection(self, one, two, three):
        """Read again, the results are ours and nobody else's."""
        proofs = evolve(
            PROOFS,
            ip=one,
            greeting=two,
            sender=three or "x",
            reverse=Reverse(Result.FAIL, two),
            mailfrom=SPF(Result.PERMERROR, "mailfrom", one, two, three, (three,)),
            signatures=(Signature(Result.FAIL, one, two, three, one, 512, two, three),),
            chain=Chain(Result.FAIL, 1, reason=one),
            dmarc=DMARC(
                Result.FAIL, two, policy=Policy(two, "", one[:5]), reason=three
            ),
        )
        made = results.render(proofs, "mail.example.com")
        sound(made, b"Authentication-Results: mail.example.com;\r\n\t")
        read = claims.parse(made.partition(b":")[2])
        self.assertEqual(read.service, "mail.example.com")
        self.assertEqual(
            [(found.method, found.result) for found in read.findings],
            [(found.method, found.result) for found in results.findings(proofs)],
        )
        received = results.received_spf(proofs.mailfrom, proofs, "mail.example.com")
        sound(received, b"Received-SPF: permerror (mail.example.com:")
        sound(results.authenticated("a.b", one, two), b"Authentication-Results: a.b;")

    def test_fifty_signatures(self):
        """More signatures than fifty are not written."""
        proofs = evolve(PROOFS, signatures=PROOFS.signatures * 100)
        self.assertEqual(written(proofs).count("dkim="), 50)


class ReceivedTests(SynchronousTestCase):
    """RFC 7208 §9.1."""

    def test_a_pass(self):
        """Comment and pairs stand as in the RFC's examples."""
        self.assertEqual(
            results.received_spf(PROOFS.mailfrom, PROOFS, "mail.example.com").decode(),
            "Received-SPF: pass (mail.example.com: domain of joe.doe@example.org"
            " designates\r\n\t192.0.2.1 as permitted sender) client-ip=192.0.2.1;\r\n"
            '\tenvelope-from="joe.doe@example.org"; helo=mx.example.org;\r\n'
            "\treceiver=mail.example.com; identity=mailfrom;\r\n"
            '\tmechanism="ip4:192.0.2.0/24"\r\n',
        )

    def test_every_result(self):
        """Each result is told, with mechanism or problem where it has one."""
        for result in Result:
            found = SPF(result, "helo", "mx.example.org", "", steps=("DNS was slow",))
            made = results.received_spf(found, PROOFS, "a.b")
            sound(made, f"Received-SPF: {result.value} (a.b:".encode())
            self.assertIn(b"identity=helo", made)
            self.assertNotIn(b"envelope-from", made)
            failed = result in {Result.PERMERROR, Result.TEMPERROR}
            self.assertEqual(b'problem="DNS was slow"' in made, failed)
            silent = failed or result is Result.NONE
            self.assertEqual(b"mechanism=default" in made, not silent)

"""Macros and explanations (RFC 7208 §6.2, §7)."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth import spf
from mailsuite.mailauth.spflookups import Receiver
from mailsuite.mailauth.spfpolicy import Reader
from mailsuite.model.address import Address
from mailsuite.model.proofs import Result
from tests.support.spfzone import Zone, run

RECEIVER = Receiver("mail.example.net", 1_700_000_000.9)


def checked(names, ip="192.0.2.3", sender="strong-bad@email.example.com"):
    local, _, domain = sender.rpartition("@")
    zone = names if isinstance(names, Zone) else Zone(names)
    address = Address(local, domain)
    return run(spf.check(ip, "mx.example.org", address, zone, RECEIVER))[1]


class ExpansionTests(SynchronousTestCase):
    """RFC 7208 §7.4 and §7.3."""

    def expand(
        self, text, ip="192.0.2.3", local="strong-bad", domain="email.example.com"
    ):
        reader = Reader(ip, "mx.example.org", local, domain)
        return reader.expand(text)

    def test_examples(self):
        """The RFC's examples for IPv4."""
        for text, expected in (
            ("%{s}", "strong-bad@email.example.com"),
            ("%{o}", "email.example.com"),
            ("%{d}", "email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d3}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{d1}", "com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{l}", "strong-bad"),
            ("%{l-}", "strong.bad"),
            ("%{lr}", "strong-bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
            ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
            (
                "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
                "bad.strong.lp.3.2.0.192.in-addr._spf.example.com",
            ),
            (
                "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
                "3.2.0.192.in-addr.strong.lp._spf.example.com",
            ),
            (
                "%{d2}.trusted-domains.example.net",
                "example.com.trusted-domains.example.net",
            ),
        ):
            self.assertEqual(self.expand(text), expected)

    def test_example_with_ipv6(self):
        """The RFC's example for IPv6; DNS does not mind the case."""
        self.assertEqual(
            self.expand("%{ir}.%{v}._spf.%{d2}", "2001:db8::cb01").lower(),
            "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
            ".ip6._spf.example.com",
        )

    def test_signs(self):
        """Percent, space and the escaped space."""
        self.assertEqual(self.expand("%%%_%-x"), "% %20x")

    def test_upper_case(self):
        """Upper case escapes what a URL may not have."""
        self.assertEqual(
            self.expand("%{L}", local="a b/c~d-e_f.g+h"), "a%20b%2Fc~d-e_f.g%2Bh"
        )

    def test_several_delimiters(self):
        """Each delimiter divides; empty parts stay."""
        self.assertEqual(self.expand("%{l2r+-}", local="a+b--c"), "b.a")
        self.assertEqual(self.expand("%{lr-}", local="a--b"), "b..a")
        self.assertEqual(
            self.expand("%{o-}", domain="a-b.example.com"), "a.b.example.com"
        )

    def test_long_names(self):
        """Labels on the left are dropped until 253 characters are left."""
        for length in (200, 252, 253, 254, 300, 1_000):
            text = (("x" * 9 + ".") * 200)[-length:-4] + ".com"
            found = self.expand(text)
            self.assertLessEqual(len(found), 253)
            self.assertTrue(text.endswith(found))
            if length <= 253:
                self.assertEqual(found, text)
            else:
                self.assertGreater(len(found), 243)
                self.assertEqual(text[-len(found) - 1], ".")

    def test_domain_changes_and_sender_does_not(self):
        """In an included policy ``%{d}`` is that policy's domain."""
        names = {
            "email.example.com": {
                "TXT": ["v=spf1 include:x.org exists:%{d}.%{o} -all"]
            },
            "x.org": {"TXT": ["v=spf1 exists:%{d}.%{o}.%{h} -all"]},
        }
        zone = Zone(names)
        checked(zone)
        self.assertEqual(
            [name for kind, name in zone.asked if kind == "A"],
            [
                "x.org.email.example.com.mx.example.org",
                "email.example.com.email.example.com",
            ],
        )


class PointerTests(SynchronousTestCase):
    """``%{p}`` (§7.3)."""

    def asked(self, rows, **names):
        zone = Zone(
            {
                "example.com": {"TXT": ["v=spf1 exists:%{p}.x.org -all"]},
                "3.2.0.192.in-addr.arpa": rows,
                "mx.example.net": {"A": ["192.0.2.3"]},
                "mx.example.com": {"A": ["192.0.2.3"]},
                "example.com.": {},
                **names,
            }
        )
        checked(zone, sender="joe@example.com")
        return [name for kind, name in zone.asked if kind == "A"][-1]

    def test_name_of_the_domain_is_preferred(self):
        """A name below the domain, else the first that leads back."""
        rows = {"PTR": ["bad.example.com", "mx.example.net", "mx.example.com"]}
        self.assertEqual(self.asked(rows), "mx.example.com.x.org")
        self.assertEqual(
            self.asked({"PTR": ["mx.example.net"]}), "mx.example.net.x.org"
        )

    def test_unknown(self):
        """Without one it is the word unknown."""
        self.assertEqual(self.asked({"PTR": ["bad.example.com"]}), "unknown.x.org")
        self.assertEqual(self.asked({"FAIL": ["PTR"]}), "unknown.x.org")


class ExplanationTests(SynchronousTestCase):
    """``exp=`` (§6.2)."""

    def explained(self, rows, record="v=spf1 -all exp=why.%{d}", **others):
        names = {
            "email.example.com": {"TXT": [record]},
            "why.email.example.com": rows,
            **{key.replace("_", "."): value for key, value in others.items()},
        }
        found = checked(names)
        self.assertEqual(found.result, Result.FAIL)
        return found.explanation

    def test_text(self):
        """Macros are expanded, and more of them than in names."""
        text = "%{c} %{s} is no sender of %{d}; %{r} at %{t} 100%%."
        self.assertEqual(
            self.explained({"TXT": [text]}),
            "192.0.2.3 strong-bad@email.example.com is no sender of email.example.com;"
            " mail.example.net at 1700000000 100%.",
        )

    def test_only_for_a_fail(self):
        """Nothing is asked for another result."""
        zone = Zone({"email.example.com": {"TXT": ["v=spf1 ~all exp=why.x.org"]}})
        self.assertEqual(checked(zone).explanation, "")
        self.assertEqual([name for _, name in zone.asked if name == "why.x.org"], [])

    def test_what_cannot_be_had(self):
        """No text, several, one that is wrong, or no answer: no explanation."""
        for rows in (
            {},
            {"TXT": ["a", "b"]},
            {"TXT": ["gr\xfc\xdfe"]},
            {"TXT": ["%{x}"]},
            {"TXT": ["%"]},
            {"TXT": ["line\r\nX-Evil: 1"]},
            {"TXT": ["%{s}" * 200]},
            {"TXT": ["x" * 5_000]},
            {"FAIL": ["TXT"]},
        ):
            self.assertEqual(self.explained(rows), "")

    def test_bounded(self):
        """It fits into one reply."""
        self.assertEqual(len(self.explained({"TXT": ["a. " * 1_000]})), 400)
        self.assertEqual(self.explained({"TXT": ["a." * 150]}), "a." * 150)

    def test_of_a_redirect(self):
        """The policy that decides explains (§6.2)."""
        record = "v=spf1 redirect=x.org exp=wrong.org"
        others = {
            "x_org": {"TXT": ["v=spf1 -all exp=why.x.org"]},
            "why_x_org": {"TXT": ["%{d} says no"]},
        }
        self.assertEqual(self.explained({}, record, **others), "x.org says no")

    def test_of_an_included_policy(self):
        """An included policy does not explain."""
        record = "v=spf1 -include:x.org -all exp=why.%{d}"
        others = {"x_org": {"TXT": ["v=spf1 +all exp=why.x.org"]}}
        self.assertEqual(self.explained({"TXT": ["ours"]}, record, **others), "ours")

    def test_with_a_name(self):
        """``%{p}`` is looked up for it."""
        others = {
            "3_2_0_192_in-addr_arpa": {"PTR": ["mx.example.net"]},
            "mx_example_net": {"A": ["192.0.2.3"]},
        }
        self.assertEqual(self.explained({"TXT": ["%{p}"]}, **others), "mx.example.net")

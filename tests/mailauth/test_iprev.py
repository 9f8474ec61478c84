"""iprev (RFC 8601 §3)."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth import reverse
from mailsuite.model.proofs import Result
from tests.support.spfzone import Zone, run

FOUR = "7.2.0.192.in-addr.arpa"
SIX = "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa"


class ReverseTests(SynchronousTestCase):
    """PTR, then A or AAAA, must agree."""

    def found(self, names, ip="192.0.2.7"):
        self.zone = Zone(names)
        return run(reverse.check(ip, self.zone))

    def test_both_families(self):
        """The name's address of the client's family is looked for."""
        rows = {"A": ["192.0.2.8", "192.0.2.7"], "AAAA": ["2001:0DB8:0::1"]}
        names = {
            FOUR: {"PTR": ["MX.example.com."]},
            SIX: {"PTR": ["mx.example.com"]},
            "mx.example.com": rows,
        }
        for ip in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "2001:db8::1%eth0"):
            found = self.found(names, ip)
            self.assertEqual(
                (found.result, found.name), (Result.PASS, "mx.example.com")
            )

    def test_second_name(self):
        """One of several names is enough; it is the one that is told."""
        names = {
            FOUR: {"PTR": ["a.example.com", "b.example.com", "c.example.com"]},
            "b.example.com": {"A": ["192.0.2.7"]},
            "a.example.com": {"FAIL": ["A"]},
        }
        found = self.found(names)
        self.assertEqual((found.result, found.name), (Result.PASS, "b.example.com"))
        self.assertEqual(
            found.steps,
            (
                "192.0.2.7 has the name a.example.com",
                "DNS gave no answer for a.example.com",
                "A of b.example.com: 192.0.2.7",
                "b.example.com leads back: pass",
            ),
        )

    def test_disagreement(self):
        """Other addresses, none, or no such name: a fail with the first name."""
        for rows in ({"A": ["192.0.2.9"]}, {"A": []}, {"AAAA": ["2001:db8::1"]}):
            names = {FOUR: {"PTR": ["a.example.com"]}, "a.example.com": rows}
            found = self.found(names)
            self.assertEqual((found.result, found.name), (Result.FAIL, "a.example.com"))
        found = self.found({FOUR: {"PTR": ["a.example.com"]}})
        self.assertEqual(found.result, Result.FAIL)

    def test_no_name(self):
        """Without a name it is a permanent error."""
        self.assertEqual(self.found({}).result, Result.PERMERROR)
        self.assertEqual(self.found({FOUR: {}}).result, Result.PERMERROR)

    def test_no_answer(self):
        """Without an answer it is a temporary error, unless a name leads back."""
        self.assertEqual(self.found({FOUR: {"FAIL": ["PTR"]}}).result, Result.TEMPERROR)
        names = {
            FOUR: {"PTR": ["a.example.com", "b.example.com"]},
            "a.example.com": {"FAIL": ["A"]},
            "b.example.com": {"A": ["192.0.2.9"]},
        }
        self.assertEqual(self.found(names).result, Result.TEMPERROR)

    def test_ten_names(self):
        """At most ten names are looked at."""
        rows = [f"n{n}.example.com" for n in range(40)]
        found = self.found(
            {FOUR: {"PTR": rows}, "n11.example.com": {"A": ["192.0.2.7"]}}
        )
        self.assertEqual(found.result, Result.FAIL)
        self.assertEqual(len(self.zone.asked), 11)

    def test_odd_addresses(self):
        """What is no address is an error, and what DNS says of them no crash."""
        self.assertEqual(self.found({}, "unix").result, Result.PERMERROR)
        names = {FOUR: {"PTR": [""]}, "": {"A": ["junk"]}}
        self.assertEqual(self.found(names).result, Result.FAIL)

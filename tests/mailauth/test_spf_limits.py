"""The limits of RFC 7208 §4.6.4, each at its edge, and what a check costs."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth import spf
from mailsuite.mailauth.spflookups import SECONDS, Receiver
from mailsuite.model.address import Address
from mailsuite.model.proofs import Result
from tests.support.patience import cpu, within
from tests.support.spfzone import Zone, run


def checked(names, ip="192.0.2.1", receiver=spf.DEFAULT, sender="joe@example.com"):
    zone = names if isinstance(names, Zone) else Zone(names)
    address = Address(*sender.split("@"))
    return run(spf.check(ip, "[192.0.2.1]", address, zone, receiver))[1]


def policy(record):
    return {"example.com": {"TXT": [record]}}


class TermTests(SynchronousTestCase):
    """At most ten terms ask DNS."""

    def test_ten_terms(self):
        """The tenth term may still match; the eleventh is an error."""
        names = policy("")
        for n in range(12):
            names[f"h{n}.example.com"] = {"A": ["192.0.2.9"]}
        for count, expected in ((10, Result.FAIL), (11, Result.PERMERROR)):
            terms = " ".join(f"a:h{n}.example.com" for n in range(count))
            names["example.com"] = {"TXT": [f"v=spf1 {terms} -all"]}
            self.assertEqual(checked(names).result, expected)
        names["h9.example.com"] = {"A": ["192.0.2.1"]}
        self.assertEqual(checked(names).result, Result.PASS)

    def test_redirect_counts_when_it_is_followed(self):
        """A redirect behind nine terms is the tenth; behind a match it is none."""
        names = policy("")
        names["x.org"] = {"TXT": ["v=spf1 -all"]}
        names["h.example.com"] = {"A": ["192.0.2.9"]}
        names["j.example.com"] = {"A": ["192.0.2.1"]}
        for terms, expected in (
            (["a:h.example.com"] * 9, Result.FAIL),
            (["a:h.example.com"] * 10, Result.PERMERROR),
            (["a:h.example.com"] * 9 + ["a:j.example.com"], Result.PASS),
        ):
            record = " ".join(["v=spf1", *terms, "redirect=x.org"])
            names["example.com"] = {"TXT": [record]}
            self.assertEqual(checked(names).result, expected)

    def test_nested(self):
        """Terms of included policies count, also those of policies that do not match."""
        names = policy("v=spf1 include:x.org include:y.org -all")
        names["h.example.com"] = {"A": ["192.0.2.9"]}
        names["x.org"] = {"TXT": ["v=spf1" + " a:h.example.com" * 4]}
        names["y.org"] = {"TXT": ["v=spf1" + " a:h.example.com" * 4]}
        self.assertEqual(checked(names).result, Result.FAIL)
        names["y.org"] = {"TXT": ["v=spf1" + " a:h.example.com" * 5]}
        self.assertEqual(checked(names).result, Result.PERMERROR)

    def test_terms_that_ask_nothing(self):
        """Networks and modifiers are not counted."""
        record = "v=spf1 " + "ip4:10.0.0.0/8 x=y " * 50 + "exp=x.org ?all"
        self.assertEqual(checked(policy(record)).result, Result.NEUTRAL)

    def test_every_term_counts(self):
        """Each of a, mx, ptr, exists and include is one term."""
        names = policy("")
        names["x.org"] = {"TXT": ["v=spf1"], "A": ["127.0.0.2"], "MX": ["1 x.org"]}
        names["1.2.0.192.in-addr.arpa"] = {"PTR": ["x.org"]}
        for term in ("a:x.org", "mx:x.org", "ptr:y.org", "-include:x.org"):
            for count, expected in ((10, Result.SOFTFAIL), (11, Result.PERMERROR)):
                names["example.com"] = {
                    "TXT": ["v=spf1" + f" {term}" * count + " ~all"]
                }
                self.assertEqual(checked(names).result, expected, term)

    def test_questions_of_a_loop(self):
        """A policy that includes itself twice asks DNS a handful of questions."""
        zone = Zone(policy("v=spf1 include:%{d1r}.com include:%{d}"))
        zone.rows["com.com"] = zone.rows["example.com"]
        self.assertEqual(checked(zone).result, Result.PERMERROR)
        self.assertLess(len(zone.asked), 5)


class VoidTests(SynchronousTestCase):
    """At most two answers without records."""

    def test_two_voids(self):
        """The third is an error."""
        for name in ("missing.example.com", "example.com"):
            for term in ("a", "mx", "exists"):
                for count, expected in ((2, Result.FAIL), (3, Result.PERMERROR)):
                    terms = f" {term}:{name}" * count
                    found = checked(policy(f"v=spf1{terms} -all"))
                    self.assertEqual(found.result, expected, term)

    def test_ptr(self):
        """A client without names is void for ``ptr``, too."""
        for count, expected in ((2, Result.FAIL), (3, Result.PERMERROR)):
            record = "v=spf1" + " ptr" * count + " -all"
            self.assertEqual(checked(policy(record)).result, expected)

    def test_match_comes_first(self):
        """Voids behind a match are none."""
        record = "v=spf1 ip4:192.0.2.1" + " a:missing.example.com" * 5
        self.assertEqual(checked(policy(record)).result, Result.PASS)

    def test_hosts_of_the_other_family(self):
        """Mail servers with IPv4 only are no voids for a client with IPv6."""
        names = policy("v=spf1 mx -all")
        names["example.com"]["MX"] = [f"{n} m{n}.example.com" for n in range(5)]
        for n in range(5):
            names[f"m{n}.example.com"] = {"A": ["192.0.2.9"]}
        self.assertEqual(checked(names, "2001:db8::1").result, Result.FAIL)

    def test_exchangers_that_do_not_exist(self):
        """Names of MX records that do not exist are voids: nobody is flooded so."""
        zone = Zone(policy("v=spf1 mx -all"))
        rows = [f"{n} m{n}.victim.example" for n in range(10)]
        zone.rows["example.com"]["MX"] = rows
        self.assertEqual(checked(zone).result, Result.PERMERROR)
        self.assertEqual(len([kind for kind, _ in zone.asked if kind == "A"]), 3)

    def test_names_that_cannot_be(self):
        """Such a name is void and is not asked for (§4.8)."""
        local = "x" * 64
        zone = Zone(policy("v=spf1 a:%{l}.example.com exists:..com mx:a..b.com -all"))
        found = checked(zone, sender=f"{local}@example.com")
        self.assertEqual(found.result, Result.PERMERROR)
        self.assertEqual(zone.asked, [("TXT", "example.com")])

    def test_explanation_is_no_void(self):
        """A missing explanation changes nothing."""
        terms = " a:missing.example.com" * 2
        found = checked(policy(f"v=spf1{terms} -all exp=missing.example.com"))
        self.assertEqual(found.result, Result.FAIL)


class NameTests(SynchronousTestCase):
    """At most ten names of an MX or PTR answer."""

    def test_ten_exchangers(self):
        """Eleven are an error, though one of them would match."""
        for count, expected in ((10, Result.PASS), (11, Result.PERMERROR)):
            names = policy("v=spf1 mx -all")
            names["example.com"]["MX"] = [f"{n} m{n}.example.com" for n in range(count)]
            for n in range(count):
                names[f"m{n}.example.com"] = {"A": [f"192.0.2.{10 - n}"]}
            self.assertEqual(checked(names).result, expected)

    def test_ten_names(self):
        """Of more names than ten, the first ten count."""
        for place, expected in ((9, Result.PASS), (10, Result.FAIL)):
            names = policy("v=spf1 ptr -all")
            rows = [f"n{n}.example.net" for n in range(30)]
            rows[place] = "mx.example.com"
            names["1.2.0.192.in-addr.arpa"] = {"PTR": rows}
            names["mx.example.com"] = {"A": ["192.0.2.1"]}
            zone = Zone(names)
            self.assertEqual(checked(zone).result, expected)
            self.assertLessEqual(len([1 for kind, _ in zone.asked if kind == "A"]), 10)


class TimeTests(SynchronousTestCase):
    """Twenty seconds, and CPU."""

    def test_twenty_seconds(self):
        """When they are over, the result is temporary."""
        now = [0.0]

        class Slow(Zone):
            def find(self, name, kind):
                now[0] += 3.0
                return super().find(name, kind)

        def clock():
            return now[0]

        for count, expected in ((6, Result.FAIL), (8, Result.TEMPERROR)):
            now[0] = 1_000.0
            zone = Slow(policy(""))
            for n in range(count):
                zone.rows[f"h{n}.example.com"] = {"A": ["192.0.2.9"]}
            terms = " ".join(f"a:h{n}.example.com" for n in range(count))
            zone.rows["example.com"] = {"TXT": [f"v=spf1 {terms} -all"]}
            receiver = Receiver(clock=clock)
            self.assertEqual(checked(zone, receiver=receiver).result, expected)
            self.assertLess(now[0] - 1_000.0, SECONDS + 4.0)

    def test_cpu_of_hostile_policies(self):
        """The worst records cost less than a turn of the reactor may."""
        sender = "%".join(["x" * 20] * 3) + "@" + "a." * 90 + "example.com"
        domain = sender.rpartition("@")[2]
        for body in (
            "ip4:10.0.0.0/8 " * 265,
            "a= " * 1_300,
            "foo=" + "%{sr-}" * 670,
            "exists:" + "%{sr-}" * 120 + ".com ",
            "exists:" + "." * 3_900 + "%{d}.com ",
            "foo=" + "%" * 3_900,
            "a:" + "%{" * 1_900,
            "x" * 3_900,
        ):
            zone = Zone({})
            for n in range(12):
                name = domain if n == 0 else f"n{n}.example.com"
                record = f"v=spf1 {body} include:n{n + 1}.example.com"
                zone.rows[name] = {"TXT": [record]}
            within(
                0.05 * 3,
                lambda zone=zone: cpu(lambda: checked(zone, sender=sender)),
            )

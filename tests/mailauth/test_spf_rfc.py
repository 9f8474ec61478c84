"""SPF as RFC 7208 describes it, section by section, and its examples."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth import spf
from mailsuite.mailauth.spflookups import Receiver
from mailsuite.model.address import Address
from mailsuite.model.proofs import Result
from tests.support.spfzone import Zone, run

APPENDIX_A = {
    "example.com": {
        "MX": ["10 mail-a.example.com", "20 mail-b.example.com"],
        "A": ["192.0.2.10", "192.0.2.11"],
    },
    "amy.example.com": {"A": ["192.0.2.65"]},
    "bob.example.com": {"A": ["192.0.2.66"]},
    "mail-a.example.com": {"A": ["192.0.2.129"]},
    "mail-b.example.com": {"A": ["192.0.2.130"]},
    "www.example.com": {"CNAME": ["example.com"]},
    "example.org": {"MX": ["10 mail-c.example.org"]},
    "mail-c.example.org": {"A": ["192.0.2.140"]},
    "10.2.0.192.in-addr.arpa": {"PTR": ["example.com"]},
    "65.2.0.192.in-addr.arpa": {"PTR": ["amy.example.com"]},
    "129.2.0.192.in-addr.arpa": {"PTR": ["mail-a.example.com"]},
    "140.2.0.192.in-addr.arpa": {"PTR": ["mail-c.example.org"]},
    "4.0.0.10.in-addr.arpa": {"PTR": ["bob.example.com"]},
    "mary.mobile-users._spf.example.com": {"A": ["127.0.0.2"]},
    "fred.mobile-users._spf.example.com": {"A": ["127.0.0.2"]},
    "15.15.168.192.joel.remote-users._spf.example.com": {"A": ["127.0.0.2"]},
    "16.15.168.192.joel.remote-users._spf.example.com": {"A": ["127.0.0.2"]},
}


def checked(
    names,
    ip="192.0.2.1",
    sender="joe@example.com",
    helo="mx.example.net",
    receiver=spf.DEFAULT,
):
    """Give the finding of MAIL FROM."""
    zone = names if isinstance(names, Zone) else Zone(names)
    local, _, domain = sender.rpartition("@")
    address = Address(local, domain) if sender else None
    return run(spf.check(ip, helo, address, zone, receiver))[1]


def policy(record, **others):
    """Give a zone where example.com has a policy."""
    names = {key.replace("_DOT_", "."): rows for key, rows in others.items()}
    return {"example.com": {"TXT": [record]}, **names}


class AppendixTests(SynchronousTestCase):
    """RFC 7208 appendix A."""

    def passing(self, record, hosts, more=None, domain="example.com", local="joe"):
        names = {**APPENDIX_A, **(more or {})}
        names[domain] = {**names.get(domain, {}), "TXT": [record]}
        return [
            host
            for host in hosts
            if checked(names, host, f"{local}@{domain}").result is Result.PASS
        ]

    HOSTS = tuple(f"192.0.2.{n}" for n in (10, 11, 65, 66, 129, 130, 131, 140, 141))

    def test_all(self):
        """Any client passes ``+all``."""
        self.assertEqual(self.passing("v=spf1 +all", self.HOSTS), list(self.HOSTS))

    def test_a(self):
        """The domain's own hosts pass."""
        self.assertEqual(
            self.passing("v=spf1 a -all", self.HOSTS), ["192.0.2.10", "192.0.2.11"]
        )

    def test_a_of_a_domain_without_hosts(self):
        """Nobody passes ``a`` of a domain without addresses."""
        self.assertEqual(self.passing("v=spf1 a:example.org -all", self.HOSTS), [])

    def test_mx(self):
        """The domain's mail servers pass."""
        self.assertEqual(
            self.passing("v=spf1 mx -all", self.HOSTS), ["192.0.2.129", "192.0.2.130"]
        )

    def test_mx_of_another(self):
        """Another domain's mail servers pass if it is named."""
        self.assertEqual(
            self.passing("v=spf1 mx:example.org -all", self.HOSTS), ["192.0.2.140"]
        )

    def test_both_mx(self):
        """Mechanisms add up."""
        self.assertEqual(
            self.passing("v=spf1 mx mx:example.org -all", self.HOSTS),
            ["192.0.2.129", "192.0.2.130", "192.0.2.140"],
        )

    def test_mx_networks(self):
        """A prefix widens each address to its network."""
        self.assertEqual(
            self.passing("v=spf1 mx/30 mx:example.org/30 -all", self.HOSTS),
            [f"192.0.2.{n}" for n in (129, 130, 131, 140, 141)],
        )

    def test_ptr(self):
        """A name counts only if it leads back and lies in the domain."""
        self.assertEqual(
            self.passing("v=spf1 ptr -all", ["192.0.2.65", "192.0.2.140", "10.0.0.4"]),
            ["192.0.2.65"],
        )

    def test_ip4(self):
        """A network holds what lies in it."""
        self.assertEqual(
            self.passing(
                "v=spf1 ip4:192.0.2.128/28 -all", ["192.0.2.65", "192.0.2.129"]
            ),
            ["192.0.2.129"],
        )

    def test_related_domains(self):
        """Includes unite, redirects stand for another (A.2)."""
        more = {
            "example.com": {**APPENDIX_A["example.com"], "TXT": ["v=spf1 mx -all"]},
            "example.net": {"TXT": ["v=spf1 ip4:192.0.2.66 -all"]},
            "example.org": {
                "TXT": ["v=spf1 include:example.com include:example.net -all"]
            },
        }
        for domain in ("la.example.org", "ny.example.org", "sf.example.org"):
            self.assertEqual(
                self.passing("v=spf1 redirect=example.org", self.HOSTS, more, domain),
                ["192.0.2.66", "192.0.2.129", "192.0.2.130"],
            )

    def test_users_as_names(self):
        """``exists`` asks for users as a blacklist is asked (A.3)."""
        more = {
            "mobile-users._spf.example.com": {"TXT": ["v=spf1 exists:%{l1r+}.%{d}"]},
            "remote-users._spf.example.com": {
                "TXT": ["v=spf1 exists:%{ir}.%{l1r+}.%{d}"]
            },
        }
        record = "v=spf1 mx include:mobile-users._spf.%{d} include:remote-users._spf.%{d} -all"
        hosts = ("192.168.15.15", "192.168.15.17", "192.0.2.129")
        for local, passing in (
            ("mary", list(hosts)),
            ("fred+tag", list(hosts)),
            ("joel+x", ["192.168.15.15", "192.0.2.129"]),
            ("eve", ["192.0.2.129"]),
        ):
            self.assertEqual(self.passing(record, hosts, more, local=local), passing)

    def test_two_requirements(self):
        """Both the network and the name must fit (A.4)."""
        more = {
            "ip4._spf.example.com": {"TXT": ["v=spf1 -ip4:192.0.2.0/24 +all"]},
            "ptr._spf.example.com": {"TXT": ["v=spf1 -ptr:example.com +all"]},
        }
        record = "v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all"
        self.assertEqual(
            self.passing(record, ["192.0.2.65", "192.0.2.140", "10.0.0.4"], more),
            ["192.0.2.65"],
        )


class RecordTests(SynchronousTestCase):
    """Which record is the policy (RFC 7208 §3, §4.3-4.5)."""

    def result(self, texts, **kw):
        return checked({"example.com": {"TXT": texts}}, **kw).result.value

    def test_none_is_published(self):
        """A name without records, and one that does not exist, say nothing."""
        self.assertEqual(self.result([]), "none")
        self.assertEqual(checked({}).result, Result.NONE)

    def test_other_texts_are_passed_over(self):
        """Only what begins with the version and a space is a policy."""
        others = ["v=spf10 +all", "v=spf1+all", " v=spf1 +all", "spf2.0/pra +all", "x"]
        self.assertEqual(self.result(others), "none")
        self.assertEqual(self.result([*others, "v=spf1 -all"]), "fail")

    def test_version_in_any_case(self):
        """The version's case does not matter."""
        self.assertEqual(self.result(["V=SPF1 -all"]), "fail")

    def test_version_alone(self):
        """A policy without terms is neutral."""
        self.assertEqual(self.result(["v=spf1"]), "neutral")
        self.assertEqual(self.result(["v=spf1   "]), "neutral")

    def test_two_policies(self):
        """Two policies are an error, though they are the same."""
        self.assertEqual(self.result(["v=spf1 -all", "v=spf1 -all"]), "permerror")

    def test_not_ascii(self):
        """A policy is ASCII; other texts need not be."""
        self.assertEqual(self.result(["v=spf1 a:ex\xe4mple.com -all"]), "permerror")
        self.assertEqual(self.result(["\xff\xfe", "v=spf1 -all"]), "fail")

    def test_only_spaces_divide(self):
        """Tabs and line ends divide no terms."""
        for sign in ("\t", "\r", "\n", "\0", "\x0b"):
            self.assertEqual(self.result([f"v=spf1 a{sign}-all"]), "permerror")

    def test_huge(self):
        """What is longer than any honest policy is an error, and cheap."""
        record = "v=spf1 " + "ip4:10.0.0.0/8 " * 400
        self.assertEqual(self.result([record]), "permerror")

    def test_no_answer(self):
        """DNS that gives no answer is temporary."""
        found = checked({"example.com": {"FAIL": ["TXT"]}})
        self.assertEqual(found.result, Result.TEMPERROR)

    def test_domains_that_cannot_have_one(self):
        """Literals, single labels and malformed names say nothing, unasked."""
        for domain in (
            "[192.0.2.1]",
            "localhost",
            "a..example.com",
            "x" * 64 + ".example.com",
            ".".join(["a" * 50] * 6),
            "exa mple.com",
            "example.com..",
            "",
        ):
            zone = Zone({})
            found = checked(zone, sender=f"joe@{domain}", helo="[192.0.2.1]")
            self.assertEqual((found.result, zone.asked), (Result.NONE, []))

    def test_final_dot(self):
        """A final dot changes nothing."""
        found = checked(policy("v=spf1 -all"), sender="joe@example.com.")
        self.assertEqual((found.result, found.domain), (Result.FAIL, "example.com"))

    def test_international_domain(self):
        """U-labels are asked as A-labels (RFC 8616 §4)."""
        names = {
            "xn--bcher-kva.example": {"TXT": ["v=spf1 exists:%{o} -all"], "A": ["::"]}
        }
        found = checked(names, sender="joe@B\u00fccher.example")
        self.assertEqual(
            (found.result, found.domain), (Result.PASS, "xn--bcher-kva.example")
        )

    def test_international_local_part(self):
        """Terms that name such a local part match nothing (RFC 8616 §4)."""
        names = policy("v=spf1 exists:%{l}.example.com include:%{S}.example.org ~all")
        found = checked(names, sender="j\u00f6rg@example.com")
        self.assertEqual((found.result, found.mechanism), (Result.SOFTFAIL, "~all"))


IDENTITIES = {
    "mx.example.net": {"TXT": ["v=spf1 exists:%{l}.%{h} -all"]},
    "postmaster.mx.example.net": {"A": ["127.0.0.2"]},
    "example.com": {"TXT": ["v=spf1 -all"]},
}


class IdentityTests(SynchronousTestCase):
    """HELO, MAIL FROM and the empty sender (RFC 7208 §2.3, §2.4)."""

    def test_both(self):
        """Each identity has its own policy."""
        zone = Zone(IDENTITIES)
        sender = Address("joe", "example.com")
        helo, mailfrom = run(spf.check("192.0.2.1", "mx.example.net", sender, zone))
        self.assertEqual((helo.scope, helo.result), ("helo", Result.PASS))
        self.assertEqual((mailfrom.scope, mailfrom.result), ("mailfrom", Result.FAIL))

    def test_empty_sender(self):
        """The postmaster at the greeting stands for the empty sender, asked once."""
        zone = Zone(IDENTITIES)
        helo, mailfrom = run(spf.check("192.0.2.1", "mx.example.net", None, zone))
        self.assertEqual((mailfrom.scope, mailfrom.result), ("mailfrom", Result.PASS))
        self.assertEqual(mailfrom.domain, helo.domain)
        self.assertEqual(len(zone.asked), 2)

    def test_local_part_with_at_sign(self):
        """The last ``@`` divides an address."""
        names = policy("v=spf1 include:%{o} -all")
        names["example.com"]["TXT"] = ["v=spf1 exists:%{d1r}.x.org -all"]
        names["example.x.org"] = {"A": ["127.0.0.1"]}
        self.assertEqual(checked(names, sender="a@b@example.com").result, Result.PASS)

    def test_same_questions_once(self):
        """What HELO asked is not asked again for MAIL FROM."""
        zone = Zone({"mx.example.com": {"TXT": ["v=spf1 a -all"], "A": ["192.0.2.9"]}})
        checked(zone, sender="joe@mx.example.com", helo="mx.example.com")
        self.assertEqual(len(zone.asked), 2)

    def test_mapped_address(self):
        """An IPv4 address in IPv6 form is IPv4."""
        names = policy("v=spf1 ip4:192.0.2.0/24 -all")
        self.assertEqual(checked(names, "::ffff:192.0.2.7").result, Result.PASS)

    def test_no_address(self):
        """A peer without an IP address is not judged."""
        for ip in ("", "unix", "list", "192.0.2.256"):
            self.assertEqual(checked(policy("v=spf1 -all"), ip).result, Result.NONE)

    def test_zone_of_address(self):
        """The zone of a link-local address is nothing to DNS."""
        names = policy("v=spf1 ip6:fe80::/10 -all")
        self.assertEqual(checked(names, "fe80::1%eth0").result, Result.PASS)


class MechanismTests(SynchronousTestCase):
    """RFC 7208 §5."""

    def result(self, record, ip="192.0.2.1", **others):
        return checked(policy(record, **others), ip).result.value

    def test_qualifiers(self):
        """Each qualifier has its word; none is a pass."""
        words = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral", "": "pass"}
        for sign, word in words.items():
            self.assertEqual(self.result(f"v=spf1 {sign}all"), word)
            self.assertEqual(self.result(f"v=spf1 {sign}ip4:192.0.2.1 {sign}A"), word)

    def test_first_match_decides(self):
        """What follows a match is not evaluated."""
        self.assertEqual(self.result("v=spf1 ~ip4:192.0.2.1 -all"), "softfail")

    def test_syntax_is_looked_at_first(self):
        """An error behind a match is still an error (§4.6)."""
        for term in (
            "foo",
            "foo:bar",
            "=a",
            "*all",
            "all:x",
            "all/8",
            "-",
            "+",
            "a:",
            "mx:",
            "ip4",
            "ip4:",
            "ip4:1.2.3",
            "ip4:1.2.3.4/33",
            "ip4:1.2.3.4/",
            "ip4:1.2.3.4//8",
            "ip4:01.2.3.4",
            "ip4:1.2.3.256",
            "ip4:1.2.3.4/08",
            "ip4:::1",
            "ip4:1.2.3.4,",
            "ip6",
            "ip6:",
            "ip6:1.2.3.4",
            "ip6:::1/129",
            "ip6:::1//8",
            "ip6:::1::",
            "ip6:g::",
            "a:1.2.3.4",
            "a:example",
            "a:example.-com",
            "a:example.com-",
            "a:example.12",
            "a:example.com/33",
            "a:example.com//129",
            "a/24/64",
            "a/",
            "a//",
            "a/024",
            "a/-1",
            "a:%",
            "a:%{d",
            "a:%(d).com",
            "a:%{x}.com",
            "a:%{d0}.com",
            "a:%{d-r}.com",
            "a:%{dx}.com",
            "a:%{}.com",
            "a:%{d}x",
            "a:%%%x.com",
            "a:%{c}.com",
            "a:%{t}.com",
            "a:%{r}.com",
            "mx/33",
            "mx:ex\x7fample.com",
            "include",
            "include:",
            "include:x.org/24",
            "exists",
            "exists:",
            "exists:x.org/24",
            "ptr/24",
            "ptr:x/0",
            "exp=",
            "redirect=",
            "redirect=x",
            "redirect=x.org/8",
            "exp=%{d",
            "foo=%{d",
            "foo=%(d)",
            "redirect=a.org redirect=a.org",
            "exp=a.org EXP=a.org",
        ):
            record = f"v=spf1 +all {term}"
            self.assertEqual(self.result(record), "permerror", term)

    def test_syntax_that_looks_odd(self):
        """What the grammar allows is no error."""
        for term in (
            "foo=",
            "foo=%{d}%%%_%-",
            "f-o_o.9=/x",
            "a:example.com.",
            "a:%{d}",
            "a:x.%{d}",
            "a:_x.foo-bar.example.c-m",
            "a:.example.com",
            "a/0//0",
            "A/32//128",
            "mX/24",
            "a:%{D2R+,-/_=}.com",
            "a:%{d99999999999}.com",
            "ip6:::",
            "ip6:::/0",
            "ip4:0.0.0.0/0",
            "IP6:::FFFF:1.2.3.4",
            "exists:%%.com",
            "exists:a/b.com",
            "foo=a foo=b",
            "ptr",
            "Redirect=x.org",
            "exp=x.org",
        ):
            record = f"v=spf1 +all {term}"
            self.assertEqual(self.result(record), "pass", term)

    def test_modifiers_anywhere(self):
        """Modifiers may stand before mechanisms."""
        self.assertEqual(self.result("v=spf1 x=y redirect=x.org -all"), "fail")

    def test_families(self):
        """A client is only compared to addresses of its family."""
        record = "v=spf1 ip4:0.0.0.0/0 ~all"
        self.assertEqual(self.result(record, "2001:db8::1"), "softfail")
        record = "v=spf1 ip6:::/0 ~all"
        self.assertEqual(self.result(record), "softfail")
        self.assertEqual(self.result(record, "2001:db8::1"), "pass")

    def test_prefixes_of_both_families(self):
        """``a/24//64`` has a prefix for each family."""
        names = policy("v=spf1 a/24//64 -all")
        names["example.com"] |= {"A": ["192.0.2.200"], "AAAA": ["2001:db8::9"]}
        self.assertEqual(checked(names, "192.0.2.1").result, Result.PASS)
        self.assertEqual(checked(names, "192.0.3.1").result, Result.FAIL)
        self.assertEqual(checked(names, "2001:db8::1").result, Result.PASS)
        self.assertEqual(checked(names, "2001:db8:0:1::1").result, Result.FAIL)

    def test_exists_asks_for_ipv4(self):
        """``exists`` asks for A, whatever the client's family is (§5.7)."""
        names = policy("v=spf1 exists:x.example.com -all")
        names["x.example.com"] = {"AAAA": ["2001:db8::1"]}
        self.assertEqual(checked(names, "2001:db8::1").result, Result.FAIL)
        names["x.example.com"] = {"A": ["127.0.0.2"]}
        self.assertEqual(checked(names, "2001:db8::1").result, Result.PASS)

    def test_a_is_a_name_of_its_own(self):
        """``a`` follows aliases; other families' hosts do not match."""
        names = policy("v=spf1 a:www.example.com -all")
        names["www.example.com"] = {"CNAME": ["host.example.org"]}
        names["host.example.org"] = {"A": ["192.0.2.1"]}
        self.assertEqual(checked(names).result, Result.PASS)

    def test_null_mx(self):
        """A null MX lists no host."""
        names = policy("v=spf1 mx ~all")
        names["example.com"]["MX"] = ["0 ."]
        self.assertEqual(checked(names).result, Result.SOFTFAIL)

    def test_mx_without_records(self):
        """There is no fallback to the domain's address (§5.4)."""
        names = policy("v=spf1 mx ~all")
        names["example.com"]["A"] = ["192.0.2.1"]
        self.assertEqual(checked(names).result, Result.SOFTFAIL)

    def test_no_answer_of_a_mechanism(self):
        """Without an answer the whole is temporary, but not behind a match."""
        others = {"bad.org": {"FAIL": ["*"]}}
        for term in ("a:bad.org", "mx:bad.org", "exists:bad.org", "include:bad.org"):
            record = f"v=spf1 {term} -all"
            self.assertEqual(
                self.result(record, bad_DOT_org=others["bad.org"]), "temperror"
            )
            record = f"v=spf1 ip4:192.0.2.1 {term} -all"
            self.assertEqual(self.result(record, bad_DOT_org=others["bad.org"]), "pass")

    def test_include(self):
        """Only a pass of the included policy matches (§5.2)."""
        for word, expected in (
            ("+all", "pass"),
            ("-all", "softfail"),
            ("~all", "softfail"),
            ("?all", "softfail"),
            ("", "softfail"),
            ("foo", "permerror"),
        ):
            other = {"TXT": [f"v=spf1 {word}"]}
            record = "v=spf1 include:x.org ~all"
            self.assertEqual(self.result(record, x_DOT_org=other), expected, word)

    def test_include_of_nothing(self):
        """Without a policy there, it is an error."""
        self.assertEqual(self.result("v=spf1 include:x.org ~all"), "permerror")

    def test_include_of_oneself(self):
        """A loop is an error only if it is walked."""
        self.assertEqual(
            self.result("v=spf1 ip4:192.0.2.1 include:example.com"), "pass"
        )
        self.assertEqual(self.result("v=spf1 include:example.com ~all"), "permerror")
        names = policy("v=spf1 include:x.org ~all")
        names["x.org"] = {"TXT": ["v=spf1 include:example.com ~all"]}
        self.assertEqual(checked(names).result, Result.PERMERROR)

    def test_redirect(self):
        """The other policy's result stands, whatever it is (§6.1)."""
        for word in ("+all", "-all", "~all", "?all"):
            other = {"TXT": [f"v=spf1 {word}"]}
            found = self.result("v=spf1 redirect=x.org", x_DOT_org=other)
            self.assertEqual(found, checked(policy(f"v=spf1 {word}")).result.value)

    def test_redirect_to_nothing(self):
        """Without a policy there, it is an error."""
        self.assertEqual(self.result("v=spf1 redirect=x.org"), "permerror")

    def test_redirect_in_a_loop(self):
        """A loop ends in an error."""
        self.assertEqual(self.result("v=spf1 redirect=example.com"), "permerror")

    def test_redirect_beside_all(self):
        """``all`` wins, wherever it stands; nothing is asked."""
        zone = Zone(policy("v=spf1 redirect=x.org ?all"))
        self.assertEqual(checked(zone).result, Result.NEUTRAL)
        self.assertNotIn(("TXT", "x.org"), zone.asked)

    def test_ptr_off(self):
        """Without names of addresses ``ptr`` matches nothing, as if DNS failed."""
        names = policy("v=spf1 ptr ~all")
        names["1.2.0.192.in-addr.arpa"] = {"PTR": ["mx.example.com"]}
        names["mx.example.com"] = {"A": ["192.0.2.1"]}
        self.assertEqual(checked(names).result, Result.PASS)
        zone = Zone(names)
        found = checked(zone, receiver=Receiver(names=False))
        self.assertEqual(found.result, Result.SOFTFAIL)
        self.assertNotIn("PTR", [kind for kind, _ in zone.asked])

    def test_ptr_without_an_answer(self):
        """DNS that fails is no match, and a name that fails is skipped (§5.5)."""
        names = policy("v=spf1 ptr ~all")
        names["1.2.0.192.in-addr.arpa"] = {"FAIL": ["PTR"]}
        self.assertEqual(checked(names).result, Result.SOFTFAIL)
        names["1.2.0.192.in-addr.arpa"] = {"PTR": ["bad.example.com", "mx.example.com"]}
        names["bad.example.com"] = {"FAIL": ["A"]}
        names["mx.example.com"] = {"A": ["192.0.2.1"]}
        self.assertEqual(checked(names).result, Result.PASS)

    def test_what_decided(self):
        """The finding names the term as it stands in the domain's own record."""
        names = policy("v=spf1 include:x.org -all")
        names["x.org"] = {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]}
        found = checked(names)
        self.assertEqual(found.mechanism, "include:x.org")
        self.assertEqual(
            found.steps,
            (
                "example.com publishes: v=spf1 include:x.org -all",
                "x.org publishes: v=spf1 ip4:192.0.2.0/24 -all",
                "ip4:192.0.2.0/24 of x.org matches: pass",
                "include:x.org of example.com gives pass: a match",
                "include:x.org of example.com matches: pass",
            ),
        )
        self.assertEqual(checked(names, "192.0.3.1").mechanism, "-all")

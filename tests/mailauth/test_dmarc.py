"""DMARC: RFC 9989's walk and alignment, and agreement with other implementations."""

import time
from itertools import product

import authheaders.dmarc_lookup as walking
import dmarc as other
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.dns.memory import Table
from mailsuite.interfaces.resolving import NoAnswer, NoSuchName
from mailsuite.mailauth.author import read
from mailsuite.mailauth.dmarc import judge
from mailsuite.mailauth.suffixes import bundled
from mailsuite.mailauth.treewalk import Search, targets
from mailsuite.model.proofs import SPF, Result, Signature

NO_SPF = SPF(Result.NONE, "mailfrom", "")


def evaluate(header, mailfrom, signatures, resolver, suffixes=None):
    """Judge a message by its header, the CRLF of its last field included."""
    return judge(read(header), mailfrom, signatures, resolver, suffixes)


def spf(domain, result=Result.PASS):
    return SPF(result, "mailfrom", domain)


def dkim(domain, result=Result.PASS, **more):
    return Signature(result, domain, "s", **more)


def done(coroutine):
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


class Zone:
    """A resolver of DMARC records; ``asked`` lists the names, ``broken`` is silent."""

    def __init__(self, records, existing=(), broken=()):
        self.records, self.existing, self.broken = records, existing, broken
        self.asked = []

    async def texts(self, name):
        self.asked.append(name)
        domain = name.removeprefix("_dmarc.")
        if domain in self.broken:
            raise NoAnswer(name)
        if domain not in self.records:
            raise NoSuchName(name)
        found = self.records[domain]
        return [one.encode() for one in ([found] if isinstance(found, str) else found)]

    async def addresses(self, name):
        self.asked.append(name)
        if name in self.broken:
            raise NoAnswer(name)
        if name not in self.existing:
            raise NoSuchName(name)
        return ()


def judged(zone, author, mailfrom=NO_SPF, signatures=(), suffixes=None):
    header = f"From: <x@{author}>\r\n" if "@" not in author else f"From: {author}\r\n"
    if isinstance(zone, dict):
        zone = Zone(zone)
    return done(evaluate(header.encode(), mailfrom, signatures, zone, suffixes))


class WalkTests(SynchronousTestCase):
    """RFC 9989 §4.10 with its examples."""

    def org(self, domain, **records):
        names = {name.replace("_", "."): text for name, text in records.items()}
        return done(Search(Zone(names)).organizational(domain))

    def test_eight_questions(self):
        """A long name is asked about itself, then from seven labels on."""
        self.assertEqual(
            targets("a.b.c.d.e.f.g.h.i.j.mail.example.com"),
            [
                "a.b.c.d.e.f.g.h.i.j.mail.example.com",
                "g.h.i.j.mail.example.com",
                "h.i.j.mail.example.com",
                "i.j.mail.example.com",
                "j.mail.example.com",
                "mail.example.com",
                "example.com",
                "com",
            ],
        )
        self.assertEqual(len(targets("a.b.c.d.e.f.g.com")), 8)
        self.assertEqual(len(targets("a.b.c.d.e.f.com")), 7)
        self.assertEqual(targets("com"), ["com"])

    def test_fewest_labels(self):
        """Of several records the shortest name's counts."""
        found = self.org(
            "a.mail.example.com",
            mail_example_com="v=DMARC1; p=none",
            example_com="v=DMARC1; p=none",
        )
        self.assertEqual(found, "example.com")

    def test_psd_n(self):
        """psd=n ends the walk: that is the organization."""
        found = self.org(
            "a.mail.example.com",
            mail_example_com="v=DMARC1; p=none; psd=n",
            example_com="v=DMARC1; p=none",
        )
        self.assertEqual(found, "mail.example.com")

    def test_psd_y(self):
        """psd=y: the organization is one label below."""
        found = self.org("a.mail.example.com", com="v=DMARC1; p=none; psd=y")
        self.assertEqual(found, "example.com")
        found = self.org(
            "a.b.mail.example.com",
            b_mail_example_com="v=DMARC1; p=none",
            example_com="v=DMARC1; p=none; psd=y",
        )
        self.assertEqual(found, "mail.example.com")

    def test_psd_y_where_it_starts(self):
        """A public suffix is its own organization."""
        self.assertEqual(self.org("com", com="v=DMARC1; p=none; psd=y"), "com")

    def test_nothing(self):
        """Without any record the name itself is its organization."""
        self.assertEqual(self.org("a.example.com"), "a.example.com")

    def test_several_records_are_none(self):
        """Two records at one name are passed over, and the walk goes on."""
        zone = Zone(
            {
                "a.example.com": ["v=DMARC1; p=none; psd=n", "v=DMARC1; p=none"],
                "example.com": "v=DMARC1; p=none",
            }
        )
        found = done(Search(zone).organizational("a.example.com"))
        self.assertEqual(found, "example.com")

    def test_asked_once(self):
        """Author, SPF and DKIM share what was asked."""
        zone = Zone({"example.com": "v=DMARC1; p=reject"})
        found = judged(
            zone, "a.example.com", spf("b.example.com"), [dkim("c.example.com")]
        )
        self.assertIs(found.result, Result.PASS)
        self.assertEqual(len(zone.asked), len(set(zone.asked)))

    def test_strangers_are_not_walked(self):
        """A domain outside of the author's organization costs no question."""
        zone = Zone({"example.com": "v=DMARC1; p=reject"})
        signatures = [dkim(f"a.b.c.d.e.f.g.h{n}.test") for n in range(10)]
        found = judged(zone, "example.com", spf("evil.test"), signatures)
        self.assertEqual(found.disposition, "reject")
        self.assertEqual(zone.asked, ["_dmarc.example.com", "_dmarc.com"])


STRICT = {
    "example.com": "v=DMARC1; p=reject",
    "strict.test": "v=DMARC1; p=quarantine; adkim=s; aspf=s",
}
REJECT = {"example.com": "v=DMARC1; p=reject"}


class AlignmentTests(SynchronousTestCase):
    def test_spf(self):
        """Only a pass counts, and only of an aligned domain."""
        for domain in ("example.com", "bounce.example.com"):
            found = judged(STRICT, "example.com", spf(domain))
            self.assertEqual((found.result, found.spf), (Result.PASS, True))
            self.assertEqual(found.disposition, "none")
        for result in set(Result) - {Result.PASS, Result.TEMPERROR}:
            found = judged(STRICT, "example.com", spf("example.com", result))
            self.assertEqual((found.result, found.spf), (Result.FAIL, False))
        found = judged(STRICT, "example.com", spf("notexample.com"))
        self.assertEqual((found.result, found.disposition), (Result.FAIL, "reject"))

    def test_dkim(self):
        """One good signature among bad ones is enough."""
        signatures = [
            dkim("example.com", Result.FAIL),
            dkim("evil.test"),
            dkim("example.com"),
        ]
        found = judged(STRICT, "a.example.com", signatures=signatures)
        self.assertEqual(
            (found.result, found.dkim, found.spf), (Result.PASS, True, False)
        )

    def test_strict(self):
        """With adkim=s and aspf=s only the very domain aligns."""
        found = judged(
            STRICT, "strict.test", spf("a.strict.test"), [dkim("b.strict.test")]
        )
        self.assertEqual((found.result, found.disposition), (Result.FAIL, "quarantine"))
        found = judged(STRICT, "strict.test", spf("strict.test"))
        self.assertIs(found.result, Result.PASS)

    def test_partial_body(self):
        """A signature with l= that leaves octets out proves nothing."""
        found = judged(
            STRICT, "example.com", signatures=[dkim("example.com", whole=False)]
        )
        self.assertIs(found.result, Result.FAIL)
        self.assertIn("l=", "".join(found.steps))

    def test_from_unsigned(self):
        """A signature that does not cover From proves nothing of it."""
        signature = dkim("example.com", fields=("to", "subject"))
        found = judged(STRICT, "example.com", signatures=[signature])
        self.assertIs(found.result, Result.FAIL)

    def test_departments(self):
        """psd=n keeps a department apart from the rest of its organization."""
        zone = {
            "example.com": "v=DMARC1; p=reject",
            "dept.example.com": "v=DMARC1; p=quarantine; psd=n",
        }
        found = judged(zone, "dept.example.com", spf("example.com"))
        self.assertEqual((found.result, found.disposition), (Result.FAIL, "quarantine"))
        found = judged(zone, "example.com", spf("dept.example.com"))
        self.assertEqual((found.result, found.disposition), (Result.FAIL, "reject"))
        found = judged(zone, "a.dept.example.com", spf("b.dept.example.com"))
        self.assertIs(found.result, Result.PASS)

    def test_public_suffix(self):
        """Neighbours under a public suffix with psd=y do not align."""
        zone = {"bank": "v=DMARC1; p=reject; psd=y"}
        found = judged(zone, "good.bank", spf("evil.bank"))
        self.assertEqual((found.result, found.disposition), (Result.FAIL, "reject"))
        self.assertEqual(found.policy.domain, "bank")
        found = judged(zone, "a.good.bank", spf("good.bank"))
        self.assertIs(found.result, Result.PASS)


class PolicyTests(SynchronousTestCase):
    def asked(self, zone, author):
        return judged(zone, author).disposition

    def test_subdomains(self):
        """Sp for what exists below, np for what does not, p for the rest."""
        records = {"example.com": "v=DMARC1; p=reject; sp=none; np=quarantine"}
        zone = Zone(records, existing={"a.example.com"})
        self.assertEqual(self.asked(zone, "example.com"), "reject")
        self.assertEqual(self.asked(zone, "a.example.com"), "none")
        self.assertEqual(self.asked(zone, "b.example.com"), "quarantine")
        records["example.com"] = "v=DMARC1; p=quarantine; np=reject"
        self.assertEqual(self.asked(zone, "a.example.com"), "quarantine")
        self.assertEqual(self.asked(zone, "b.example.com"), "reject")
        records["example.com"] = "v=DMARC1; p=quarantine"
        self.assertEqual(self.asked(zone, "b.example.com"), "quarantine")

    def test_own_record(self):
        """A subdomain's own record has its p; sp beside it is for others."""
        zone = {
            "a.example.com": "v=DMARC1; p=none; sp=reject",
            "example.com": "v=DMARC1; p=reject",
        }
        self.assertEqual(self.asked(zone, "a.example.com"), "none")

    def test_between(self):
        """A record between author and organization does not apply (§4.10.1)."""
        zone = {
            "b.example.com": "v=DMARC1; p=none",
            "example.com": "v=DMARC1; p=reject",
        }
        found = judged(zone, "a.b.example.com")
        self.assertEqual(found.policy.domain, "example.com")
        self.assertEqual(found.organizational, "example.com")

    def test_testing(self):
        """t=y asks for one level less."""
        for request, expected in (
            ("reject", "quarantine"),
            ("quarantine", "none"),
            ("none", "none"),
        ):
            zone = {"example.com": f"v=DMARC1; p={request}; t=y"}
            found = judged(zone, "example.com")
            self.assertEqual((found.result, found.disposition), (Result.FAIL, expected))

    def test_percent_is_history(self):
        """pct= does not soften anything (RFC 9989, appendix A.6), and is told."""
        found = judged({"example.com": "v=DMARC1; p=reject; pct=1"}, "example.com")
        self.assertEqual(found.disposition, "reject")
        self.assertIn("pct=1", "".join(found.steps))

    def test_none(self):
        """Without a record, or with one that asks for nothing: none."""
        for zone in ({}, {"example.com": "v=DMARC1"}, {"example.com": "v=spf1"}):
            found = judged(zone, "example.com", spf("example.com"))
            self.assertEqual((found.result, found.policy), (Result.NONE, None))
            self.assertTrue(found.reason)


class TroubleTests(SynchronousTestCase):
    """DNS that does not answer, and messages that nobody wrote properly."""

    def test_no_answer(self):
        """Wherever DNS could not tell on the way to a policy: temperror."""
        for broken in ("a.example.com", "example.com", "com"):
            found = judged(Zone(REJECT, broken={broken}), "a.example.com")
            self.assertEqual(
                (found.result, found.disposition), (Result.TEMPERROR, "none")
            )

    def test_alignment_unknown(self):
        """An identifier of which DNS does not tell is neither pass nor fail."""
        zone = Zone(REJECT, broken={"b.example.com"})
        found = judged(zone, "example.com", spf("b.example.com"))
        self.assertIs(found.result, Result.TEMPERROR)
        found = judged(zone, "example.com", spf("b.example.com"), [dkim("example.com")])
        self.assertIs(found.result, Result.PASS)

    def test_unfinished_proofs(self):
        """An aligned temperror of SPF or DKIM leaves the answer open."""
        open_ = spf("example.com", Result.TEMPERROR)
        self.assertIs(judged(REJECT, "example.com", open_).result, Result.TEMPERROR)
        signatures = [dkim("example.com", Result.TEMPERROR)]
        found = judged(REJECT, "example.com", signatures=signatures)
        self.assertIs(found.result, Result.TEMPERROR)
        found = judged(REJECT, "example.com", spf("evil.test", Result.TEMPERROR))
        self.assertIs(found.result, Result.FAIL)
        found = judged(REJECT, "example.com", open_, [dkim("example.com")])
        self.assertIs(found.result, Result.PASS)

    def test_existence_unknown(self):
        """Whether np counts cannot be told: temperror."""
        zone = Zone({"example.com": "v=DMARC1; p=none; np=reject"})
        zone.broken = {"a.example.com"}
        zone.records["a.example.com"] = ["x"]
        zone.texts = Zone(zone.records).texts
        self.assertIs(judged(zone, "a.example.com").result, Result.TEMPERROR)

    def test_several_authors(self):
        """The strictest answer counts; all must pass for a pass."""
        zone = {
            "example.com": "v=DMARC1; p=reject",
            "evil.test": "v=DMARC1; p=none",
            "other.test": "v=DMARC1; p=quarantine",
        }
        by = lambda *names: ", ".join(f"<x@{name}>" for name in names)  # noqa: E731
        found = judged(zone, by("evil.test", "example.com"), spf("evil.test"))
        self.assertEqual((found.domain, found.disposition), ("example.com", "reject"))
        found = judged(zone, by("other.test", "example.com"), spf("example.com"))
        self.assertEqual(
            (found.domain, found.disposition), ("other.test", "quarantine")
        )
        found = judged(
            zone,
            by("evil.test", "example.com"),
            spf("evil.test"),
            [dkim("example.com")],
        )
        self.assertIs(found.result, Result.PASS)
        found = judged(zone, by("evil.test", "norecord.test"), spf("evil.test"))
        self.assertIs(found.result, Result.NONE)

    def test_duplicate_from(self):
        """Two From fields never pass, whoever is proven (RFC 7489 §6.6.1)."""
        zone = Zone(REJECT)
        for second in (b"x@evil.test", b"x@example.com"):
            header = b"From: x@example.com\r\nFrom: " + second + b"\r\n"
            found = done(evaluate(header, spf("example.com"), [], zone))
            self.assertEqual((found.result, found.disposition), (Result.FAIL, "reject"))
            self.assertEqual(found.reason, "2 From fields")
        header = b"From: x@a.test\r\nFrom: y@b.test\r\n"
        found = done(evaluate(header, spf("a.test"), [], zone))
        self.assertIs(found.result, Result.PERMERROR)

    def test_nobody(self):
        """No From field, or one without a domain: permerror and a reason."""
        for header in (b"", b"To: x@y.test\r\n", b"From: undisclosed:;\r\n"):
            found = done(evaluate(header, spf("a.test"), [], Zone({})))
            self.assertIs(found.result, Result.PERMERROR)
            self.assertTrue(found.reason)

    def test_needless(self):
        """A new sender's domain is no question where DKIM decides and nobody is told."""
        asked = []

        class Noted(Zone):
            def texts(self, name):
                asked.append(name)
                return super().texts(name)

        for more, wanted in ("", False), ("; rua=mailto:r@example.com", True):
            asked.clear()
            found = done(
                evaluate(
                    b"From: <a@example.com>\r\n",
                    spf("bounce7.example.com"),
                    [dkim("example.com")],
                    Noted({"example.com": f"v=DMARC1; p=reject{more}"}),
                )
            )
            self.assertEqual((found.result, found.spf), (Result.PASS, wanted))
            self.assertEqual("_dmarc.bounce7.example.com" in asked, wanted)

    def test_steps(self):
        """Every step is told in words."""
        found = judged(REJECT, "a.example.com", spf("evil.test"), [dkim("x.test")])
        self.assertEqual(
            found.steps,
            (
                "From names a.example.com",
                "_dmarc.a.example.com: no DMARC record",
                "_dmarc.example.com: v=DMARC1; p=reject",
                "_dmarc.com: no DMARC record",
                "DKIM pass for x.test: not aligned (relaxed)",
                "SPF pass for evil.test: not aligned (relaxed)",
                (
                    "neither SPF nor DKIM passed in alignment:"
                    " fail, and the owner asks for reject"
                ),
            ),
        )
        self.assertEqual(found.discovery, "treewalk")


class SuffixTests(SynchronousTestCase):
    """The public suffix list in place of the walk (RFC 7489)."""

    def test_organizations(self):
        """Registered domains, exceptions, wildcards, and suffixes themselves."""
        for domain, expected in {
            "a.b.example.co.uk": "example.co.uk",
            "example.com": "example.com",
            "co.uk": "co.uk",
            "a.www.ck": "www.ck",
            "a.b.c.ck": "b.c.ck",
            "xn--85x722f.com.cn": "xn--85x722f.com.cn",
            "a.unknown-tld": "a.unknown-tld",
        }.items():
            self.assertEqual(bundled().organizational(domain), expected)
        self.assertTrue(bundled().public("co.uk"))

    def test_two_questions(self):
        """Only the domain and its organization are asked."""
        zone = Zone({"example.co.uk": "v=DMARC1; p=reject; sp=quarantine"})
        found = judged(zone, "a.b.example.co.uk", suffixes=bundled())
        self.assertEqual(found.disposition, "quarantine")
        self.assertEqual(
            zone.asked, ["_dmarc.a.b.example.co.uk", "_dmarc.example.co.uk"]
        )
        self.assertEqual(found.discovery, "psl")

    def test_neighbours(self):
        """Two customers of one registry never align."""
        zone = {"co.uk": "v=DMARC1; p=none", "a.co.uk": "v=DMARC1; p=reject"}
        found = judged(zone, "a.co.uk", spf("b.co.uk"), suffixes=bundled())
        self.assertIs(found.result, Result.FAIL)


class OtherTests(SynchronousTestCase):
    """The same answers as PyPI's ``dmarc`` and ``authheaders``."""

    def test_verdicts(self):
        """Every mix of policy, mode, SPF and DKIM: pass and disposition agree.

        The author is a subdomain, the record its organization's; ``dmarc`` is told
        where the record was found, because it does not look.
        """
        domains = ("example.com", "a.example.com", "b.example.com", "evil.test")
        results = (Result.PASS, Result.FAIL)
        compared = 0
        for author, p, sp, mode, t in product(
            domains[:2], ("none", "reject"), ("", "quarantine"), "rs", "yn"
        ):
            record = f"v=DMARC1; p={p}; adkim={mode}; aspf={mode}; t={t}"
            record += "; rua=mailto:reports@example.com"
            record += f"; sp={sp}" if sp else ""
            for mailfrom, signer in product(domains, domains):
                for passed, signed in product(results, results):
                    ours = judged(
                        {"example.com": record},
                        author,
                        spf(mailfrom, passed),
                        [dkim(signer, signed)],
                    )
                    theirs = _theirs(
                        record, author, (mailfrom, passed), (signer, signed)
                    )
                    said = (ours.result.value, ours.disposition, ours.spf, ours.dkim)
                    self.assertEqual(said, theirs, ours.steps)
                    compared += 1
        self.assertEqual(compared, 2048)

    LABELS = st.lists(st.sampled_from(["a", "b", "c", "dd"]), min_size=1, max_size=3)
    TEXTS = st.sampled_from(
        [
            "v=DMARC1; p=none",
            "v=DMARC1; p=reject; sp=none",
            "v=DMARC1; p=quarantine",
            "v=spf1 -all",
        ]
    )

    @settings(max_examples=1500)
    @given(LABELS, st.dictionaries(LABELS.map(".".join), TEXTS, max_size=4))
    def test_walks(self, labels, records):
        """The tree walk finds the records that authheaders finds, in its order."""
        domain = ".".join([*labels, "com"])
        zone = {
            f"{name}.com" if name else "com": text for name, text in records.items()
        }
        theirs = walking.receiver_record_walk(
            domain, dnsfunc=lambda name: zone.get(name.removeprefix("_dmarc."), "")
        )
        search = Search(Zone(zone))
        ours = done(search.organizational(domain))
        self.assertEqual(ours, list(theirs)[-1] if theirs else domain)


def _theirs(record, author, mailfrom, signer):
    """What ``dmarc`` says, in our words."""
    library = other.DMARC(publicsuffix=_Suffixes())
    organization = "example.com" if author != "example.com" else None
    policy = library.parse_record(record, author, organization)
    named = lambda result: result.value  # noqa: E731
    found = library.get_result(
        policy,
        other.SPF(mailfrom[0], other.SPFResult(named(mailfrom[1]))),
        other.DKIM(signer[0], other.DKIMResult(named(signer[1]))),
        allow_policy_test_mode=True,
    )
    disposition = found.disposition.value
    if found.result is other.DMARCResult.PASS:
        disposition = "none"
    good = other.DMARCResult.PASS
    return found.result.value, disposition, found.spf is good, found.dkim is good


class _Suffixes:
    def get_public_suffix(self, domain):
        return ".".join(domain.split(".")[-2:])


class CostTests(SynchronousTestCase):
    def test_warm(self):
        """A usual message costs far less than a turn of the reactor may."""
        table = Table(
            text={"_dmarc.example.com": [b"v=DMARC1; p=reject; rua=mailto:a@b.c"]}
        )
        header = b"".join(b"X-Field-%d: something\r\n" % n for n in range(40))
        header += b"From: A B <a@example.com>\r\nTo: x@y.test\r\n"
        proofs = (spf("bounce.example.com"), [dkim("example.com"), dkim("esp.test")])
        began = time.thread_time()
        for _ in range(100):
            found = done(evaluate(header, *proofs, table))
        self.assertIs(found.result, Result.PASS)
        self.assertLess((time.thread_time() - began) / 100, 0.005)

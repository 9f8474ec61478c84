"""Thousands of generated policies: we and plain pyspf find the same."""

import random

import spf as pyspf
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth import spf, spflookups
from mailsuite.mailauth.spflookups import Receiver
from mailsuite.model.address import Address
from mailsuite.model.proofs import Result
from tests.support.spfzone import Zone, run

POLICIES = 4_000
CLIENTS = ("192.0.2.1", "192.0.2.77", "198.51.100.4", "2001:db8::1", "2001:db8:5::9")
HOSTS = tuple(f"h{n}.example.org" for n in range(6))
DOMAINS = tuple(f"d{n}.example.com" for n in range(6))


def network(draw):
    """Give ``ip4`` or ``ip6``, now and then a wrong one."""
    if draw.random() < 0.7:
        address = draw.choice(["192.0.2.1", "192.0.2.64", "198.51.100.0", "10.1.2.3"])
        prefix = draw.choice(["", "/8", "/24", "/26", "/32", "/0", "/33"])
        return f"ip4:{address}{prefix}"
    address = draw.choice(["2001:db8::", "2001:db8::1", "::1", "2001:db8:5::", "::g"])
    return (
        f"ip6:{address}{draw.choice(['', '/32', '/48', '/64', '/128', '/0', '/129'])}"
    )


def name(draw):
    """Give a domain-spec."""
    host, domain = draw.choice(HOSTS), draw.choice(DOMAINS)
    macros = (
        *(host,) * 4,
        *(domain,) * 2,
        "%{d}",
        "%{o}",
        "%{l}.example.org",
        "%{d3}",
        "h%{l1r-}.example.org",
        "%{ir}.%{v}.example.org",
        "%{i}._%{h}.example.org",
        "missing.example.org",
        "%{x}.org",
        "word",
    )
    return draw.choice(macros)


def directive(draw, number):
    """Give one directive of domain ``number``; includes go to later ones only."""
    kind = draw.choices(
        ("ip", "a", "mx", "ptr", "exists", "include", "all", "junk"),
        (30, 20, 12, 4, 8, 12, 6, 1),
    )[0]
    if kind == "ip":
        text = network(draw)
    elif kind in {"a", "mx"}:
        target = draw.choice(["", f":{name(draw)}"])
        four = draw.choice(["", "", "/24", "/32", "/0"])
        text = kind + target + four + draw.choice(["", "", "//64", "//128"])
    elif kind == "ptr":
        text = draw.choice(["ptr", "ptr:example.org", "ptr:h1.example.org"])
    elif kind == "exists":
        text = f"exists:{name(draw)}"
    elif kind == "include" and number < len(DOMAINS) - 1:
        text = f"include:{draw.choice(DOMAINS[number + 1 :])}"
    elif kind == "all":
        text = "all"
    else:
        text = draw.choice(["foo", "a:b/", "mx/", "ip4", "all", "all", "ip4:192.0.2.1"])
    if draw.random() < 0.1:
        text = text.upper() if "%" not in text else text
    return draw.choice(["", "", "", "+", "-", "~", "?"]) + text


def record(draw, number):
    """Give one policy, or what is none."""
    if draw.random() < 0.04:
        return draw.choice(["v=spf10", "v=spf2.0 all", "hello"])
    terms = [directive(draw, number) for _ in range(draw.randrange(6))]
    if draw.random() < 0.5:
        terms.append(draw.choice(["-all", "~all", "?all"]))
    elif draw.random() < 0.4 and not any(one.endswith(("all", "ALL")) for one in terms):
        later = DOMAINS[number + 1 :] or ("missing.example.org",)
        terms.append(f"redirect={draw.choice(later)}")
    if draw.random() < 0.2:
        terms.append(draw.choice(["exp=h0.example.org", "x=y", "y.z=%{d}%%x"]))
    return draw.choice([" ", "  "]).join(["v=spf1", *terms])


def zone(draw):
    """Give a small DNS."""
    rows = {}
    for host in HOSTS[:-1]:
        four = draw.sample(CLIENTS[:3], draw.randrange(3))
        six = draw.sample(CLIENTS[3:], draw.randrange(2))
        rows[host] = {"A": four, "AAAA": six}
    if draw.random() < 0.2:
        rows[HOSTS[5]] = {"FAIL": ["*"]}
    for number, domain in enumerate(DOMAINS):
        texts = [record(draw, number) for _ in range(draw.choice([1] * 20 + [0, 2]))]
        hosts = draw.sample(HOSTS[:-1], draw.randrange(3))
        exchangers = [f"{place} {host}" for place, host in enumerate(hosts)]
        rows[domain] = {"TXT": texts, "MX": exchangers, "A": [draw.choice(CLIENTS[:3])]}
    for place, address in enumerate(("1.2.0.192", "4.100.51.198")):
        pointers = draw.sample(HOSTS[:-1], draw.randrange(1, 3))
        rows[f"{address}.in-addr.arpa"] = {"PTR": pointers[: place + 1]}
    return Zone(rows)


def reference(table, client, sender, helo):
    """Let pyspf find out; give its result, what it lacks, and its counts."""

    def lookup(name, kind, strict=True, timeout=0):
        try:
            rows = table.find(name, kind)
        except spflookups.NoSuchName:
            return []
        except spflookups.NoAnswer:
            raise pyspf.TempError("no answer") from None
        if kind == "MX":
            rows = [(int(one.split()[0]), one.split()[1]) for one in rows]
        if kind == "TXT":
            rows = [(one.encode(),) for one in rows]
        return [((name, kind), row) for row in rows]

    pyspf.DNSLookup = lookup
    query = pyspf.query(client, str(sender), helo, receiver="unknown")
    found = query.check()
    return found[0], query


class ReferenceTests(SynchronousTestCase):
    """The same policies, the same clients, the same zones."""

    def setUp(self):
        # Voids are counted by terms here and by questions there; see the limits.
        self.patch(spflookups, "VOIDS", 10_000)
        self.patch(pyspf, "MAX_VOID_LOOKUPS", 10_000)
        self.patch(pyspf, "DNSLookup", None)

    def test_the_same_results(self):
        """Result and deciding term agree wherever pyspf keeps to the RFC."""
        seen = dict.fromkeys(Result, 0)
        for seed in range(POLICIES):
            draw = random.Random(seed)
            table = zone(draw)
            client = draw.choice(CLIENTS)
            sender = Address(draw.choice(["joe", "1", "a-2", "a.b"]), DOMAINS[0])
            helo = draw.choice(["mx.example.net", DOMAINS[3]])
            receiver = Receiver()
            ours = run(spf.check(client, helo, sender, table, receiver))[1]
            theirs, query = reference(table, client, sender, helo)
            if self.excused(theirs, query, table):
                continue
            self.assertEqual(
                ours.result.value, theirs, (seed, table.rows, ours.steps, query.mech)
            )
            if theirs in {"pass", "fail", "softfail", "neutral"}:
                self.assertEqual(ours.mechanism, query.mechanism or "", seed)
            seen[ours.result] += 1
        missing = [word for word in seen if not seen[word]]
        self.assertEqual(missing, [Result.POLICY])

    def excused(self, theirs, query, table):
        """Where pyspf is known to differ from the RFC."""
        failing = HOSTS[5] in table.rows
        terms = " ".join(
            text.lower() for rows in table.rows.values() for text in rows.get("TXT", ())
        )
        if theirs == "permerror" and "Too many DNS" in str(query.perm_error):
            return "redirect=" in terms  # counted before it is followed
        # A name of the client that DNS fails for is skipped by us (§5.5).
        return failing and "ptr" in terms

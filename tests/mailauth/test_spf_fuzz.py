"""Whatever DNS and the client say, a check ends with a result and within limits."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.interfaces.resolving import Exchanger, NoAnswer, NoSuchName, Records
from mailsuite.mailauth import reverse, spf
from mailsuite.mailauth.spflookups import Receiver
from mailsuite.model.address import Address
from mailsuite.model.proofs import Result
from tests.support.spfzone import run

QUESTIONS = 1 + 10 * 12  # a term asks for MX and ten hosts, or for names once
WORDS = [
    "all",
    "a",
    "mx",
    "ptr",
    "include:example.org",
    "exists:%{i}.x.org",
    "redirect=example.net",
    "a:%{d}",
    "ip4:192.0.2.0/24",
    "ip6:::/0",
    "exp=x.org",
    "%{p}.x",
    "mx:%{l}.x.org/24//64",
    "%{",
    "include:",
    "=",
    "a:%{s9999r+-.,/_=}",
    "exists:%{P}.org",
    "a:%{h}",
    "-",
    "?",
    "~mx:.",
    "a:..",
    "include:%{o}%{o}",
]
RECORDS = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=15).map(
        lambda words: " ".join(["v=spf1", *words]).encode()
    ),
    st.binary(max_size=80).map(lambda octets: b"v=spf1 " + octets),
    st.binary(max_size=40),
)
NAMES = st.one_of(
    st.sampled_from(["example.com", "MX.example.org.", "", ".", "a..b", "x" * 300]),
    st.text(max_size=30),
)
ADDRESSES = st.one_of(
    st.sampled_from(["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "1.2.3", ""]),
    st.text(max_size=20),
)


class Liar:
    """Gives whatever hypothesis has drawn, to any question."""

    def __init__(self, data):
        self.data = data
        self.asked = 0

    def give(self, strategy):
        self.asked += 1
        kind = self.data.draw(st.integers(0, 9))
        if kind == 0:
            raise NoAnswer
        if kind == 1:
            raise NoSuchName
        return self.data.draw(strategy)

    async def texts(self, name):
        return self.give(st.lists(RECORDS, max_size=2))

    async def records(self, name, type):  # noqa: A002
        return Records(tuple(self.give(st.lists(ADDRESSES, max_size=3))))

    async def exchangers(self, domain):
        return [Exchanger(0, name) for name in self.give(st.lists(NAMES, max_size=12))]

    async def names(self, address):
        return self.give(st.lists(NAMES, max_size=12))


class LiarTests(SynchronousTestCase):
    """Every answer may be anything."""

    @settings(max_examples=400, deadline=None)
    @given(st.data(), ADDRESSES, NAMES, NAMES, st.text(max_size=30), st.booleans())
    def test_spf(self, data, ip, helo, domain, local, pointers):
        """No exception, a result of RFC 7208, and few questions."""
        liar = Liar(data)
        receiver = Receiver("mx.example.net", 1.0, names=pointers)
        sender = Address(local, domain)
        for one in run(spf.check(ip, helo, sender, liar, receiver)):
            self.assertIsNot(one.result, Result.POLICY)
            self.assertTrue(one.steps)
            self.assertTrue(one.explanation.isprintable())
            self.assertTrue(one.explanation.isascii())
            self.assertLessEqual(len(one.explanation), 400)
        self.assertLessEqual(liar.asked, 2 * QUESTIONS)

    @settings(max_examples=200, deadline=None)
    @given(st.data(), ADDRESSES)
    def test_iprev(self, data, ip):
        """No exception, and a name for each question but the first."""
        liar = Liar(data)
        found = run(reverse.check(ip, liar))
        self.assertNotIn(found.result, {Result.NONE, Result.NEUTRAL, Result.SOFTFAIL})
        self.assertLessEqual(liar.asked, 11)

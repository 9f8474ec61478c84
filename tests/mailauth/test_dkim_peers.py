"""dkimpy, OpenDKIM and Mail::DKIM say the same as we do, on generated messages."""

import random
import time

import dkim
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth.dkim import headers
from mailsuite.model.proofs import Result
from tests.support.dkim import (
    NOW,
    PLAIN,
    ed25519_pair,
    forged,
    message,
    rsa_pair,
    signed,
    verified,
    zone,
)
from tests.support.dkim_peers import Peers

CANONS = ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed")

NAMES = (b"from", b"to", b"subject", b"date", b"message-id", b"cc", b"from", b"subject")


def length_of(octets):
    """The value of ``l=``."""
    return int(octets.partition(b" l=")[2].partition(b";")[0])


def small():
    """A key that Python alone can sign with quickly."""
    return rsa_pair(1024, "small")


def changed(chance, octets):
    """Change a message as transport or a forger would."""
    kind = chance.randrange(7)
    header, body = headers.split(octets)
    if kind == 0:
        return header + b"\r\n" + body + b"\r\n" * chance.randrange(4)
    if kind == 1:
        return header + b"\r\n" + body.replace(b" ", b"  ", chance.randrange(3))
    if kind == 2:
        return b"Received: from a by b; now\r\n" + octets
    if kind == 3:
        name = chance.choice((b"Subject", b"Cc", b"From", b"X-New"))
        return name + b": <x@example.net>\r\n" + octets
    if kind == 4:
        return header.replace(b"Joe", chance.choice((b"Joe ", b"Jo"))) + b"\r\n" + body
    if kind == 5:
        return header.replace(b"Date: ", b"DATE:  ") + b"\r\n" + body
    return header + b"\r\n" + body.replace(b"alpha", b"beta")


def passes(octets, *pairs, now=NOW):
    found = verified(octets, zone(*pairs), now)
    return [one.result is Result.PASS for one in found]


def dkimpy_passes(octets, pair):
    """Whether the first signature passes in dkimpy."""
    records = {pair.name + ".": pair.record}

    def texts(name, timeout=5):
        return records.get(name.decode())

    try:
        return dkim.verify(octets, dnsfunc=texts)
    except dkim.DKIMException:
        return False


class DkimpyTests(SynchronousTestCase):
    """The reference in Python."""

    def test_theirs(self):
        """What dkimpy signs passes with us; changed, it has the result of dkimpy."""
        chance = random.Random(3)
        counted = {True: 0, False: 0}
        for number in range(1000):
            octets = message(chance)
            now = time.time()
            head, _, tail = CANONS[number % 4].partition("/")
            field = dkim.sign(
                octets,
                small().selector.encode(),
                small().domain.encode(),
                small().pem,
                canonicalize=(head.encode(), tail.encode()),
                include_headers=list(NAMES),
            )
            self.assertEqual(passes(field + octets, small(), now=now), [True], octets)
            for _ in range(2):
                other = changed(chance, field + octets)
                expected = dkimpy_passes(other, small())
                self.assertEqual(passes(other, small(), now=now), [expected], other)
                counted[expected] += 1
        self.assertGreater(min(counted.values()), 100, counted)

    def test_theirs_in_part(self):
        """Lengths of l= that dkimpy writes pass, and longer bodies are told."""
        chance = random.Random(4)
        for _ in range(100):
            octets = message(chance) + b"end\r\n"
            field = dkim.sign(
                octets, b"small", b"example.com", small().pem, length=True
            )
            (one,) = verified(field + octets, zone(small()), time.time())
            self.assertTrue(one.result is Result.PASS and one.whole, one.steps)
            (one,) = verified(field + octets + b"more\r\n", zone(small()), time.time())
            self.assertTrue(one.result is Result.PASS and not one.whole, one.steps)

    def test_ours(self):
        """What we sign passes with dkimpy; changed, both say the same."""
        chance = random.Random(5)
        now = int(time.time())
        for number in range(1000):
            pair = (small(), ed25519_pair())[number % 2]
            octets = signed(message(chance), pair, now=now)
            self.assertTrue(dkimpy_passes(octets, pair), octets)
            other = changed(chance, octets)
            expected = dkimpy_passes(other, pair)
            self.assertEqual(passes(other, pair, now=now), [expected], other)

    def test_any_canonicalization(self):
        """Every canonicalization and odd list of fields passes with dkimpy."""
        chance = random.Random(6)
        for number in range(1000):
            names = ["From", *chance.choices(("To", "Received", "X-Thing", "cc"), k=4)]
            octets = forged(
                message(chance), small(), c=CANONS[number % 4], h=" : ".join(names)
            )
            self.assertTrue(dkimpy_passes(octets, small()), octets)
            self.assertEqual(passes(octets, small()), [True], octets)


class BatchTests(SynchronousTestCase):
    """Programs of Debian, hundreds of messages a run."""

    COUNT = 500

    def setUp(self):
        self.peers = Peers(self.mktemp(), rsa_pair(), ed25519_pair())
        self.chance = random.Random(7)

    def ours(self):
        pairs = rsa_pair(), ed25519_pair()
        made = [signed(message(self.chance), *pairs) for _ in range(self.COUNT)]
        return made + [changed(self.chance, octets) for octets in made]

    def both(self, octets):
        return passes(octets, rsa_pair(), ed25519_pair())

    def test_opendkim_verifies(self):
        """OpenDKIM passes what we sign and refuses what we refuse."""
        messages = self.ours()
        found = self.peers.opendkim(messages)
        self.assertEqual(len(found), len(messages))
        for octets, results in zip(messages, found, strict=True):
            self.assertEqual(
                [one == "pass" for one in results], self.both(octets), octets
            )

    def test_perl_verifies(self):
        """Mail::DKIM passes what we sign with RSA and refuses what we refuse."""
        messages = self.ours()
        found = self.peers.perl(messages)
        self.assertEqual(len(found), len(messages))
        for octets, results in zip(messages, found, strict=True):
            self.assertEqual(results[0] == "pass", self.both(octets)[0], octets)

    def test_opendkim_signs(self):
        """What OpenDKIM signs passes with us.

        It sees values without the space after the colon, as a milter does, and puts
        one there: only fields that look so may be signed as simple.
        """
        plain = [message(self.chance) for _ in range(self.COUNT // 4)]
        header = headers.split(PLAIN)[0] + b"\r\n"
        tidy = [header + headers.split(octets)[1] for octets in plain]
        for canon in CANONS:
            made = tidy if canon.startswith("simple") else plain
            for octets in self.peers.opendkim_signed(made, canon):
                found = verified(octets, zone(rsa_pair()), time.time())
                self.assertIs(found[0].result, Result.PASS, (octets, found))

    def test_perl_signs(self):
        """What Mail::DKIM signs passes with us."""
        plain = [message(self.chance) for _ in range(self.COUNT // 4)]
        for canon in CANONS:
            for octets in self.peers.perl_signed(plain, canon):
                found = verified(octets, zone(rsa_pair()))
                self.assertIs(found[0].result, Result.PASS, (octets, found))

    def test_lengths(self):
        """OpenDKIM agrees about l=, and Mail::DKIM where it heeds it.

        To Mail::DKIM a length of 0 is none, and one beyond the body is the body's.
        """
        body = headers.split(PLAIN)[1]
        messages = [
            forged(PLAIN, rsa_pair(), l=length) + more
            for length in range(len(body) + 3)
            for more in (b"", b"\r\n", b"more\r\n")
        ]
        theirs = self.peers.opendkim(messages)
        perls = self.peers.perl(messages)
        for octets, one, other in zip(messages, theirs, perls, strict=True):
            expected = self.both(octets)
            self.assertEqual([one[0] == "pass"], expected, octets)
            if 0 < length_of(octets) <= len(body):
                self.assertEqual([other[0] == "pass"], expected, octets)

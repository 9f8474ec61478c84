"""Signatures are verified, and each way to fail has its result and its words."""

import random
import time

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.dns.memory import Table
from mailsuite.interfaces.resolving import NoAnswer
from mailsuite.mailauth.dkim import headers, verify
from mailsuite.mailauth.dkim.canonical import Canon
from mailsuite.mailauth.dkim.limits import SIGNATURES_SEEN, SIGNATURES_VERIFIED
from mailsuite.model.proofs import Result
from tests.support.dkim import (
    DOMAIN,
    NOW,
    PLAIN,
    ed25519_pair,
    forged,
    message,
    rsa_pair,
    run,
    signed,
    verified,
    zone,
)

RFC_BODY = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"

RFC_FIELDS = (
    b"From: Joe SixPack <joe@football.example.com>\r\n"
    b"To: Suzie Q <suzie@shopping.example.net>\r\n"
    b"Subject: Is dinner ready?\r\n"
    b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
)

RFC6376 = (
    b"DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
    b"      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
    b"      h=Received : From : To : Subject : Date : Message-ID;\r\n"
    b"      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    b"      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
    b"      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
    b"      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
    b"      4bmp/YzhwvcubU4=;\r\n"
    b"Received: from client1.football.example.com  [192.0.2.1]\r\n"
    b"      by submitserver.example.com with SUBMISSION;\r\n"
    b"      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n"
    + RFC_FIELDS
    + b"\r\n"
    + RFC_BODY.replace(b"  Are", b" Are")
)
"""RFC 6376 appendix A.2, as it was before the RFC's text was formatted.

It verifies with folds of six spaces and one space after the full stop.
"""

RFC6376_KEY = (
    b"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ"
    b"DwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
    b"IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7"
    b"od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfV"
    b"jH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
)
"""RFC 6376 appendix C."""

RFC8463 = (
    b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    b" d=football.example.com; i=@football.example.com;\r\n"
    b" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    b" subject : date : message-id : from : subject : date;\r\n"
    b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    b" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
    b" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    b" d=football.example.com; i=@football.example.com;\r\n"
    b" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
    b" date : message-id : from : subject : date;\r\n"
    b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    b" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
    b" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
    b" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
    + RFC_FIELDS
    + b"\r\n"
    + RFC_BODY
)
"""RFC 8463 appendix A.3."""

RFC8463_ED25519 = b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
RFC8463_RSA = (
    b"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
    b"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
    b"DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
    b"Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
)
RFC8463_KEYS = Table(
    text={
        "brisbane._domainkey.football.example.com": (RFC8463_ED25519,),
        "test._domainkey.football.example.com": (RFC8463_RSA,),
    }
)


class ExampleTests(SynchronousTestCase):
    """The RFCs' own messages."""

    def test_rfc8463(self):
        """Both signatures of RFC 8463 appendix A pass."""
        ed25519, rsa = verified(RFC8463, RFC8463_KEYS)
        self.assertIs(ed25519.result, Result.PASS, ed25519.steps)
        self.assertIs(rsa.result, Result.PASS, rsa.steps)
        self.assertEqual((ed25519.bits, rsa.bits), (256, 1024))
        self.assertEqual(ed25519.begins, "/gCrinpc")
        self.assertIn("weak", " ".join(rsa.steps))

    def test_rfc8463_changed(self):
        """One octet more in the body, and both fail."""
        for one in verified(RFC8463 + b"x\r\n", RFC8463_KEYS):
            self.assertIs(one.result, Result.FAIL)

    def test_rfc6376(self):
        """The signature of RFC 6376 appendix A passes, simple in everything."""
        key = {"brisbane._domainkey.example.com": (RFC6376_KEY,)}
        (one,) = verified(RFC6376, Table(text=key))
        self.assertIs(one.result, Result.PASS, one.steps)
        self.assertEqual(one.identity, "joe@football.example.com")
        self.assertEqual(one.bits, 1024)


class RoundTests(SynchronousTestCase):
    """What is signed passes; what is changed does not."""

    def test_both(self):
        """A message signed with both keys passes twice."""
        pairs = rsa_pair(), ed25519_pair()
        found = verified(signed(PLAIN, *pairs), zone(*pairs))
        self.assertEqual([one.result for one in found], [Result.PASS] * 2)
        first = found[0]
        self.assertEqual((first.domain, first.selector), (DOMAIN, "r"))
        self.assertEqual(first.identity, "@example.com")
        self.assertEqual(first.bits, 2048)
        self.assertTrue(first.whole)
        self.assertIn("from", first.fields)
        self.assertTrue(first.steps[-1].startswith("pass"))

    def test_unsigned(self):
        """A message without signatures has none, and its body is not hashed."""
        self.assertEqual(verified(PLAIN, Table()), ())
        self.assertTrue(verify.begin(headers.split(PLAIN)[0]).idle)

    def test_canonicalizations(self):
        """Every pair of canonicalization passes, and the default is simple."""
        for canon in ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed"):
            (one,) = verified(forged(PLAIN, rsa_pair(), c=canon), zone(rsa_pair()))
            self.assertIs(one.result, Result.PASS, one.steps)
        (one,) = verified(forged(PLAIN, rsa_pair(), c=None), zone(rsa_pair()))
        self.assertIs(one.result, Result.PASS, one.steps)

    def test_white_space(self):
        """Relaxed survives new folds and spaces; simple does not."""
        for canon, result in (("relaxed", Result.PASS), ("simple", Result.FAIL)):
            whole = forged(PLAIN, rsa_pair(), c=f"{canon}/relaxed")
            changed = whole.replace(b"Is dinner", b" Is\r\n\t dinner ")
            (one,) = verified(changed, zone(rsa_pair()))
            self.assertIs(one.result, result)

    def test_changed(self):
        """A changed field, body or signature fails."""
        whole = signed(PLAIN, rsa_pair())
        for old, new in (
            (b"dinner", b"supper"),
            (b"lost", b"won"),
            (b"t=17", b"t=16"),
            (b"Suzie <suzie", b"Suzie  Q <suzie"),
        ):
            (one,) = verified(whole.replace(old, new), zone(rsa_pair()))
            self.assertIs(one.result, Result.FAIL)
            self.assertTrue(one.reason)

    def test_oversigned(self):
        """A field that was named once too often cannot be added."""
        whole = signed(PLAIN, rsa_pair())
        for name in (b"Cc", b"Reply-To", b"Content-Type", b"Subject", b"From"):
            (one,) = verified(name + b": x@example.org\r\n" + whole, zone(rsa_pair()))
            self.assertIs(one.result, Result.FAIL, name)

    def test_other_key(self):
        """Another key of the same size fails."""
        whole = signed(PLAIN, rsa_pair())
        (one,) = verified(whole, zone(r=(rsa_pair(2048, "other").record,)))
        self.assertIs(one.result, Result.FAIL)

    def test_any_cut(self):
        """Blocks of any size give the same result."""
        chance = random.Random(1)
        pairs = rsa_pair(), ed25519_pair()
        for _ in range(30):
            whole = signed(message(chance), *pairs)
            body = headers.split(whole)[1]
            size = chance.randrange(1, 9)
            blocks = [body[at : at + size] for at in range(0, len(body), size)]
            for one in verified(whole, zone(*pairs), blocks=blocks):
                self.assertIs(one.result, Result.PASS, (whole, one.steps))


class TagTests(SynchronousTestCase):
    """RFC 6376 §6.1.1: each tag that is wrong has its result."""

    def result(self, expected, plain=PLAIN, now=NOW, **tags):
        whole = forged(plain, rsa_pair(), **tags)
        (one,) = verified(whole, zone(rsa_pair()), now)
        self.assertIs(one.result, expected, one.steps)
        return one

    def test_version(self):
        """Only ``v=1`` is a signature, and it must be there (RFC 6376 §3.5)."""
        self.result(Result.PERMERROR, v="2")
        self.result(Result.PERMERROR, v=None)

    def test_algorithm(self):
        """SHA-1 has permanently failed (RFC 8301 §3.1); others are not known."""
        self.assertIn("8301", self.result(Result.PERMERROR, a="rsa-sha1").reason)
        self.result(Result.NEUTRAL, a="rsa-sha512")
        self.result(Result.PERMERROR, a="ed25519-sha256")
        self.result(Result.PERMERROR, a=None)

    def test_canonicalization(self):
        """A canonicalization that nobody knows is neutral."""
        whole = forged(PLAIN, rsa_pair())
        for new in (b"c=relaxed/other", b"c=nofws", b"c=", b"c=relaxed/"):
            changed = whole.replace(b"c=relaxed/relaxed", new)
            (one,) = verified(changed, zone(rsa_pair()))
            self.assertIs(one.result, Result.NEUTRAL)

    def test_domain(self):
        """d= and s= are names, of the record and of the result."""
        self.result(Result.NEUTRAL, d="com")
        self.result(Result.NEUTRAL, d="a b.com")
        self.result(Result.NEUTRAL, s="a b")
        self.result(Result.PERMERROR, d=None)
        self.result(Result.PERMERROR, s="none")
        self.assertEqual(self.result(Result.PASS, d="Example.COM").domain, DOMAIN)

    def test_identity(self):
        """i= is within d=."""
        one = self.result(Result.PASS, i="joe=3Ax@mail.example.com")
        self.assertEqual(one.identity, "joe=3Ax@mail.example.com")
        self.result(Result.PASS, i="@EXAMPLE.com")
        self.result(Result.PERMERROR, i="@badexample.com")
        self.result(Result.PERMERROR, i="@com.example")
        self.result(Result.NEUTRAL, i="joe")
        self.result(Result.NEUTRAL, i="")

    def test_names(self):
        """h= names From, and only field names."""
        self.assertIn("From", self.result(Result.PERMERROR, h="to:subject").reason)
        self.result(Result.NEUTRAL, h="from::to")
        self.result(Result.NEUTRAL, h="from:t o")
        self.result(Result.NEUTRAL, h=":".join(["from"] * 1001))
        self.result(Result.PERMERROR, h=None)

    def test_query(self):
        """q= needs a method that is known."""
        self.result(Result.PASS, q="other : dns/txt")
        self.result(Result.NEUTRAL, q="http")

    def test_times(self):
        """t= and x= are held against the clock, with some patience."""
        self.result(Result.PASS, t=NOW + 600, x=NOW + 700)
        self.result(Result.POLICY, t=NOW + 4000)
        self.result(Result.PASS, t=NOW - 600, x=NOW - 200)
        self.assertEqual(self.result(Result.POLICY, x=NOW - 400).reason, "expired")
        self.result(Result.PERMERROR, t=NOW, x=NOW)
        self.result(Result.NEUTRAL, t="1" * 13)
        self.result(Result.NEUTRAL, t="yesterday")

    def test_hashes(self):
        """b= and bh= are base64."""
        self.result(Result.NEUTRAL, bh="x!")
        self.result(Result.NEUTRAL, bh="")
        self.result(Result.FAIL, bh="aGVsbG8=")

    def test_unknown(self):
        """Tags that nobody knows are signed, and do not matter."""
        self.result(Result.PASS, zz="1", z="From:x|To:y")

    def test_twice(self):
        """A tag that stands twice makes a signature that cannot be read."""
        whole = forged(PLAIN, rsa_pair()).replace(b"v=1;", b"v=1; d=example.net;")
        (one,) = verified(whole, zone(rsa_pair()))
        self.assertIs(one.result, Result.NEUTRAL)

    def test_broken_names_its_domain(self):
        """A signature that fails early still says whose it claims to be."""
        one = self.result(Result.PERMERROR, h="to")
        self.assertEqual((one.domain, one.selector), (DOMAIN, "r"))
        self.assertEqual(len(one.begins), 8)


class LengthTests(SynchronousTestCase):
    """RFC 6376 §3.5, ``l=``."""

    def result(self, expected, length, more=b""):
        whole = forged(PLAIN, rsa_pair(), l=length) + more
        (one,) = verified(whole, zone(rsa_pair()))
        self.assertIs(one.result, expected, one.steps)
        return one

    def test_whole(self):
        """All octets covered: nothing is missing."""
        size = len(headers.split(PLAIN)[1])
        self.assertTrue(self.result(Result.PASS, size).whole)
        self.assertTrue(self.result(Result.PASS, size, b"\r\n \r\n").whole)

    def test_part(self):
        """Octets after the covered ones are told."""
        one = self.result(Result.PASS, 5)
        self.assertFalse(one.whole)
        self.assertIn("unsigned", " ".join(one.steps))
        self.assertFalse(self.result(Result.PASS, 0).whole)
        size = len(headers.split(PLAIN)[1])
        self.assertFalse(self.result(Result.PASS, size, b"spam\r\n").whole)

    def test_too_much(self):
        """More octets than there are fail."""
        self.result(Result.FAIL, 10_000)
        self.result(Result.FAIL, "9" * 76)

    def test_no_number(self):
        """A length that is no number is neutral."""
        whole = forged(PLAIN, rsa_pair(), l=5)
        for value in (b"l=9" + b"9" * 76, b"l=-1", b"l=", b"l=1e3"):
            (one,) = verified(whole.replace(b"l=5", value), zone(rsa_pair()))
            self.assertIs(one.result, Result.NEUTRAL)


class KeyTests(SynchronousTestCase):
    """What the key says about signatures."""

    def result(self, expected, *records, **tags):
        whole = forged(PLAIN, rsa_pair(), **tags)
        (one,) = verified(whole, zone(r=records))
        self.assertIs(one.result, expected, one.steps)
        return one

    def test_no_answer(self):
        """DNS that does not answer is a temporary error."""
        broken = Table(broken=frozenset(("r._domainkey.example.com",)))
        (one,) = verified(signed(PLAIN, rsa_pair()), broken)
        self.assertIs(one.result, Result.TEMPERROR)

    def test_missing_and_revoked(self):
        """No key and a revoked one are told apart."""
        self.assertIn("no key", self.result(Result.PERMERROR).reason)
        self.assertIn("revoked", self.result(Result.PERMERROR, b"v=DKIM1; p=").reason)

    def test_several(self):
        """Of several records any may prove it; else one says why not."""
        good, other = rsa_pair().record, rsa_pair(2048, "other").record
        self.result(Result.PASS, b"v=spf1 -all", other, good)
        self.result(Result.FAIL, b"v=spf1 -all", other)
        self.result(Result.FAIL, other, b"v=spf1 -all")

    def test_testing(self):
        """t=y is told whatever comes of it."""
        record = rsa_pair().record + b"; t=y"
        self.assertTrue(self.result(Result.PASS, record).testing)
        other = rsa_pair(2048, "other").record + b"; t=y"
        self.assertTrue(self.result(Result.FAIL, other).testing)

    def test_strict(self):
        """t=s wants i= of d= itself."""
        record = rsa_pair().record + b"; t=s"
        self.result(Result.PASS, record)
        self.result(Result.PASS, record, i="joe@example.com")
        self.result(Result.PERMERROR, record, i="joe@mail.example.com")

    def test_service(self):
        """Keys for TLS reports count for these alone (RFC 8460 §3)."""
        record = rsa_pair().record + b"; s=tlsrpt"
        self.result(Result.PERMERROR, record)
        self.result(Result.PASS, record, h="from:tls-report-domain")

    def test_not_asked(self):
        """No key is asked for when the body tells already."""
        whole = signed(PLAIN, rsa_pair()) + b"more\r\n"
        broken = Table(broken=frozenset(("r._domainkey.example.com",)))
        (one,) = verified(whole, broken)
        self.assertIs(one.result, Result.FAIL)


class DoubleTests(SynchronousTestCase):
    """Fields that stand once may not stand again beside the signed one."""

    def result(self, name, **tags):
        whole = forged(PLAIN, rsa_pair(), **tags)
        (one,) = verified(name + b": a <a@example.net>\r\n" + whole, zone(rsa_pair()))
        return one.result

    def test_from(self):
        """A second From makes the signature unacceptable."""
        self.assertIs(self.result(b"From"), Result.POLICY)
        self.assertIs(self.result(b"fROM "), Result.POLICY)

    def test_subject(self):
        """A second Subject makes no signature pass."""
        self.assertIs(self.result(b"Subject"), Result.POLICY)

    def test_unsigned_name(self):
        """A field that was not signed at all may be added."""
        self.assertIs(self.result(b"Reply-To"), Result.PASS)
        self.assertIs(self.result(b"Received"), Result.PASS)

    def test_broken_header(self):
        """A header that readers see differently has no valid signature."""
        whole = signed(PLAIN, rsa_pair())
        for more in (b"X: 1\nFrom: a@example.net\r\n", b"hello\r\n", b"X: \r\r\n"):
            (one,) = verified(more + whole, zone(rsa_pair()))
            self.assertIs(one.result, Result.PERMERROR)


class Counting:
    """Counts the questions for keys."""

    def __init__(self, table):
        self.table = table
        self.asked = []

    async def texts(self, name):
        self.asked.append(name)
        return await self.table.texts(name)


class ManyTests(SynchronousTestCase):
    """Many signatures, and hostile ones."""

    def test_ten_of_many(self):
        """Ten are verified, the author's first, and each key is asked for once."""
        other = forged(PLAIN, rsa_pair(), d="example.net")
        other = other[: -len(PLAIN)]
        own = signed(PLAIN, rsa_pair())
        resolver = Counting(zone(rsa_pair()))
        found = verified(other * 30 + own, resolver)
        self.assertEqual(len(found), 31)
        self.assertIs(found[-1].result, Result.PASS)
        tried = [one for one in found if one.result is Result.PERMERROR]
        self.assertEqual(len(tried), SIGNATURES_VERIFIED - 1)
        self.assertIn("only 10", found[-2].reason)
        self.assertEqual(len(resolver.asked), 2)

    def test_fifty_seen(self):
        """Signatures after the fiftieth do not count."""
        own = signed(PLAIN, rsa_pair())
        found = verified(b"DKIM-Signature: x\r\n" * 60 + own, zone(rsa_pair()))
        self.assertEqual(len(found), SIGNATURES_SEEN)

    def test_unreadable_do_not_crowd_out(self):
        """Signatures that cannot be read are not among the ten."""
        own = signed(PLAIN, rsa_pair())
        found = verified(b"DKIM-Signature: x\r\n" * 40 + own, zone(rsa_pair()))
        self.assertIs(found[-1].result, Result.PASS)

    def test_many_lengths(self):
        """Ten lengths of one body are hashed in one pass."""
        field = [forged(PLAIN, rsa_pair(), l=n)[: -len(PLAIN)] for n in range(10)]
        whole = b"".join(field) + PLAIN
        bodies = verify.begin(headers.split(whole)[0])
        self.assertEqual(len(bodies._running), 1)
        for one in verified(whole, zone(rsa_pair())):
            self.assertIs(one.result, Result.PASS)

    def test_sealed(self):
        """ARC finds the hashes that its message signatures need."""
        seal = b"ARC-Message-Signature: i=1; a=rsa-sha256; c=simple/simple; l=4\r\n"
        bodies = verify.begin(seal)
        bodies.feed(b"abcdef\r\n")
        self.assertIsNotNone(bodies.digest(Canon.SIMPLE))
        self.assertIsNotNone(bodies.digest(Canon.SIMPLE, 4))
        self.assertIsNone(bodies.digest(Canon.RELAXED))

    def test_gathered(self):
        """All questions are handed over at once."""
        pairs = rsa_pair(), ed25519_pair()
        header, body = headers.split(signed(PLAIN, *pairs))
        bodies = verify.begin(header)
        bodies.feed(body)
        counts = []

        async def gather(works):
            counts.append(len(works))
            return [await work for work in works]

        work = verify.verify(bodies, zone(*pairs), NOW, gather)
        self.assertEqual([one.result for one in run(work)], [Result.PASS] * 2)
        self.assertEqual(counts, [2])

    def test_hostile_header(self):
        """5,000 fields with 50 signatures are refused in time; so is a long h=."""
        own = signed(PLAIN, rsa_pair())
        names = b"from:" + b"a:" * 30_000 + b"to"
        wide = own.replace(b"h=from:", b"h=" + names + b":", 1)
        crowd = b"X: y\r\n" * 5_000
        before = time.process_time()
        head = own[: -len(PLAIN)]
        for whole in (crowd + head * 50 + PLAIN, head * 50 + crowd + PLAIN, wide):
            for one in verified(whole, zone(rsa_pair())):
                self.assertIsNot(one.result, Result.PASS)
        self.assertLess(time.process_time() - before, 10)

    def test_garbage(self):
        """Cut and mixed signatures are refused; nothing raises."""
        chance = random.Random(2)
        field = signed(PLAIN, rsa_pair())[: -len(PLAIN)]
        for _ in range(1_000):
            octets = bytearray(field)
            for _ in range(chance.randrange(1, 4)):
                octets[chance.randrange(15, len(octets) - 2)] = chance.choice(
                    b"=;:@/ \t\x00\xff.-abh19"
                )
            for one in verified(bytes(octets) + PLAIN, zone(rsa_pair())):
                self.assertIsInstance(one.result, Result)


class InternationalTests(SynchronousTestCase):
    """RFC 8616 §5."""

    def test_u_labels(self):
        """d= in U-labels is asked for and told in A-labels, and hashed as it is."""
        record = (rsa_pair().record,)
        table = Table(text={"r._domainkey.xn--bcher-kva.example": record})
        whole = forged(PLAIN, rsa_pair(), d="bücher.example", i="jürg@bücher.example")
        (one,) = verified(whole, table)
        self.assertIs(one.result, Result.PASS, one.steps)
        self.assertEqual(one.domain, "xn--bcher-kva.example")
        self.assertEqual(one.identity, "jürg@bücher.example")


class FaultTests(SynchronousTestCase):
    """A resolver that fails for one key."""

    def test_others_go_on(self):
        """One key that cannot be had does not keep others from passing."""

        class Half:
            async def texts(self, name):
                if name.startswith("e."):
                    raise NoAnswer(name)
                return (rsa_pair().record,)

        found = verified(signed(PLAIN, rsa_pair(), ed25519_pair()), Half())
        results = [one.result for one in found]
        self.assertEqual(results, [Result.PASS, Result.TEMPERROR])

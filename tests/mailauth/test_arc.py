"""Chains of ARC: ours and dkimpy's, whole and broken in every way (RFC 8617)."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.proofs import Result
from tests.support import arc as chains
from tests.support.arc import DOMAINS, MESSAGE, NOW, sealed, sealed_by_dkimpy, validated

ONE, TWO, THREE, *_ = DOMAINS
UNSPACED = re.compile(rb"^(ARC-Message-Signature:)(?=i=)", re.IGNORECASE | re.MULTILINE)


def chain(count, message=MESSAGE, seal=sealed):
    """A message with so many sets."""
    for n in range(count):
        message = seal(message, DOMAINS[n % len(DOMAINS)], "pass" if n else "none")
    return message


class AgreementTests(SynchronousTestCase):
    """We and dkimpy find the same."""

    def test_ours_passes_there(self):
        """Chains of ours of any length pass in dkimpy and here."""
        for count in (1, 2, 3, 7):
            message = chain(count)
            self.assertEqual(chains.validated_by_dkimpy(message), "pass", count)
            found = validated(message)
            self.assertEqual(found.result, Result.PASS, found.reason)
            self.assertEqual(found.sets, count)
            self.assertEqual(found.oldest, 0)

    def test_theirs_passes_here(self):
        """Chains of dkimpy pass here."""
        for count in (1, 2, 4):
            found = validated(chain(count, seal=sealed_by_dkimpy))
            self.assertEqual(found.result, Result.PASS, found.reason)
            self.assertEqual(found.sets, count)

    def test_mixed(self):
        """One seals after the other."""
        message = sealed_by_dkimpy(sealed(MESSAGE, ONE, "none"), TWO, "pass")
        message = sealed(message, THREE, "pass")
        self.assertEqual(chains.validated_by_dkimpy(message), "pass")
        found = validated(message)
        self.assertEqual(found.result, Result.PASS, found.reason)
        self.assertEqual(found.sealers, (THREE, TWO, ONE))

    def test_none(self):
        """Without ARC there is nothing to judge."""
        self.assertEqual(validated(MESSAGE).result, Result.NONE)
        self.assertEqual(chains.validated_by_dkimpy(MESSAGE), "none")

    @settings(max_examples=60, deadline=None)
    @example(count=2, theirs=True, at=0.2, octet=33, cut="delete")
    @given(
        count=st.integers(1, 3),
        theirs=st.booleans(),
        at=st.floats(0, 1, exclude_max=True),
        octet=st.integers(33, 126),
        cut=st.sampled_from(["replace", "insert", "delete", "line"]),
    )
    def test_damage(self, count, theirs, at, octet, cut):
        """One octet changed anywhere: what passes here passes in dkimpy too.

        It finds no signature whose ``i=`` follows no space, which relaxed
        canonicalization makes equal to one that does (RFC 6376 §3.4.2).
        """
        message = chain(count, seal=sealed_by_dkimpy if theirs else sealed)
        where = int(at * len(message))
        new = bytes([octet])
        if cut == "replace":
            message = message[:where] + new + message[where + 1 :]
        elif cut == "insert":
            message = message[:where] + new + message[where:]
        elif cut == "delete":
            message = message[:where] + message[where + 1 :]
        else:
            lines = message.splitlines(keepends=True)
            del lines[int(at * len(lines))]
            message = b"".join(lines)
        ours = validated(message)
        if ours.result is Result.PASS:
            spaced = UNSPACED.sub(rb"\1 ", message)
            self.assertEqual(chains.validated_by_dkimpy(spaced), "pass", message)

    @settings(max_examples=25, deadline=None)
    @given(
        body=st.lists(
            st.sampled_from(
                [b"x", b" ", b"\t", b"\r\n", b"word", b"\r\n\r\n", b".", b"\xc3\xa9"]
            ),
            max_size=40,
        ),
        count=st.integers(1, 3),
    )
    def test_bodies(self, body, count):
        """Whatever the body is, both agree on both makers' chains."""
        message = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + b"".join(body)
        message += b"\r\n"
        for seal in (sealed, sealed_by_dkimpy):
            made = chain(count, message, seal)
            found = validated(made)
            self.assertEqual(found.result, Result.PASS, found.reason)
            self.assertEqual(chains.validated_by_dkimpy(made), "pass")


class BrokenTests(SynchronousTestCase):
    """Whatever is not as it must be fails the whole chain, closed."""

    def fails(self, message, reason, **more):
        found = validated(message, **more)
        self.assertEqual(found.result, Result.FAIL)
        self.assertRegex(found.reason, reason)
        self.assertEqual(found.trusted, "")
        return found

    def without(self, message, name, instance):
        """Take one field out."""
        pattern = rb"(?m)^%b: i=%d;[^\r]*\r\n(?:[ \t][^\r]*\r\n)*" % (name, instance)
        cut, count = re.subn(pattern, b"", message)
        self.assertEqual(count, 1)
        return cut

    def test_incomplete(self):
        """A set without one of its three fields breaks the chain."""
        for name in (b"ARC-Seal", b"ARC-Message-Signature"):
            for instance in (1, 2):
                self.fails(self.without(chain(2), name, instance), "not complete")
        name = b"ARC-Authentication-Results"
        self.fails(self.without(chain(2), name, 1), "not complete")

    def test_gap(self):
        """Instances run from 1 without a gap."""
        message = chain(3)
        for name in (
            b"ARC-Seal",
            b"ARC-Message-Signature",
            b"ARC-Authentication-Results",
        ):
            message = self.without(message, name, 2)
        self.fails(message, "set 2 of 3 is not complete")

    def test_doubled(self):
        """No field stands twice in a set."""
        message = chain(2)
        field = re.search(
            rb"ARC-Authentication-Results: i=1;.*\r\n(?:\t.*\r\n)*", message
        )
        self.fails(field[0] + message, "set 1 has two")
        self.fails(message.replace(b"ARC-Seal: i=1", b"ARC-Seal: i=2"), "has two")

    def test_instances(self):
        """Instances are numbers from 1 to 50."""
        for number in (b"0", b"51", b"99", b"-1", b"x", b"", b"100"):
            for name in (b"ARC-Seal", b"ARC-Authentication-Results"):
                message = chain(1).replace(name + b": i=1", name + b": i=" + number)
                self.fails(message, "i=|tag")

    def test_too_many(self):
        """More than fifty sets fail before anything is computed."""
        sets = b"".join(
            b"ARC-Seal: i=%d; cv=pass\r\nARC-Message-Signature: i=%d\r\n"
            b"ARC-Authentication-Results: i=%d; x\r\n" % (n, n, n)
            for n in [*range(1, 51), 50]
        )
        self.fails(sets + MESSAGE, "more than 50 sets")

    def test_fifty(self):
        """Fifty sets are judged, and pass."""
        message = chain(50)
        found = validated(message)
        self.assertEqual((found.result, found.sets), (Result.PASS, 50), found.reason)
        self.assertEqual(found.oldest, 40)
        self.assertEqual(sealed(message, ONE, "pass"), message)

    def test_status(self):
        """The first set says none, later ones pass; fail ends it."""
        for count, old, new in (
            (1, b"cv=none", b"cv=pass"),
            (2, b"cv=pass", b"cv=none"),
            (1, b"cv=none", b"cv=maybe"),
            (1, b"cv=none;", b""),
        ):
            self.fails(chain(count).replace(old, new), "says cv=")
        ended = chain(2).replace(b"cv=pass", b"cv=fail")
        self.fails(ended, "set 2 found the chain broken")

    def test_seal_with_h(self):
        """A seal has no h= (RFC 8617 §4.1.3)."""
        message = chain(1).replace(b"cv=none;", b"cv=none; h=from;")
        self.fails(message, "has h=")

    def test_seal_of_another_key(self):
        """A seal verifies with its own domain's key alone."""
        message = chain(2)
        self.fails(
            message.replace(b"d=sealer1.test", b"d=sealer3.test"), "seal 1|match"
        )

    def test_results_changed(self):
        """What a custodian saw cannot be changed by a later one."""
        message = chain(2).replace(
            b"i=1; mx.sealer1.test;\r\n\tdmarc=pass",
            b"i=1; mx.sealer1.test;\r\n\tdmarc=fail",
        )
        self.fails(message, "seal 1: the signature does not match")

    def test_body_changed(self):
        """The newest message signature covers the body."""
        self.fails(chain(2) + b"more\r\n", "message signature 2: the body was changed")

    def test_header_changed(self):
        """And the header."""
        message = chain(1).replace(b"Subject: ", b"Subject: No! ")
        self.fails(message, "message signature 1: the signature does not match")

    def test_second_from(self):
        """A From put on top fails the chain, as it would fail a signature."""
        self.fails(b"From: boss@victim.test\r\n" + chain(1), "From|from|match")

    def test_older_signature_broken(self):
        """A forwarder that changes the message and seals: passes, from there on."""
        message = sealed(chain(2) + b"-- \r\nfooter\r\n", THREE, "pass")
        found = validated(message)
        self.assertEqual(found.result, Result.PASS, found.reason)
        self.assertEqual(found.oldest, 3)

    def test_message_signature_without_from(self):
        """From must be signed."""
        message = chain(1, seal=sealed_by_dkimpy)
        self.fails(message.replace(b"h=from :", b"h=x-from :"), "From")

    def test_message_signature_covers_arc(self):
        """ARC fields must not be signed by a message signature (§4.1.2)."""
        message = chain(1).replace(b"h=from:", b"h=arc-seal:from:")
        self.fails(message, "names arc-seal")

    def test_partial_body(self):
        """l= that leaves octets out fails: they could be anybody's."""
        message = chain(1).replace(b"bh=", b"l=5; bh=")
        self.fails(message, "l= is not the length")

    def test_no_key(self):
        """All failures are for good, DNS failures too (§5.2.1)."""
        name = chains.key(ONE).name
        known = {k: v for k, v in chains.zone().items() if k != name}
        self.fails(chain(2), "no key", table=chains.Table(text=known))
        broken = chains.resolver(broken=frozenset({name}))
        self.fails(chain(2), "DNS gave no answer", table=broken)

    def test_weak_algorithms(self):
        """SHA-1 proves nothing."""
        self.fails(chain(1).replace(b"a=rsa-sha256", b"a=rsa-sha1"), "sha1")

    def test_garbage(self):
        """Fields of ARC that are none fail the chain, and raise nothing."""
        for field in (b"ARC-Seal: \r\n", b"ARC-Seal: i=1;;;\r\n", b"ARC-Seal:\xff\r\n"):
            self.fails(field + MESSAGE, ".")

    def test_bare_newlines(self):
        """A header that readers cut differently fails."""
        self.fails(chain(1).replace(b"To: ", b"To: a\nb "), "bare")


class TrustTests(SynchronousTestCase):
    """Whose word counts."""

    def test_newest_trusted(self):
        """The newest trusted sealer is named, and what the oldest of a run saw."""
        message = sealed(MESSAGE, ONE, "none", results="dmarc=fail")
        message = sealed(message, TWO, "pass", results="dmarc=pass; spf=neutral")
        message = sealed(message, THREE, "pass", results="dmarc=fail")
        found = validated(message, trusted=(TWO, THREE))
        self.assertEqual(found.trusted, THREE)
        self.assertEqual(
            found.claims, "mx.sealer2.test; dmarc=pass; spf=neutral; arc=pass"
        )

    def test_untrusted_after_trusted(self):
        """Who sealed last must be trusted: it may have changed what it sealed."""
        message = sealed(sealed(MESSAGE, ONE, "none") + b"spam\r\n", TWO, "pass")
        found = validated(message, trusted=(ONE,))
        self.assertEqual(found.result, Result.PASS, found.reason)
        self.assertEqual((found.trusted, found.claims), ("", ""))

    def test_suffix(self):
        """A leading dot trusts all below; without it, one name."""
        message = chain(1)
        self.assertEqual(validated(message, trusted=(".test",)).trusted, ONE)
        self.assertEqual(validated(message, trusted=("test",)).trusted, "")
        self.assertEqual(validated(message, trusted=("SEALER1.test",)).trusted, ONE)


class SealTests(SynchronousTestCase):
    """When we seal, and when not."""

    def test_failed_chain(self):
        """A broken chain is sealed once with cv=fail, over our own set alone."""
        broken = chain(2) + b"footer\r\n"
        message = sealed(broken, THREE, "fail")
        self.assertIn(b"cv=fail", message)
        self.assertIn(b"ARC-Seal: i=3;", message)
        found = validated(message)
        self.assertEqual(found.result, Result.FAIL)
        self.assertIn("cv=fail", found.reason)
        self.assertEqual(sealed(message, ONE, "fail"), message)

    def test_contradiction(self):
        """What our results say of the chain must be so, else there is no seal."""
        self.assertEqual(sealed(chain(1), TWO, "none"), chain(1))
        self.assertEqual(sealed(MESSAGE, TWO, "pass"), MESSAGE)
        self.assertEqual(sealed(MESSAGE, TWO, "fail"), MESSAGE)
        self.assertEqual(sealed(MESSAGE, TWO, "temperror"), MESSAGE)

    def test_no_injection(self):
        """Whatever a result says, it stays in its field."""
        odd = r'spf=fail reason="a\";\\ X-Evil: (yes" smtp.helo="\(x"'
        message = sealed(MESSAGE, ONE, "none", results=odd)
        self.assertEqual(validated(message).result, Result.PASS)
        self.assertNotIn(b"\r\nX-Evil", message)

    def test_time(self):
        """A message signature from the far future fails."""
        message = sealed(MESSAGE, ONE, "none", at=NOW + 1e6)
        self.assertEqual(validated(message).result, Result.FAIL)

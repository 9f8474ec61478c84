"""What we sign: which fields, how it looks, and with which keys."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth.dkim import headers, sign
from mailsuite.mailauth.dkim.sign import Names
from mailsuite.model.errors import UsageError
from mailsuite.model.proofs import Result
from tests.support.dkim import (
    NOW,
    PLAIN,
    ed25519_pair,
    rsa_pair,
    signed,
    verified,
    zone,
)


def field(octets):
    """The first field of a message, unfolded."""
    return headers.read(headers.split(octets)[0]).fields[0].replace(b"\r\n", b"")


class FieldTests(SynchronousTestCase):
    """The DKIM-Signature field."""

    def test_lines(self):
        """No line is longer than 78 octets, and folds begin with white space."""
        octets = signed(PLAIN, rsa_pair(), ed25519_pair())
        for line in octets[: -len(PLAIN)].split(b"\r\n"):
            self.assertLessEqual(len(line), 78)
            self.assertRegex(line, rb"\A(DKIM-Signature: |\t|\Z)")

    def test_order(self):
        """The signatures stand before the message, in the order of the keys."""
        octets = signed(PLAIN, rsa_pair(), ed25519_pair())
        first, second = verified(octets, zone(rsa_pair(), ed25519_pair()))
        self.assertEqual((first.selector, second.selector), ("r", "e"))
        self.assertTrue(octets.endswith(PLAIN))

    def test_times(self):
        """t= is always there, x= if a time is given."""
        self.assertIn(b"t=%d;" % NOW, signed(PLAIN, rsa_pair()))
        self.assertNotIn(b"x=", field(signed(PLAIN, rsa_pair())).partition(b"b=")[0])
        octets = signed(PLAIN, rsa_pair(), seconds=3600)
        self.assertIn(b"x=%d;" % (NOW + 3600), octets)
        (one,) = verified(octets, zone(rsa_pair()), NOW + 3000)
        self.assertIs(one.result, Result.PASS)
        (one,) = verified(octets, zone(rsa_pair()), NOW + 5000)
        self.assertIs(one.result, Result.POLICY)

    def test_tags(self):
        """The tags say what RFC 6376 recommends, and no length."""
        octets = field(signed(PLAIN, rsa_pair()))
        for tag in (b"v=1;", b"a=rsa-sha256;", b"c=relaxed/relaxed;", b"q=dns/txt;"):
            self.assertIn(tag, octets)
        self.assertNotIn(b" l=", octets)


class NameTests(SynchronousTestCase):
    """Which fields are signed."""

    def names(self, header, names=sign.NAMES):
        return sign.covered(headers.read(header), names)

    def test_each(self):
        """Fields are named as often as they stand, and once more."""
        listed = self.names(b"From: a\r\nSubject: b\r\nsubject: c\r\nX-Y: z\r\n")
        self.assertEqual(listed.count(b"from"), 2)
        self.assertEqual(listed.count(b"subject"), 3)
        self.assertEqual(listed.count(b"cc"), 1)
        self.assertNotIn(b"x-y", listed)

    def test_present(self):
        """Some are named only as often as they stand."""
        listed = self.names(b"From: a\r\nList-Unsubscribe: <b>\r\n")
        self.assertEqual(listed.count(b"list-unsubscribe"), 1)
        self.assertNotIn(b"sender", listed)

    def test_given(self):
        """Operators may name others."""
        listed = self.names(b"From: a\r\nX-Y: z\r\n", Names((b"from",), (b"x-y",)))
        self.assertEqual(listed, [b"from", b"x-y", b"from"])

    def test_added_by_lists(self):
        """What lists add without changing the rest keeps the signature whole."""
        octets = signed(PLAIN, rsa_pair())
        added = (
            b"Received: from a by b; Fri, 11 Jul 2003 21:00:37 -0700\r\n"
            b"Sender: list@example.net\r\nList-Id: <l.example.net>\r\n"
        )
        (one,) = verified(added + octets, zone(rsa_pair()))
        self.assertIs(one.result, Result.PASS)

    def test_not_signed(self):
        """Without a From, or with a header nobody should answer for: nothing."""
        for header in (
            b"To: a\r\n",
            b"From: a\nTo: b\r\n",
            b"From: a\r\nhello\r\n",
            b"",
        ):
            made = sign.sign(header, b"", [rsa_pair().signer], NOW)
            self.assertEqual(made, b"")


class KeyTests(SynchronousTestCase):
    """Private keys."""

    def refused(self, **changes):
        key = evolve(rsa_pair().signing, **changes)
        self.assertRaises(UsageError, sign.signer, key)

    def test_wrong(self):
        """What is no key, or one for another algorithm, is told to the operator."""
        self.refused(private=b"no key")
        self.refused(private=b"")
        self.refused(private=ed25519_pair().pem)
        self.refused(algorithm="ed25519-sha256")
        self.refused(algorithm="rsa-sha1")

    def test_secret(self):
        """A signer shown in a log shows no key."""
        self.assertNotIn("PRIVATE", repr(rsa_pair().signing))
        self.assertNotIn("private", repr(rsa_pair().signer))

    def test_no_keys(self):
        """Without keys there are no signatures."""
        self.assertEqual(sign.sign(b"From: a\r\n", b"", [], NOW), b"")

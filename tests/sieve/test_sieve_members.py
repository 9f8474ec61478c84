"""Lists as files and annotations write them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.members import ENTRY, LIST_OCTETS, entry, read

LIST = """\ufeff# friends
bob@example.org
 Ann@Example.ORG\r
ann@example.org

*@partner.test
*@*.deep.test
Grüße@müller.test
not an address
"""


class MembersTests(SynchronousTestCase):
    def setUp(self):
        self.list = read(LIST.encode())

    def test_entries(self):
        """Addresses in any case, once each; comments and empty lines are none."""
        self.assertEqual(
            self.list.addresses,
            (
                *("bob@example.org", "Ann@Example.ORG", "ann@example.org"),
                *("Grüße@müller.test", "not an address"),
            ),
        )
        self.assertEqual(len(self.list), 6)
        for value in ("BOB@example.org", " ann@EXAMPLE.org ", "grüSSe@MÜLLER.test"):
            self.assertTrue(self.list.holds(value), value)
        for value in ("# friends", "", "eve@example.org", "bob@example.orgx"):
            self.assertFalse(self.list.holds(value), value)

    def test_long_domain(self):
        """No domain is that long: it is in no list, and its parts cost nothing."""
        self.assertTrue(self.list.holds("a@" + "b." * 120 + "deep.test"))
        self.assertFalse(self.list.holds("a@" + "b." * 130 + "deep.test"))
        self.assertFalse(self.list.holds("a@" + "." * 1_000_000))

    def test_domains(self):
        """``*@`` is a domain, ``*@*.`` all below it and not it."""
        for value in ("x@partner.test", '"a@b"@PARTNER.test', "x@a.b.deep.test"):
            self.assertTrue(self.list.holds(value), value)
        for value in (
            "partner.test",
            "x@a.partner.test",
            "x@deep.test",
            "x@adeep.test",
        ):
            self.assertFalse(self.list.holds(value), value)

    def test_own(self):
        """Names of address books are the account's own lists, in any case."""
        book = "urn:ietf:params:sieve:addrbook:"
        self.assertEqual(entry(book + "default"), ENTRY + "default")
        self.assertEqual(entry(book.upper() + "Friends"), ENTRY + "friends")
        for name in ("tag:example.org,2026:x", "urn:ietf:params:sieve:other", ""):
            self.assertIsNone(entry(name))

    def test_long(self):
        """What is beyond the limit of a list is not read."""
        octets = b"".join(b"user%d@example.org\n" % n for n in range(20_000))
        found = read(octets)
        self.assertLessEqual(len(found), LIST_OCTETS // 15)
        self.assertTrue(found.holds("user1000@example.org"))
        self.assertFalse(found.holds("user19999@example.org"))

    @given(st.binary(max_size=200), st.text(max_size=50))
    def test_any(self, octets, value):
        """Any octets are a list."""
        self.assertIn(read(octets).holds(value), {True, False})

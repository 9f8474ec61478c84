"""Values: equal by what they hold, and made without a guard around each field."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.interfaces.journal import Position
from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob
from mailsuite.model.ids import BlobKey


class TestValue(SynchronousTestCase):
    """What is made for every message."""

    def test_equal(self):
        """Values with equal fields are equal and one key of a dict."""
        known = {Address("a", "X.test"): 1}
        self.assertEqual(known[Address("a", "x.test")], 1)
        self.assertNotEqual(Address("a", "x.test"), Address("b", "x.test"))

    def test_order(self):
        """A value that has an order is compared field by field."""
        self.assertLess(Position(0, 1, 99), Position(0, 2, 0))

    def test_small(self):
        """It has its fields and nothing else; a changed copy is another value."""
        blob = Blob(BlobKey("k"), 3, b"abc")
        self.assertFalse(hasattr(blob, "__dict__"))
        self.assertEqual(evolve(blob, octets=None).octets, None)
        self.assertEqual(blob.octets, b"abc")

    def test_unguarded(self):
        """Making one goes through no ``__setattr__`` of its own: mypy forbids changes."""
        self.assertIs(Blob.__setattr__, object.__setattr__)

"""What scripts may ask for, out of the settings of several rooms."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.directory.settings import Settings as Directory
from mailsuite.house import sieves
from mailsuite.house.tree import Tree
from mailsuite.mime.addresses import Mailbox
from mailsuite.sieve.settings import Sieve


class VocabularyTests(SynchronousTestCase):
    def detail(self, local, **directory):
        words = sieves.vocabulary(Tree(directory=Directory(**directory)), users=True)
        return words.parts["detail"](Mailbox("", local, "example.test"))

    def test_delimiter(self):
        """Details begin where the directory says that they do (RFC 5233)."""
        self.assertEqual(self.detail("ann+x"), "x")
        self.assertEqual(self.detail("ann-x", delimiter="-"), "x")
        self.assertIsNone(self.detail("ann+x", delimiter="-"))
        self.assertIsNone(self.detail("ann+x", delimiter=""))
        self.assertIsNone(self.detail("+a+b"))

    def test_programs(self):
        """The operator's scripts run programs if there are any, users' if allowed."""
        for settings, operator, users in (
            (Sieve(), False, False),
            (Sieve(programs="bin"), True, False),
            (Sieve(programs="bin", programs_for_users=True), True, True),
        ):
            tree = Tree(sieve=settings)
            for who, expected in ((False, operator), (True, users)):
                words = sieves.vocabulary(tree, users=who)
                self.assertEqual("vnd.dovecot.pipe" in words.capabilities, expected)

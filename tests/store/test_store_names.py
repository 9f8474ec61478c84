"""Names of mailboxes and accounts as directories."""

import os

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.interfaces.mailboxes import BadName
from mailsuite.store import names

LEVEL = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\u2028\u2029"),
    min_size=1,
    max_size=20,
)
NAME = st.lists(LEVEL, min_size=1, max_size=4).map("/".join)


class MailboxNameTests(SynchronousTestCase):
    """``.Level.Level`` and back."""

    @given(NAME)
    def test_reversible(self, name):
        """Every name that is allowed comes back from its directory."""
        try:
            name = names.checked(name)
        except BadName:
            assume(False)
        assume(name != "INBOX")
        entry = names.directory(name)
        self.assertEqual(names.mailbox_of(entry), name)
        self.assertNotIn("/", entry)
        self.assertNotIn(entry, {"..", ".", ""})
        self.assertTrue(entry.startswith(".") and entry.isascii())

    @given(NAME, NAME)
    def test_no_collision(self, one, two):
        """Two names never share a directory."""
        assume(one != two and "INBOX" not in {one, two})
        self.assertNotEqual(names.directory(one), names.directory(two))

    def test_as_others_do(self):
        """Modified UTF-7, with the separators of Maildir++ shifted too."""
        self.assertEqual(names.directory("Entwürfe"), ".Entw&APw-rfe")
        self.assertEqual(names.directory("a&b/c.d"), ".a&-b.c&AC4-d")
        self.assertEqual(names.directory("INBOX/x"), ".INBOX.x")
        self.assertEqual(names.directory("INBOX"), "")
        self.assertEqual(
            names.directory("~peter/台北/日本語"), ".&AH4-peter.&U,BTFw-.&ZeVnLIqe-"
        )

    def test_of_strangers(self):
        """What is no encoding of ours is still some name, or none."""
        self.assertEqual(names.mailbox_of(".Lists.twisted"), "Lists/twisted")
        self.assertEqual(names.mailbox_of(".a&b"), "a&b")
        for entry in ("..", ".", "x", ".a..b", ".INBOX", ".inbox", "..x"):
            self.assertIsNone(names.mailbox_of(entry), entry)

    def test_inbox(self):
        """INBOX is itself in any case, and as first level."""
        self.assertEqual(names.checked("inBox"), "INBOX")
        self.assertEqual(names.checked("inbox/A"), "INBOX/A")
        self.assertEqual(names.checked("inboxes"), "inboxes")

    def test_too_deep(self):
        """Levels are bounded."""
        with self.assertRaises(BadName):
            names.checked("/".join("x" * (names.LEVELS + 1)))


class AccountNameTests(SynchronousTestCase):
    """Local parts and domains."""

    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
    def test_stays_below(self, part):
        """An escaped part is one level that leads nowhere else, and reversible."""
        try:
            level = names.escape(part)
        except BadName:
            assume(False)
        self.assertEqual(
            os.path.normpath(os.path.join("/data", level)), f"/data/{level}"
        )
        self.assertEqual(os.path.dirname(os.path.join("/data", level)), "/data")
        self.assertNotIn("\x00", level)
        self.assertEqual(names.unescape(level), part)

    def test_plain(self):
        """Ordinary names stay readable."""
        self.assertEqual(names.escape("joe.user+x"), "joe.user+x")
        self.assertEqual(names.escape(".."), "%2E.")
        self.assertEqual(names.escape("a/../b"), "a%2F..%2Fb")

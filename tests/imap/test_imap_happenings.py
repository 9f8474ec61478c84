"""What sessions tell those who run scripts at IMAP events (RFC 6785 §2.2)."""

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailsuite.interfaces.happenings import IHappenings
from mailsuite.model.flags import DELETED, FLAGGED, SEEN
from tests.support.imap_world import Talk

SMALL = b"From: Zoe <zoe@example.net>\r\nSubject: small\r\n\r\nnothing here\r\n"


@implementer(IHappenings)
class Told:
    """Keeps what it hears; ``waiting`` holds those up that let messages go."""

    def __init__(self):
        self.heard, self.waiting, self.wanted = [], None, True

    async def awaited(self, account, mailbox):
        return self.wanted

    async def happened(self, account, what):
        for one in what:
            known = None if one.flags is None else set(one.flags)
            row = (one.cause, one.user, list(one.uids), known, set(one.changed))
            self.heard.append((*row, one.source))

    async def settled(self, account, mailbox):
        if self.waiting is not None:
            await self.waiting


class HappeningTests(SynchronousTestCase):
    def setUp(self):
        self.talk = Talk()
        self.told = Told()
        self.talk.ground = evolve(
            self.talk.ground, happenings=self.told, sieve="sieve://mx.example"
        )
        self.box = self.talk.world.box("INBOX")
        self.box.add(SMALL, {SEEN})
        self.box.add(SMALL, ())
        self.box.add(SMALL, {DELETED, "$Junk"})
        self.other = self.talk.world.make("Other")
        self.client = self.talk.login(b"INBOX")

    def heard(self):
        heard, self.told.heard = self.told.heard, []
        return heard

    def test_capability(self):
        """It names the ManageSieve server, before and after login (§2.1, §5)."""
        said = self.client.say(b"t CAPABILITY\r\n")
        self.assertIn(b" IMAPSIEVE=sieve://mx.example", said)
        said = self.talk.connect().say(b"t CAPABILITY\r\n")
        self.assertIn(b" IMAPSIEVE=sieve://mx.example", said)

    def test_append(self):
        """APPEND tells of the new message (§2.2.1)."""
        said = self.client.say(b"t APPEND Other (\\Seen) {9+}\r\nA: b\r\n\r\nc\r\n")
        self.assertIn(b"t OK", said)
        self.assertEqual(self.heard(), [("APPEND", "mrose", [1], None, set(), "")])

    def test_copy_and_move(self):
        """COPY tells of the copies, and so does MOVE (§2.2.2, RFC 6851 §4.5)."""
        for command in (b"COPY", b"MOVE"):
            said = self.client.say(b"t %b 1:2 Other\r\n" % command)
            self.assertIn(b"t OK", said)
            ((*what, source),) = self.heard()
            self.assertEqual(what[0], "COPY")
            self.assertEqual(len(what[2]), 2)
            self.assertEqual(source, "INBOX")

    def test_store(self):
        """STORE tells which flags changed, and what they are now (§2.2.3)."""
        said = self.client.say(b"t STORE 1:3 +FLAGS (\\Flagged \\Seen)\r\n")
        self.assertIn(b"t OK", said)
        heard = sorted(self.heard(), key=lambda one: one[2])
        now = {SEEN, FLAGGED}
        self.assertEqual(
            heard,
            [
                ("FLAG", "mrose", [1], now, {FLAGGED}, ""),
                ("FLAG", "mrose", [2], now, now, ""),
                ("FLAG", "mrose", [3], {DELETED, "$Junk", *now}, now, ""),
            ],
        )

    def test_store_silent(self):
        """Also where the client wants to hear nothing of it."""
        self.client.say(b"t STORE 3 FLAGS.SILENT (\\Deleted)\r\n")
        self.assertEqual(
            self.heard(), [("FLAG", "mrose", [3], {DELETED}, {"$Junk"}, "")]
        )

    def test_nothing_changed(self):
        """Flags that were there already are no event."""
        self.client.say(b"t STORE 1 +FLAGS (\\Seen)\r\n")
        self.assertEqual(self.heard(), [])

    def test_fetch(self):
        r"""FETCH that sets \Seen is one (§2.2.3), with PEEK it is none."""
        self.client.say(b"t FETCH 1:2 BODY.PEEK[]\r\n")
        self.assertEqual(self.heard(), [])
        self.client.say(b"t FETCH 1:2 BODY[]\r\n")
        self.assertEqual(self.heard(), [("FLAG", "mrose", [2], {SEEN}, {SEEN}, "")])

    def test_not_wanted(self):
        """Where no script can run nothing is worked out."""
        self.told.wanted = False
        self.client.say(b"t STORE 1:3 +FLAGS (\\Flagged)\r\n")
        self.client.say(b"t COPY 1:3 Other\r\n")
        self.assertEqual(self.heard(), [])

    def test_expunge_waits(self):
        """Messages go when scripts are done with them."""
        for command in (
            *(b"EXPUNGE", b"UID EXPUNGE 1:*", b"CLOSE", b"MOVE 1 Other"),
            *(b"DELETE Other", b"RENAME INBOX Old"),
        ):
            self.told.waiting = Deferred()
            self.client.say(b"a SELECT INBOX\r\n")
            said = self.client.say(b"t %b\r\n" % command)
            self.assertEqual(said, b"")
            self.told.waiting.callback(None)
            said = self.client.hear()
            self.assertIn(b"t OK", said)

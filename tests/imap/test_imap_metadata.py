"""Annotations and ids by IMAP (RFC 5464, RFC 8474), over the store in memory."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.store import memory
from tests.support.imap import play, play_at_once
from tests.support.imap_world import NOW, Talk

COMMENT = b"/shared/comment"


def annotated(**settings):
    """A talk whose account is in the memory store."""
    talk = Talk(**settings)
    talk.world.postmaster = "post master@example.test"
    accounts = memory.Accounts.of(talk.clock, lambda: NOW, talk.world)
    talk.ground = evolve(talk.ground, accounts=accounts)
    return talk


class MetadataTests(SynchronousTestCase):
    def setUp(self):
        self.talk = annotated(bad_commands=100)
        self.client = self.talk.login()

    def set(self, *pairs, mailbox=b"INBOX"):
        _, said = self.client.ask(b"SETMETADATA %b (%b)" % (mailbox, b" ".join(pairs)))
        return said

    def test_rfc(self):
        """The examples of RFC 5464, and more dialogue."""
        play(self, "rfc5464.txt", self.talk.connect().say)

    def test_rfc_at_once(self):
        """The same, all commands sent before the first answer."""
        play_at_once(self, "rfc5464.txt", self.talk.connect().say)

    def test_rfc_octets(self):
        """The same, octet by octet."""
        client = self.talk.connect()

        def say(octets):
            return b"".join([client.say(octets[n : n + 1]) for n in range(len(octets))])

        play(self, "rfc5464.txt", say)

    def test_before_login(self):
        """Neither command is for those who did not log in."""
        client = self.talk.connect()
        for command in (b"GETMETADATA", b"SETMETADATA"):
            _, said = client.ask(command + b' "" (/shared/comment NIL)')
            self.assertEqual(said, b"BAD Not while not authenticated")

    def test_too_many(self):
        """TOOMANY (RFC 5464 §4.3): the limit of a mailbox; nothing was set."""
        for start in range(0, 100, 50):
            pairs = [b'/shared/%d "x"' % n for n in range(start, start + 50)]
            self.assertEqual(self.set(*pairs), b"OK Done")
        said = self.set(b'/shared/1 "y"', b'/private/comment "My new comment"')
        self.assertTrue(said.startswith(b"NO [METADATA TOOMANY] "), said)
        found, _ = self.client.ask(b"GETMETADATA INBOX (/shared/1 /private/comment)")
        wanted = b'* METADATA INBOX (/shared/1 "x" /private/comment NIL)'
        self.assertEqual(found, [wanted])
        self.assertEqual(self.set(b'/shared/1 "y"'), b"OK Done")

    def test_too_long(self):
        """MAXSIZE (§4.3), whether the value came or was only announced."""
        self.assertEqual(
            self.set(b"/shared/a {65537+}\r\n%b" % bytes(65_537).replace(b"\0", b"x")),
            b"NO [METADATA MAXSIZE 65536] Too long",
        )
        said = self.client.say(b"x SETMETADATA INBOX (/shared/a {131073}\r\n")
        self.assertEqual(said, b"x NO [METADATA MAXSIZE 65536] Too long\r\n")
        _, said = self.client.ask(b"NOOP")
        self.assertEqual(said, b"OK Done")
        said = self.client.say(b"x SETMETADATA INBOX (/shared/a {9999999999+}\r\n")
        self.assertTrue(said.startswith(b"x NO [METADATA MAXSIZE 65536] "), said)
        self.assertTrue(self.client.closed)

    def test_much_at_once(self):
        """Values that each fit and together do not fit in one command."""
        long = b"{60000+}\r\n" + b"x" * 60_000
        command = b"x SETMETADATA INBOX (/shared/a %b /shared/b %b" % (long, long)
        said = self.client.say(command + b" /shared/c {60000}\r\n")
        self.assertEqual(said, b"x NO [LIMIT] Too much for one command\r\n")
        self.assertEqual(
            self.set(b"/shared/a " + long, b"/shared/b " + long), b"OK Done"
        )
        found = self.client.say(b"t GETMETADATA INBOX (DEPTH 1) (/shared)\r\n")
        self.assertEqual(found.count(b"* METADATA INBOX (/shared/"), 1)
        self.assertEqual(found.count(b"x" * 60_000), 2)

    def test_octets(self):
        """Any octets are kept; NUL comes and goes as a literal8 only."""
        every = bytes(range(256))
        self.assertEqual(self.set(b"/private/x ~{256+}\r\n" + every), b"OK Done")
        said = self.client.say(b"t GETMETADATA INBOX /private/x\r\n")
        wanted = b"* METADATA INBOX (/private/x ~{256}\r\n%b)\r\nt OK Done\r\n"
        self.assertEqual(said, wanted % every)
        said = self.set(b"/private/x {3+}\r\na\0b")
        self.assertEqual(said, b"BAD NUL in a literal")
        said = self.set(b"/private/x{3+}\r\na~b", b"/private/y ~x")
        self.assertTrue(said.startswith(b"BAD "), said)
        said = self.client.say(b"x LOGIN ~{3+}\r\na\0b ~{3+}\r\nc\0d\r\n")
        self.assertTrue(said.startswith(b"x BAD "), said)

    def test_empty(self):
        """The empty string is a value; NIL is none."""
        self.assertEqual(self.set(b'/private/x ""'), b"OK Done")
        found, _ = self.client.ask(b"GETMETADATA INBOX (/private/x /private/y)")
        self.assertEqual(found, [b'* METADATA INBOX (/private/x "" /private/y NIL)'])

    def test_bounds(self):
        """So many entries and options in a command, and no more."""
        names = b" ".join(b"/shared/%d" % n for n in range(101))
        _, said = self.client.ask(b"GETMETADATA INBOX (%b)" % names)
        self.assertEqual(said, b"BAD Too many entries")
        _, said = self.client.ask(b"GETMETADATA INBOX %b" % names)
        self.assertEqual(said, b"BAD Too many entries")
        said = self.set(*(b"/shared/%d NIL" % n for n in range(101)))
        self.assertEqual(said, b"BAD Too many entries")
        options = b" ".join([b"DEPTH 1"] * 11)
        _, said = self.client.ask(b"GETMETADATA (%b) INBOX /shared/a" % options)
        self.assertEqual(said, b"BAD Too many options")
        _, said = self.client.ask(b"GETMETADATA INBOX /shared/" + b"x" * 248)
        self.assertTrue(said.startswith(b"BAD An entry's name has at most"), said)
        _, said = self.client.ask(b"GETMETADATA INBOX /shared" + b"/x" * 20)
        self.assertTrue(said.startswith(b"BAD An entry's name is levels"), said)

    def test_same_again(self):
        """An entry asked for again and again is told once."""
        _ = self.set(b'/shared/comment "x"')
        many = b" ".join([b"/shared/comment"] * 90)
        found, _ = self.client.ask(b"GETMETADATA (DEPTH infinity) INBOX (%b)" % many)
        self.assertEqual(found, [b'* METADATA INBOX (/shared/comment "x")'])


class ObjectTests(SynchronousTestCase):
    """Ids of mailboxes and messages (RFC 8474)."""

    def setUp(self):
        self.talk = annotated(bad_commands=100)
        self.client = self.talk.login()

    def test_dialogue(self):
        """CREATE, SELECT, STATUS, COPY, FETCH and SEARCH tell ids and find by them."""
        play(self, "rfc8474.txt", self.talk.connect().say)

    def test_mailboxes(self):
        """§4: all commands tell one id, the same after a rename."""
        _, said = self.client.ask(b"CREATE foo")
        told = said.partition(b"(")[2].partition(b")")[0]
        self.assertEqual(said, b"OK [MAILBOXID (%b)] Done" % told)
        for command in (b"SELECT", b"EXAMINE"):
            found, _ = self.client.ask(command + b" foo")
            self.assertIn(b"* OK [MAILBOXID (%b)] Id" % told, found)
        _, said = self.client.ask(b"RENAME foo renamed")
        found, _ = self.client.ask(b"STATUS renamed (messages mailboxid)")
        wanted = b'* STATUS "renamed" (MESSAGES 0 MAILBOXID (%b))' % told
        self.assertEqual(found, [wanted])
        _, said = self.client.ask(b"CREATE foo")
        self.assertNotIn(told, said)

    def test_search_refused(self):
        """An id has 1 to 255 letters, digits, - and _."""
        _ = self.client.ask(b"SELECT INBOX")
        for text in (b"a/b", b"a" * 256, b'"M1"', b""):
            _, said = self.client.ask(b"SEARCH EMAILID " + text)
            self.assertTrue(said.startswith(b"BAD "), text)


class OthersTests(SynchronousTestCase):
    """Sessions that enabled METADATA hear of others' changes (RFC 5464 §4.4)."""

    def setUp(self):
        self.talk = annotated()
        self.client, self.other = self.talk.login(), self.talk.login()

    def enable(self):
        found, said = self.client.ask(b"ENABLE METADATA X-NONE")
        self.assertEqual((found, said), ([b"* ENABLED METADATA"], b"OK Done"))

    def change(self, mailbox, *entries):
        pairs = b" ".join(entry + b' "x"' for entry in entries)
        _, said = self.other.ask(b"SETMETADATA %b (%b)" % (mailbox, pairs))
        self.assertEqual(said, b"OK Done")

    def test_noop(self):
        """At the next command: names only, once."""
        self.enable()
        self.change(b'""', COMMENT)
        self.assertEqual(self.client.hear(1), b"")
        found, _ = self.client.ask(b"NOOP")
        self.assertEqual(found, [b'* METADATA "" /shared/comment'])
        self.change(b'"INBOX"', COMMENT, b"/private/comment")
        self.change(b'"INBOX"', COMMENT)
        found, _ = self.client.ask(b"NOOP")
        self.assertEqual(found, [b"* METADATA INBOX /shared/comment /private/comment"])
        self.assertEqual(self.client.ask(b"NOOP")[0], [])

    def test_not_enabled(self):
        """Nobody hears who did not ask, nor who made the change."""
        self.change(b"INBOX", COMMENT)
        self.assertEqual(self.client.ask(b"NOOP")[0], [])
        self.enable()
        _ = self.client.ask(b'SETMETADATA INBOX (/shared/comment "y")')
        self.assertEqual(self.client.ask(b"NOOP")[0], [])

    def test_refused(self):
        """A change that was refused is none."""
        self.enable()
        _ = self.other.ask(b'SETMETADATA Nowhere (/shared/comment "y")')
        self.assertEqual(self.client.ask(b"NOOP")[0], [])

    def test_idle(self):
        """In IDLE at once, with and without a selected mailbox."""
        for command in (b"NOOP", b"SELECT INBOX"):
            self.enable() if command == b"NOOP" else None
            _ = self.client.ask(command)
            self.assertTrue(self.client.say(b"i IDLE\r\n").startswith(b"+ "))
            _ = self.client.hear(1)
            self.change(b"Sent", COMMENT)
            said = self.client.hear()
            self.assertEqual(said, b'* METADATA "Sent" /shared/comment\r\n')
            self.assertEqual(self.client.say(b"DONE\r\n"), b"i OK Done\r\n")

    def test_gone(self):
        """A session that ended is forgotten."""
        self.enable()
        self.client.lose()
        self.change(b"INBOX", COMMENT)
        tidings = self.talk.ground.tidings
        self.assertEqual(tidings._listening, {})

    def test_bounded(self):
        """One who never asks holds a bounded number of names."""
        self.enable()
        for mailbox in range(60):
            names = [f"/shared/{n}" for n in range(100)]
            for talk in self.talk.ground.tidings._listening.values():
                for heard in talk.values():
                    heard.add(f"box{mailbox}", names)
        found, _ = self.client.ask(b"NOOP")
        self.assertEqual(sum(line.count(b"/shared/") for line in found), 5_000)

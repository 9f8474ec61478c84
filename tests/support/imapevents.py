"""IMAP events in tests: a memory queue, mailboxes in memory, nothing on threads."""

from twisted.internet.defer import Deferred as Pending
from twisted.internet.task import Clock

from mailsuite.delivery.attending import Attending
from mailsuite.delivery.ground import Rule, System
from mailsuite.delivery.happenings import ENTRY, Happenings
from mailsuite.delivery.occasions import TRANSPORT, Routing
from mailsuite.interfaces.happenings import Happening
from mailsuite.model.changes import Draft
from mailsuite.model.envelope import Blob
from mailsuite.queue.memory import MemoryQueue
from mailsuite.sieve.extensions.imapsieve import CAUSES
from mailsuite.sieve.settings import Sieve
from tests.support.filing import USER, FilingCase, named

OCTETS = (
    b"Return-Path: <coyote@desert.example.org>\r\n"
    b"From: coyote@desert.example.org\r\n"
    b"To: user@example.test\r\n"
    b"Subject: anvil\r\n"
    b"Message-ID: <1@desert.example.org>\r\n"
    b"\r\n"
    b"An anvil.\r\n"
)


class Ways:
    """Everything is for us, but for one domain."""

    async def transports(self, addresses):
        return [
            "relay" if one.domain == "far.example" else "local" for one in addresses
        ]


class Far:
    """A transport that keeps what it is given."""

    def __init__(self):
        self.leases = []

    async def deliver(self, lease, settle):
        self.leases.append(lease)


class EventCase(FilingCase):
    """One user whose mailboxes have scripts; ``event`` tells of what was done."""

    settings = Sieve()

    def setUp(self):
        super().setUp()
        self.far = Far()
        self.ways = {"local": self.local, "relay": self.far}
        self.queue = MemoryQueue(Routing(Ways()), self.ways)
        self.clock = Clock()
        self.happenings = Happenings(self.clock, self.queue, self.filing, "t")
        self.ended = []
        self.ways[TRANSPORT] = self.transport = Attending(
            self.filing, self.accounts, self.queue.renew, self.happenings.ended
        )
        self.account = self.done(self.accounts.open(USER))

    def annotate(self, script, mailbox="INBOX"):
        """Let a mailbox, or with an empty name the account, have a script."""
        value = None if script is None else script.encode()
        self.done(self.account.annotate(mailbox, {ENTRY: value}))

    def put(self, text, name="events", mailbox="INBOX"):
        """Keep a script that is not active, and let a mailbox have it."""
        self.done(self.scripts.put(USER, name, text.encode()))
        self.annotate(name, mailbox)

    def rules(self, *rows):
        """Scripts of the operator: (source, mailbox, text), for every cause."""
        rules = [
            Rule(source, mailbox, frozenset(CAUSES), (named(text, f"rule{n}"),))
            for n, (source, mailbox, text) in enumerate(rows)
        ]
        self.filing.system = System(rules=tuple(rules))

    def store(self, mailbox="INBOX", flags=(), octets=OCTETS, date=1e8):
        """Store a message; gives its UID."""
        draft = Draft(Blob("k", len(octets), octets), frozenset(flags), date)
        return self.done(self.account.append(mailbox, [draft])).uids[0]

    def event(self, *uids, mailbox="INBOX", cause="APPEND", **more):
        """Tell of it, and let everything happen that comes of it."""
        box = self.done(self.account.mailbox(mailbox))
        row = self.done(box.row())
        what = Happening(cause, "fred", box.id, row.uidvalidity, uids, **more)
        work = Pending.fromCoroutine(self.happenings.happened(self.account, [what]))
        for _ in range(20):
            self.clock.advance(0)
        self.successResultOf(work)

    def flags(self, uid, mailbox="INBOX"):
        """What flags a message has; None: it is gone."""
        box = self.done(self.account.mailbox(mailbox))
        columns = self.done(box.snapshot())
        codes = dict(zip(columns.uid, columns.flags, strict=True))
        return columns.table.sets[codes[uid]] if uid in codes else None

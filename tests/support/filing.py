"""Deliveries with scripts in tests: memory stores, nothing on threads."""

import shutil
import tempfile

from attrs import define
from twisted.internet.defer import Deferred as Pending
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.delivery import zones
from mailsuite.delivery.awakening import Awakening
from mailsuite.delivery.calendars import Calendars
from mailsuite.delivery.filing import Filing
from mailsuite.delivery.ground import Ground, Named, System
from mailsuite.delivery.local import LocalDelivery
from mailsuite.delivery.programs import Programs
from mailsuite.delivery.settings import Settings
from mailsuite.directory import memory as directory
from mailsuite.events.memory import Events
from mailsuite.interfaces.queueing import Lease
from mailsuite.model.envelope import Blob, Envelope, Recipient
from mailsuite.queue.blobs import Blobs
from mailsuite.sieve.check import check
from mailsuite.sieve.extensions.table import spoken
from mailsuite.sieve.settings import Sieve
from mailsuite.store import memory as store
from mailsuite.store.memories import Memories
from mailsuite.store.scripts import InMemory, Scripts
from mailsuite.store.snoozed import InMemory as Waiting
from tests.support.queue import address

USER, OTHER = "user@example.test", "other@example.test"
SENDER = "coyote@desert.example.org"
LETTER = (
    "From: coyote@desert.example.org\r\n"
    "To: user@example.test\r\n"
    "Subject: {subject}\r\n"
    "Message-ID: <{subject}@desert.example.org>\r\n"
    "\r\n"
    "{body}\r\n"
)


class Now:
    """A lane that does its work at once."""

    def run(self, call, *args, **kwargs):
        return maybeDeferred(call, *args, **kwargs)

    def stop(self):
        pass


def named(text, name="system"):
    """A script of the operator."""
    content = text.encode()
    return Named(name, content, check(content))


def letter(subject="gift", body="an anvil", prefix="Received: by us\r\n"):
    """A message as the queue has it."""
    octets = LETTER.format(subject=subject, body=body).encode()
    before = prefix.encode()
    return Blob(f"k{subject}{len(body)}", len(before) + len(octets), octets, before)


@define(eq=False)
class Seen:
    """A message of a mailbox, as it was stored."""

    mailbox: str
    octets: bytes
    flags: frozenset


class FilingCase(SynchronousTestCase):
    """One user whose mail is filed; ``deliver`` gives the outcome."""

    settings = Sieve()
    detail_folders = True

    def setUp(self):
        self.now = 1e9
        self.made = directory.make(dict.fromkeys((USER, OTHER), "secret-word-1"))
        clock = self.clock = Clock()
        self.accounts = store.Accounts.of(clock, lambda: self.now, self.made.directory)
        self.facts = InMemory()
        self.addCleanup(self.facts.close)
        self.events = Events()
        self.awakening = Awakening(
            clock, self.wall, self.accounts, Waiting(self.accounts), self.events
        )
        programs = Programs(Now(), spoken(programs=False, zones=zones.known))
        wall = self.wall
        self.scripts = Scripts(
            self.facts, programs.warnings, wall, self.events, self.settings
        )
        self.memories = Memories(self.facts, wall)
        self.ground = Ground(
            clock,
            self.scripts,
            self.memories,
            programs,
            self.blobs(),
            self.made.directory,
            self.events,
            wall,
            "mx.example.test",
            Now(),
            self.awakening,
            Calendars(Now(), self.wall),
        )
        self.filing = Filing(self.ground, self.settings, self.detail_folders)
        self.local = LocalDelivery(
            self.accounts,
            self.made.directory,
            Settings(detail_folders=self.detail_folders),
            self.filing,
        )

    def blobs(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        blobs = Blobs(folder, Now(), self.wall)
        blobs.look()
        return blobs

    def wall(self):
        return self.now

    def done(self, work):
        return self.successResultOf(Pending.fromCoroutine(work))

    def script(self, text, name="main", account=USER):
        """Put a script and let it count."""
        self.done(self.scripts.put(account, name, text.encode()))
        self.done(self.scripts.activate(account, name))

    def system(self, before=(), after=()):
        self.filing.system = System(
            tuple(named(one, f"before{n}") for n, one in enumerate(before)),
            tuple(named(one, f"after{n}") for n, one in enumerate(after)),
        )

    def deliver(self, blob=None, name="0G1G200", sender=SENDER, **recipient):
        """Deliver to the user, as the queue would; gives the outcome."""
        to = recipient.pop("to", USER)
        blob = blob or letter()
        marks = recipient.pop("envelope_marks", {})
        awaited = recipient.pop("awaited", True)
        one = Recipient(0, address(to), **recipient)
        envelope = Envelope(address(sender) if sender else None, (one,), marks)
        lease = Lease(name, 1, envelope, blob, (one,), "local", 1, self.now, awaited)
        settled = {}

        async def settle(lease, outcomes):
            settled.update(outcomes)
            return True

        self.done(self.local.deliver(lease, settle))
        return settled[0]

    def folder(self, name, account=USER, use=""):
        async def make():
            return await (await self.accounts.open(account)).create(name, use)

        return self.done(make())

    def mail(self, account=USER):
        """Every message of an account."""
        shared = self.accounts._world.accounts.get(account)
        folders = shared.folders.values() if shared else ()
        return [
            Seen(folder.row.name, one.octets, one.flags)
            for folder in folders
            for one in folder.messages.values()
        ]

    def where(self, account=USER):
        """Names of the mailboxes that hold messages, one for each message."""
        return sorted(one.mailbox for one in self.mail(account))

    def happened(self, name):
        return [one.fields for one in self.events.of(name)]

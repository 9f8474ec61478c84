"""Mail in memory and an IMAP door over strings, for tests of the door."""

from array import array

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.events.memory import Events
from mailsuite.imap.door import Door
from mailsuite.imap.ground import Ground
from mailsuite.imap.settings import IMAP
from mailsuite.interfaces.blobs import IBlobs, IBlobWriter, IOctets
from mailsuite.interfaces.directory import AccountFacts, IDirectory
from mailsuite.interfaces.mailboxes import (
    BadName,
    IAccount,
    IAccounts,
    IMailbox,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
)
from mailsuite.mime import headers
from mailsuite.mime.scan import scan
from mailsuite.model.changes import (
    Appended,
    Batch,
    Columns,
    Delta,
    MailboxRow,
    Need,
    Room,
    Stored,
    UidMap,
)
from mailsuite.model.envelope import Blob
from mailsuite.model.errors import Damaged, NoSpace, OverQuota
from mailsuite.model.flags import DELETED, SEEN, SYSTEM, FlagTable
from mailsuite.model.principals import Denied, Principal
from mailsuite.net.throttle import Throttle
from mailsuite.tls.contexts import Contexts
from mailsuite.tls.settings import TLS

NOW = 1_700_000_000  # INTERNALDATE of what is appended without one


@implementer(IOctets)
class Text:
    lined = False

    def __init__(self, octets):
        self.octets, self.size = octets, len(octets)

    async def read(self, start, length):
        return self.octets[start : start + length]

    def close(self):
        self.octets = None


@implementer(IBlobWriter)
class Writer:
    def __init__(self, blobs):
        self.blobs, self.blocks, self.size, self.state = blobs, [], 0, "open"

    def write(self, block):
        self.blocks.append(block)
        self.size += len(block)
        return True

    async def drained(self):
        pass

    async def close(self):
        self.state = "closed"
        return self.blobs.kept(b"".join(self.blocks))

    def abort(self):
        self.state = "aborted"


@implementer(IBlobs)
class Blobs:
    def __init__(self):
        self.writers = []

    def create(self, expected):
        self.writers.append(Writer(self))
        return self.writers[-1]

    def kept(self, content):
        return Blob("k", len(content), content)

    async def content(self, blob):
        return blob.prefix + blob.octets


class Message:
    def __init__(self, octets, flags, date, modseq):
        self.octets, self.flags, self.date = octets, flags, date
        self.modseq = self.born = modseq
        self.scan = scan(octets)


@implementer(IMailbox)
class Box:
    def __init__(self, account, number, name):
        self.account, self.id, self.name = account, number, name
        self.mail, self.vanished = {}, {}
        self.uidnext, self.uidvalidity, self.claimed = 1, 1000 + number, 1
        self.subscribed, self.use = False, ""
        self.modseq = 1
        self.table = FlagTable()
        self.damaged, self.hold, self.selectable = set(), None, True
        self._columns = None

    def changed(self):
        self.account.modseq += 1
        self.modseq = self.account.modseq
        self._columns = None
        self.account.wake(self.id)
        return self.modseq

    def add(self, octets, flags=frozenset(), date=NOW):
        uid = self.uidnext
        self.uidnext += 1
        self.mail[uid] = Message(octets, frozenset(flags), int(date), 0)
        self.mail[uid].born = self.mail[uid].modseq = self.changed()
        return uid

    async def row(self):
        seen = sum(SEEN in m.flags for m in self.mail.values())
        return MailboxRow(
            self.id,
            self.name,
            self.uidvalidity,
            self.uidnext,
            len(self.mail),
            len(self.mail) - seen,
            sum(uid >= self.claimed for uid in self.mail),
            0,
            sum(len(m.octets) for m in self.mail.values()),
            self.modseq,
            self.use,
            self.subscribed,
            self.selectable,
            f"F{self.uidvalidity}",
        )

    def columns(self, uids):
        rows = [self.mail[uid] for uid in uids]
        return Columns(
            self.modseq,
            self.uidvalidity,
            self.uidnext,
            self.table,
            array("L", uids),
            array("L", [self.table.code(m.flags) for m in rows]),
            array("Q", [m.modseq for m in rows]),
            array("Q", [len(m.octets) for m in rows]),
            array("q", [m.date for m in rows]),
            array("Q", uids),
        )

    async def snapshot(self):
        if self._columns is None:
            self._columns = self.columns(sorted(self.mail))
        return self._columns

    async def delta(self, since):
        if self.id not in self.account.boxes:
            raise NoSuchMailbox(self.name)
        new, changed = [], []
        for uid, m in self.mail.items():
            if m.born > since:
                new.append(uid)
            elif m.modseq > since:
                changed.append((uid, self.table.code(m.flags), m.modseq))
        gone = [uid for uid, modseq in self.vanished.items() if modseq > since]
        added = self.columns(new) if new else None
        return Delta(self.modseq, self.uidnext, added, changed, gone)

    async def claim_recent(self, *, look=False):
        first = self.claimed
        if not look:
            if self.account.full:
                raise NoSpace
            self.claimed = self.uidnext
        return first, self.uidnext

    async def read(self, uids, needs):
        uids = [uid for uid in uids if uid in self.mail]
        for start in range(0, len(uids), 7):
            some = uids[start : start + 7]
            yield Batch(
                some,
                {
                    need: [_stored(self.mail[uid], need) for uid in some]
                    for need in needs
                },
            )

    async def octets(self, uid):
        if self.hold is not None:
            await self.hold
        if uid in self.damaged:
            raise Damaged("unreadable")
        return Text(self.mail[uid].octets)

    def at_hand(self, uid):
        return None

    def _set(self, uids, change):
        there = [uid for uid in uids if uid in self.mail]
        new = {uid: change(self.mail[uid].flags) for uid in there}
        if any(len(flags) > 1000 for flags in new.values()):
            raise LimitReached("too many keywords")
        touched = [uid for uid in there if new[uid] != self.mail[uid].flags]
        since = self.modseq
        modseq = self.changed() if touched else self.modseq
        for uid in touched:
            self.mail[uid].flags = frozenset(new[uid])
            self.mail[uid].modseq = modseq
        missing = [uid for uid in uids if uid not in self.mail]
        return Stored(modseq, touched, missing, since)

    async def store(self, uids, add, drop):
        return self._set(uids, lambda flags: (flags - drop) | add)

    async def replace(self, uids, flags):
        return self._set(uids, lambda _: flags)

    async def expunge(self, uids):
        there = [uid for uid in uids if uid in self.mail]
        for uid in there:
            del self.mail[uid]
        modseq = self.changed()
        self.vanished.update(dict.fromkeys(there, modseq))
        return Stored(modseq, there)


def _stored(message, need):
    found = message.scan
    return {
        Need.ENVELOPE: found.envelope,
        Need.STRUCTURE: found.structure,
        Need.PARTS: found.parts,
        Need.HEADER: message.octets[: found.header_size],
        Need.USUAL: headers.usual(message.octets[: found.header_size]),
    }[need]


@implementer(IAccount, IAccounts, IDirectory)
class World:
    """One user, ``mrose`` with the password ``secret``."""

    name = "mrose@example.test"
    postmaster = ""

    def __init__(self, clock):
        self.clock, self.boxes, self.modseq, self.opened = clock, {}, 1, 0
        self.watchers, self.subscribed, self.full = [], set(), False
        self.temporary, self.broken, self.appending = False, None, None
        for name in ("INBOX", "Drafts", "Sent"):
            self.make(name)
        self.box("Sent").use = "\\Sent"

    def make(self, name):
        number = max(self.boxes, default=0) + 1
        self.boxes[number] = Box(self, number, name)
        return self.boxes[number]

    def box(self, name):
        for box in self.boxes.values():
            if name in {box.name, box.id}:
                return box
        raise NoSuchMailbox(name)

    def wake(self, number):
        for watcher in list(self.watchers):
            self.clock.callLater(0, watcher, number)

    def offers_scram(self):
        return False

    async def authenticate(self, proof, origin):
        if self.temporary:
            return Denied(temporary=True)
        if (proof.name, proof.secret) == ("mrose", "secret"):
            return Principal("mrose", self.name)
        return Denied()

    async def open(self, account):
        self.opened += 1
        return self

    async def facts(self, account):
        return AccountFacts(postmaster=self.postmaster)

    async def room(self, account):
        return Room(0 if self.full else None, None)

    async def mailboxes(self):
        return [await box.row() for box in self.boxes.values()]

    async def mailbox(self, name):
        if self.broken:
            raise self.broken
        box = self.box(name)
        if not box.selectable:
            raise NoSuchMailbox(name)
        return box

    async def create(self, name, use=""):
        if "//" in name or name.startswith(("/", "../")) or "/../" in name:
            raise BadName("no such level")
        if any(box.name == name for box in self.boxes.values()):
            raise MailboxExists(name)
        box = self.make(name)
        return await box.row()

    async def rename(self, old, new):
        self.box(old).name = new

    async def remove(self, name):
        box = self.box(name)
        if not any(other.name.startswith(f"{name}/") for other in self.boxes.values()):
            del self.boxes[box.id]
        elif box.selectable:
            box.selectable, box.mail = False, {}
        else:
            raise BadName("it has children")
        box.changed()

    async def subscribe(self, name, *, wanted):
        (self.subscribed.add if wanted else self.subscribed.discard)(name)

    async def subscriptions(self):
        return sorted(self.subscribed)

    async def append(self, mailbox, drafts, once=None):
        if self.appending is not None:
            await self.appending
        if self.full:
            raise OverQuota
        box = self.box(mailbox)
        uids = [box.add(d.blob.octets, d.flags, d.date or NOW) for d in drafts]
        return Appended(box.id, box.uidvalidity, tuple(uids), tuple(uids))

    async def transfer(self, mailbox, uids, into, *, move):
        source, target = self.box(mailbox), self.box(into)
        there = [uid for uid in uids if uid in source.mail]
        made = []
        for uid in there:
            m = source.mail[uid]
            made.append(target.add(m.octets, m.flags, m.date))
        if move:
            await source.expunge(there)
        return UidMap(target.uidvalidity, there, made)

    async def synced(self):
        return self.modseq

    def watch(self, wake):
        self.watchers.append(wake)
        return lambda: self.watchers.remove(wake)

    def close(self):
        self.opened -= 1


class Talk:
    """Sessions with one world; ``say`` gives what the server answered."""

    def __init__(self, tls=None, **settings):
        self.clock, self.events = Clock(), Events()
        self.world, self.blobs = World(self.clock), Blobs()
        contexts = Contexts(TLS(*tls) if tls else TLS())
        contexts.load()
        self.ground = Ground(
            self.clock,
            self.world,
            self.world,
            self.blobs,
            contexts,
            Throttle(self.clock.seconds),
            self.events,
            IMAP(**{"plaintext_login": True, **settings}),
        )

    def connect(self):
        return Client(self)

    def login(self, box=None):
        client = Client(self)
        client.say(b"a LOGIN mrose secret\r\n")
        if box:
            client.say(b"a SELECT %b\r\n" % box)
        return client

    def run(self):
        for _ in range(300):
            self.clock.advance(0)


class Client:
    """One connection."""

    number = 0

    def __init__(self, talk):
        Client.number += 1
        self.talk = talk
        self.transport = StringTransport()
        self.door = Door(talk.clock, f"s{Client.number}", talk.ground)
        self.door.makeConnection(self.transport)
        self.greeting = self.taken()

    def taken(self):
        octets = self.transport.value()
        self.transport.clear()
        return octets

    def say(self, octets):
        self.door.dataReceived(octets)
        self.talk.run()
        return self.taken()

    def hear(self, seconds=0.0):
        self.talk.clock.advance(seconds)
        self.talk.run()
        return self.taken()

    def lose(self):
        self.door.connectionLost(Failure(ConnectionLost()))

    @property
    def closed(self):
        return self.transport.disconnecting

    def ask(self, command):
        """Say one command; gives its untagged lines and its answer."""
        lines = self.say(b"t " + command + b"\r\n").split(b"\r\n")
        assert lines[-1] == b"", lines
        return lines[:-2], lines[-2].removeprefix(b"t ")


def held():
    """A Deferred that something in the world waits for."""
    return Deferred()


__all__ = ["DELETED", "NOW", "SYSTEM", "Client", "Talk", "World", "held"]

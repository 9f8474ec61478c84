"""A POP3 door over strings: a small mailbox, a small directory, a Clock."""

from array import array

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from mailsuite.events.memory import Events
from mailsuite.interfaces.blobs import IOctets
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.mailboxes import IAccount, IAccounts, IMailbox
from mailsuite.model.changes import Columns, Stored
from mailsuite.model.errors import Damaged
from mailsuite.model.flags import FlagTable
from mailsuite.model.principals import Denied, Principal
from mailsuite.net.throttle import Throttle
from mailsuite.pop3.door import Door
from mailsuite.pop3.ground import Ground
from mailsuite.pop3.settings import POP3
from mailsuite.tls.contexts import Contexts
from mailsuite.tls.settings import TLS

UIDVALIDITY = 777


@implementer(IOctets)
class Text:
    lined = False

    def __init__(self, text):
        self.text, self.size, self.closed = text, len(text), False

    async def read(self, start, length):
        return self.text[start : start + length]

    def close(self):
        self.closed = True


@implementer(IMailbox)
class Inbox:
    """UIDs and texts; ``broken`` makes expunge fail, ``hold`` makes it wait."""

    def __init__(self, texts):
        self.mail = dict(enumerate(texts, 11))
        self.damaged, self.opened, self.near = set(), [], set()
        self.broken = False
        self.hold = None

    async def snapshot(self):
        uids = sorted(self.mail)
        zeros = [0] * len(uids)
        return Columns(
            1,
            UIDVALIDITY,
            max(uids, default=10) + 1,
            FlagTable(),
            array("L", uids),
            array("L", zeros),
            array("Q", zeros),
            array("Q", [len(self.mail[uid]) for uid in uids]),
            array("q", zeros),
            array("Q", uids),
        )

    async def octets(self, uid):
        if uid in self.damaged:
            raise Damaged("unreadable")
        if self.hold is not None:
            await self.hold
        self.opened.append(Text(self.mail[uid]))
        return self.opened[-1]

    def at_hand(self, uid):
        if uid not in self.near:
            return None
        self.opened.append(Text(self.mail[uid]))
        return self.opened[-1]

    async def expunge(self, uids):
        if self.broken:
            raise OSError("disk")
        for uid in uids:
            self.mail.pop(uid, None)
        return Stored(2, uids)


@implementer(IAccount, IAccounts, IDirectory)
class World:
    """One user, ``mrose`` with the password ``secret``, and one INBOX."""

    def __init__(self, texts=()):
        self.inbox = Inbox(texts)
        self.open_accounts = 0
        self.temporary = False
        self.asked = []

    def offers_scram(self):
        return False

    async def authenticate(self, proof, origin):
        self.asked.append((proof.name, proof.secret, origin))
        if self.temporary:
            return Denied(temporary=True)
        if (proof.name, proof.secret) == ("mrose", "secret"):
            return Principal("mrose", "mrose@example.test")
        return Denied()

    async def open(self, account):
        self.open_accounts += 1
        return self

    async def mailbox(self, name):
        return self.inbox

    def close(self):
        self.open_accounts -= 1


class Talk:
    """Sessions with one world; ``say`` gives what the server answered."""

    def __init__(self, texts=(), tls=None, **settings):
        self.clock, self.world, self.events = Clock(), World(texts), Events()
        contexts = Contexts(TLS(*tls) if tls else TLS())
        contexts.load()
        self.ground = Ground(
            self.clock,
            self.world,
            self.world,
            contexts,
            Throttle(self.clock.seconds),
            self.events,
            POP3(**{"plaintext_login": True, **settings}),
        )
        self.number = 0
        self.connect()

    def connect(self):
        """Begin another session; gives the greeting."""
        self.number += 1
        self.transport = StringTransport()
        self.door = Door(self.clock, f"s{self.number}", self.ground)
        self.door.makeConnection(self.transport)
        return self.taken()

    def taken(self):
        octets = self.transport.value()
        self.transport.clear()
        return octets

    def say(self, octets):
        self.door.dataReceived(octets)
        for _ in range(200):
            self.clock.advance(0)
        return self.taken()

    def login(self):
        return self.say(b"USER mrose\r\nPASS secret\r\n").split(b"\r\n")[1]

    def lost(self):
        """The connection ends from outside."""
        from twisted.internet.error import ConnectionLost
        from twisted.python.failure import Failure

        self.door.connectionLost(Failure(ConnectionLost()))

    def hold(self):
        """Make the next message wait; gives the Deferred that lets it go on."""
        self.world.inbox.hold = Deferred()
        return self.world.inbox.hold

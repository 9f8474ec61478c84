"""A ManageSieve door over strings: scripts in memory, a small directory, a Clock."""

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from mailsuite.events.memory import Events
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.scripts import (
    BadScriptName,
    BadScriptText,
    IScripts,
    NoSuchScript,
    ScriptActive,
    ScriptExists,
    ScriptRow,
    ScriptsFull,
)
from mailsuite.managesieve.door import Door
from mailsuite.managesieve.ground import Ground, Offer
from mailsuite.managesieve.settings import ManageSieve
from mailsuite.model.principals import Denied, Principal
from mailsuite.net.throttle import Throttle
from mailsuite.tls.contexts import Contexts
from mailsuite.tls.settings import TLS

OFFER = Offer(("fileinto", "vacation"), 4, 1_500, ("mailto",))
ROOM = 3


@implementer(IScripts)
class Scripts:
    """One account's; a text is bad if it begins with ``bad``, suspicious with ``hm``."""

    def __init__(self):
        self.kept, self.chosen = {}, ""
        self.broken = False
        self.hold = None

    def found(self, name):
        if self.broken:
            raise RuntimeError("disk")
        if name not in self.kept:
            raise NoSuchScript
        return self.kept[name]

    async def listed(self, account):
        names = sorted(self.kept)
        return [ScriptRow(n, n == self.chosen, len(self.kept[n]), 0.0) for n in names]

    async def get(self, account, name):
        if self.hold is not None:
            await self.hold
        return self.found(name)

    async def active(self, account):
        return None

    async def check(self, account, content):
        if content.startswith(b"bad"):
            raise BadScriptText("line 1, column 1: there is no command bad")
        return ["line 1: hm"] if content.startswith(b"hm") else []

    async def put(self, account, name, content):
        warnings = await self.check(account, content)
        await self.room(account, name, len(content))
        self.kept[name] = content
        return warnings

    async def activate(self, account, name):
        if name:
            self.found(name)
        self.chosen = name

    async def remove(self, account, name):
        self.found(name)
        if name == self.chosen:
            raise ScriptActive
        del self.kept[name]

    async def rename(self, account, old, new):
        content = self.found(old)
        if new in self.kept:
            raise ScriptExists
        self.kept[new] = content
        del self.kept[old]
        self.chosen = new if self.chosen == old else self.chosen

    async def room(self, account, name, octets):
        if not name:
            raise BadScriptName("a script needs a name")
        if octets > 1_000:
            raise ScriptsFull("maxsize", "at most 1000 octets")
        if name not in self.kept and len(self.kept) >= ROOM:
            raise ScriptsFull("maxscripts", "at most 3 scripts")


@implementer(IDirectory)
class Directory:
    """``hold`` makes it wait."""

    def __init__(self):
        self.hold = None

    def offers_scram(self):
        return False

    async def authenticate(self, proof, origin):
        if self.hold is not None:
            await self.hold
        if (proof.name, proof.secret) == ("ann@example.test", "secret"):
            return Principal("ann@example.test", "ann@example.test")
        return Denied(temporary=proof.name == "later")


class Certified:
    available = True


class Talk:
    """A connection; ``say`` gives what the server sent since the last time."""

    def __init__(self, *, scripts=None, tls=False, **settings):
        self.clock, self.events = Clock(), Events()
        self.scripts = scripts or Scripts()
        settings = {"plaintext_login": True, **settings}
        self.directory = Directory()
        contexts = Certified() if tls else Contexts(TLS())
        ground = Ground(
            self.clock,
            self.directory,
            self.scripts,
            contexts,
            Throttle(self.clock.seconds),
            self.events,
            OFFER,
            ManageSieve(**settings),
        )
        self.door = Door(self.clock, "s1", ground)
        self.transport = StringTransport()
        self.door.makeConnection(self.transport)
        self.greeting = self.heard()

    def heard(self):
        said = self.transport.value()
        self.transport.clear()
        return said

    def say(self, octets, seconds=0):
        self.door.dataReceived(octets)
        for _ in range(100):
            self.clock.advance(seconds or 0.01)
        return self.heard()

    def login(self):
        """Log in; gives the answer."""
        return self.say(b'AUTHENTICATE "PLAIN" "AGFubkBleGFtcGxlLnRlc3QAc2VjcmV0"\r\n')

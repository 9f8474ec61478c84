"""One recursive server: how it is asked, and how it has behaved."""

import secrets
from ipaddress import ip_address

from attrs import define, field

from mailsuite.dns.datagrams import SILENT as NO_DATAGRAM
from mailsuite.dns.datagrams import SPOOFED, Ports
from mailsuite.dns.findings import FAILED, SILENT, Fate, Finding
from mailsuite.dns.ground import Ground
from mailsuite.dns.kinds import Kind
from mailsuite.dns.messages import query, read, section
from mailsuite.dns.servers import Server
from mailsuite.dns.streams import NOTHING, Streams

PLAIN_SECONDS = 3_600.0  # then EDNS is tried again
FAULTS = 3  # silence or failure in a row; then others are asked first
RESPITE_SECONDS = 5.0  # how long, the first time; doubled each time
RESPITE_MOST_SECONDS = 60.0


@define(eq=False)
class Upstream:
    """A server and its sockets."""

    server: Server
    _ground: Ground
    trusted: bool = field(init=False)
    """Whether its AD bit counts."""
    _ports: Ports = field(init=False)
    _streams: Streams = field(init=False)
    _plain_until: float = field(default=0.0, init=False)
    _faults: int = field(default=0, init=False)
    _respite: float = field(default=RESPITE_SECONDS, init=False)
    _respite_until: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        loopback = ip_address(self.server.host).is_loopback
        self.trusted = loopback or self._ground.settings.trust_ad
        self._ports = Ports(self._ground, self.server)
        self._streams = Streams(self._ground, self.server)

    def lively(self) -> bool:
        """Whether it should be asked before those that failed us.

        After its respite one question tries it, the others see it failing still.
        """
        now = self._ground.reactor.seconds()
        if self._faults < FAULTS:
            return True
        if now < self._respite_until:
            return False
        self._respite_until = now + self._ground.settings.seconds
        return True

    async def ask(self, name: str, kind: Kind, until: float) -> Finding:
        """Ask it until that time of the reactor's clock."""
        asked = section(name, kind)
        if self._ground.settings.mixed_case:
            asked = _mixed(asked)
        edns = self._plain_until <= self._ground.reactor.seconds()
        finding = await self._once(asked, name, kind, until, edns=edns)
        if finding.fate is Fate.MISUNDERSTOOD and edns:
            finding = await self._once(asked, name, kind, until, edns=False)
            if finding.settled:
                now = self._ground.reactor.seconds()
                self._plain_until = now + PLAIN_SECONDS
        if finding.fate is Fate.MISUNDERSTOOD:
            finding = FAILED
        self._behaved(well=finding.settled)
        return finding

    async def _once(
        self, asked: bytes, name: str, kind: Kind, until: float, *, edns: bool
    ) -> Finding:
        octets = await self._datagram(asked, until, edns=edns)
        finding = SILENT
        if octets == SPOOFED:
            self._ground.happened("dns.spoofed", server=str(self.server))
        elif octets:
            finding = read(octets, asked, name, kind)
        if octets == SPOOFED or finding.fate is Fate.TRUNCATED:
            octets = await self._stream(asked, until, edns=edns)
            finding = read(octets, asked, name, kind) if octets else FAILED
            finding = FAILED if finding.fate is Fate.TRUNCATED else finding
        return finding

    async def _datagram(self, asked: bytes, until: float, *, edns: bool) -> bytes:
        self._ground.counters.queries += 1
        octets = await self._ports.ask(asked, self._seconds(until), edns=edns)
        if octets == NO_DATAGRAM:
            self._ground.counters.timeouts += 1
        return octets

    async def _stream(self, asked: bytes, until: float, *, edns: bool) -> bytes:
        self._ground.counters.truncated += 1
        asking = query(secrets.randbits(16), asked, edns=edns)
        octets = await self._streams.ask(asking, asked, self._seconds(until))
        if octets == NOTHING:
            self._ground.counters.timeouts += 1
        return octets

    def _seconds(self, until: float) -> float:
        left: float = until - self._ground.reactor.seconds()
        return max(0.0, min(left, self._ground.settings.seconds))

    def _behaved(self, *, well: bool) -> None:
        """Remember how often it failed since it last answered a question."""
        if well:
            if self._faults >= FAULTS:
                self._ground.happened("dns.answering", server=str(self.server))
            self._faults = 0
            return
        now = self._ground.reactor.seconds()
        self._faults += 1
        if self._faults == FAULTS:
            self._ground.happened("dns.failing", server=str(self.server))
            self._respite = RESPITE_SECONDS
        if self._faults >= FAULTS and now >= self._respite_until:
            self._respite_until = now + self._respite
            self._respite = min(2 * self._respite, RESPITE_MOST_SECONDS)


def _mixed(asked: bytes) -> bytes:
    """Write letters of the name in random case, which the answer must repeat."""
    name = asked[:-4]
    bits = secrets.randbits(len(name))
    mixed = bytes(
        octet ^ 0x20 if 0x61 <= octet <= 0x7A and bits >> at & 1 else octet
        for at, octet in enumerate(name)
    )
    return mixed + asked[-4:]

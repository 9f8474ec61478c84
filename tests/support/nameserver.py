"""A name server on loopback that answers as a test says."""

from collections.abc import Callable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol

Answering = Callable[[dns.message.Message, bool], "list[bytes]"]


def answer(query, *records, rcode=dns.rcode.NOERROR, authority=()):
    """Octets of an answer; records as text: ``name ttl IN TYPE data``."""
    made = dns.message.make_response(query, recursion_available=True)
    made.set_rcode(rcode)
    for section, rows in ((made.answer, records), (made.authority, authority)):
        for row in rows:
            name, ttl, klass, kind, *data = row.split()
            section.append(
                dns.rrset.from_text(name, int(ttl), klass, kind, " ".join(data))
            )
    return made.to_wire()


class _UDP(DatagramProtocol):
    noisy = False

    def __init__(self, answering):
        self.answering = answering

    def datagramReceived(self, data, addr):
        for octets in self.answering(dns.message.from_wire(data), False):
            self.transport.write(octets, addr)


class _TCP(Protocol):
    def connectionMade(self):
        self.buffer = b""

    def dataReceived(self, data):
        self.buffer += data
        if len(self.buffer) < 2:
            return
        for octets in self.factory.answering(
            dns.message.from_wire(self.buffer[2:]), True
        ):
            self.transport.write(len(octets).to_bytes(2) + octets)
        self.transport.loseConnection()


class NameServer:
    """Listens on UDP and TCP of one port; ``asked`` counts queries by name."""

    def __init__(self, reactor: Any, answering: Answering) -> None:
        self.asked = []
        self._answering = answering
        factory = Factory.forProtocol(_TCP)
        factory.noisy = False
        factory.answering = self._hear
        self._tcp = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.port = self._tcp.getHost().port
        self._udp = reactor.listenUDP(
            self.port, _UDP(self._hear), interface="127.0.0.1", maxPacketSize=65535
        )

    def _hear(self, query, tcp):
        asked = query.question[0]
        self.asked.append((asked.name.to_text(), asked.rdtype.name, tcp))
        return self._answering(query, tcp)

    async def stop(self):
        await self._udp.stopListening()
        await self._tcp.stopListening()

"""A real name server on loopback (UDP and TCP) that answers as a test says.

``NameServer(reactor, answering)`` listens; ``answering(query, tcp)`` gives the
answers: octets, or a pair of seconds and octets, later. A ``Zones`` is such an
``answering``: it holds records of all types and names that misbehave::

    zones = Zones('''
    example.test.  60 IN TXT "v=spf1 mx -all"
    example.test.  60 IN MX  10 mx.example.test.
    mx.example.test. 60 IN A 192.0.2.1
    ''')
    zones.slow("mx.example.test", 0.05)
    zones.failing("broken.test")
    server = NameServer(reactor, zones)
    resolver = Resolver.of(reactor, DNS(servers=(f"127.0.0.1:{server.port}",)))
    ...
    await server.stop()
"""

from collections.abc import Callable
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from twisted.internet.defer import maybeDeferred
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol

Answering = Callable[[dns.message.Message, bool], "list"]

ROOT = ". 60 IN SOA ns.test. hostmaster.test. 1 3600 600 86400 60"
CHAIN = 20


def row(text):
    """An RRset of one record: ``name ttl IN TYPE data``."""
    name, ttl, klass, kind, *data = text.split(None, 4)
    return dns.rrset.from_text(name, int(ttl), klass, kind, "".join(data))


def answer(query, *records, rcode=dns.rcode.NOERROR, authority=(), flags=0):
    """Octets of an answer; records as text: ``name ttl IN TYPE data``."""
    made = dns.message.make_response(query, recursion_available=True)
    made.set_rcode(rcode)
    made.flags |= flags
    for section, rows in ((made.answer, records), (made.authority, authority)):
        section.extend(map(row, rows))
    return made.to_wire(max_size=65535)


def cut(octets):
    """The answer's header and question with TC set, as a server truncates it."""
    query = dns.message.from_wire(octets, ignore_trailing=True)
    query.answer, query.authority, query.additional = [], [], []
    query.flags |= dns.flags.TC
    return query.to_wire()


class Zones:
    """All names that exist; ``text`` has one record a line, names with last dots.

    A name without records below or at it gets NXDOMAIN, others an empty answer;
    both with an SOA. ``*`` is a wildcard. CNAMEs are followed in the answer.
    ``secure`` sets AD in every answer.
    """

    def __init__(self, text="", *, secure=False):
        self.secure = secure
        self._rows = {}
        self._ways = {}
        self._exist = None
        self.add(ROOT)
        for line in text.splitlines():
            if line.strip():
                self.add(line)

    def add(self, text):
        """One more record."""
        found = row(text)
        self._rows.setdefault((found.name, found.rdtype), []).append(text)
        self._exist = None

    def remove(self, name, kind=None):
        """Forget a name's records (of one type)."""
        name = dns.name.from_text(name)
        for known in list(self._rows):
            if known[0] == name and kind in {None, known[1].name}:
                del self._rows[known]
        self._exist = None

    def _names(self):
        """All names that exist, those that only have others below them too."""
        if self._exist is None:
            self._exist = set()
            for known, _ in self._rows:
                labels = known.labels
                for n in range(len(labels)):
                    self._exist.add(dns.name.Name(labels[n:]))
        return self._exist

    # How names misbehave; each takes the place of an earlier one.

    def behave(self, name, way):
        """``way(query, tcp, octets)`` gives the answers in place of ``octets``."""
        self._ways[dns.name.from_text(name)] = way

    def honest(self, name):
        """As if nothing had been said."""
        self._ways.pop(dns.name.from_text(name), None)

    def slow(self, name, seconds):
        """The answer comes late."""
        self.behave(name, lambda query, tcp, octets: [(seconds, octets)])

    def silent(self, name):
        """No answer ever; over TCP the connection hangs."""
        self.behave(name, lambda query, tcp, octets: [])

    def failing(self, name, rcode=dns.rcode.SERVFAIL):
        """SERVFAIL, or another code."""
        self.behave(name, lambda query, tcp, octets: [answer(query, rcode=rcode)])

    def truncating(self, name):
        """Over UDP only a truncated answer."""
        self.behave(name, lambda query, tcp, octets: [octets if tcp else cut(octets)])

    def lying(self, name, forged, count=1):
        """First come ``count`` answers with a wrong id that say ``forged``."""

        def lies(query, tcp, octets):
            lie = answer(query, forged)
            ids = [(query.id + 1 + n) % 65536 for n in range(count)]
            return [*(one.to_bytes(2) + lie[2:] for one in ids), octets]

        self.behave(name, lies)

    def huge(self, name, octets=60_000):
        """TXT records of that many octets."""
        data = " ".join(['"' + "x" * 250 + '"'] * (octets // 251))

        def grown(query, tcp, _):
            whole = answer(query, f"{name.rstrip('.')}. 60 IN TXT {data}")
            return [whole if tcp else cut(whole)]

        self.behave(name, grown)

    def garbled(self, name):
        """Our id and noise."""
        self.behave(
            name,
            lambda query, tcp, _: [query.id.to_bytes(2) + b"\x80" + b"\xff" * 40],
        )

    def __call__(self, query, tcp):
        asked = query.question[0]
        octets = self._answer(query, asked.name, asked.rdtype)
        way = self._ways.get(asked.name)
        if way is not None:
            return way(query, tcp, octets)
        room = max(query.payload, 512)
        return [octets if tcp or len(octets) <= room else cut(octets)]

    def _answer(self, query, name, kind):
        rows, seen = [], set()
        while name not in seen and len(seen) < CHAIN:
            seen.add(name)
            found = self._find(name, kind)
            if found is None:
                return self._made(query, rows, name, dns.rcode.NXDOMAIN)
            if found:
                return self._made(query, rows + found, None)
            links = self._find(name, dns.rdatatype.CNAME)
            if not links:
                return self._made(query, rows, name)
            rows += links
            name = row(links[0])[0].target
        return self._made(query, rows, None)

    def _made(self, query, rows, lacking, rcode=dns.rcode.NOERROR):
        soa = []
        while lacking is not None and not soa:
            soa = self._rows.get((lacking, dns.rdatatype.SOA), [])
            lacking = None if lacking == dns.name.root else lacking.parent()
        flags = dns.flags.AD if self.secure else 0
        return answer(query, *rows, rcode=rcode, authority=soa, flags=flags)

    def _find(self, name, kind):
        """Rows; an empty list if the name exists otherwise; None if it does not."""
        names = self._names()
        if name in names:
            return self._rows.get((name, kind), [])
        above = name
        while above not in names:
            above = above.parent()
        star = dns.name.Name((b"*", *above.labels))
        if star not in names:
            return None
        found = self._rows.get((star, kind), [])
        return [" ".join([str(name), *one.split(None, 1)[1:]]) for one in found]


class _UDP(DatagramProtocol):
    noisy = False

    def __init__(self, server):
        self.server = server

    def datagramReceived(self, data, addr):
        self.server.hear(data, False, lambda octets: self._send(octets, addr))

    def _send(self, octets, addr):
        if self.transport is not None:
            self.transport.write(octets, addr)


class _TCP(Protocol):
    def connectionMade(self):
        self.buffer = b""
        self.factory.open.add(self)

    def dataReceived(self, data):
        self.buffer += data
        while len(self.buffer) >= 2:
            length = int.from_bytes(self.buffer[:2])
            if len(self.buffer) < 2 + length:
                return
            query, self.buffer = self.buffer[2 : 2 + length], self.buffer[2 + length :]
            self.factory.server.hear(query, True, self._send)

    def _send(self, octets):
        self.transport.write(len(octets).to_bytes(2) + octets)

    def connectionLost(self, reason=None):
        self.factory.open.discard(self)


class NameServer:
    """Listens on UDP and TCP of one port.

    ``asked`` lists name, type and whether it was TCP, for each query.
    """

    def __init__(self, reactor: Any, answering: Answering) -> None:
        self.asked = []
        self._reactor = reactor
        self._answering = answering
        self._later = set()
        self._factory = Factory.forProtocol(_TCP)
        self._factory.noisy = False
        self._factory.server = self
        self._factory.open = set()
        self._tcp = reactor.listenTCP(0, self._factory, interface="127.0.0.1")
        self.port = self._tcp.getHost().port
        self._udp = reactor.listenUDP(
            self.port, _UDP(self), interface="127.0.0.1", maxPacketSize=65535
        )

    def hear(self, octets, tcp, send):
        query = dns.message.from_wire(octets)
        asked = query.question[0]
        self.asked.append((asked.name.to_text(), asked.rdtype.name, tcp))
        for one in self._answering(query, tcp):
            if isinstance(one, bytes):
                send(one)
            else:
                self._send_later(*one, send)

    def _send_later(self, seconds, octets, send):
        def now():
            self._later.discard(call)
            send(octets)

        call = self._reactor.callLater(seconds, now)
        self._later.add(call)

    async def stop(self):
        for call in self._later:
            call.cancel()
        self._later.clear()
        for connection in list(self._factory.open):
            connection.transport.abortConnection()
        await maybeDeferred(self._udp.stopListening)
        await maybeDeferred(self._tcp.stopListening)

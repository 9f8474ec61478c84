"""Queries, and what their answers say (RFC 1035 §4, RFC 2308, RFC 6891).

Chains of CNAME are followed inside an answer, at most :data:`CHAIN` names; what
lies beside the chain is never looked at, so that nobody plants records for other
names. Data that callers do not need are not even parsed.
"""

import struct

from attrs import define, field

from mailsuite.dns.findings import FAILED, MISUNDERSTOOD, TRUNCATED, Fate, Finding
from mailsuite.dns.kinds import CNAME, NS, OPT, SOA, Kind, Value
from mailsuite.dns.names import BrokenAnswer, Names, wired

CHAIN = 10  # CNAMEs followed; the DNS itself sets no limit
MESSAGE_OCTETS = 16 * 1024  # of an answer over TCP; parsing more stalls the reactor
PAYLOAD_OCTETS = 1_232  # RFC 6891 §6.2.5; over UDP, without fragments
RECORDS = 200  # of one answer that are kept
TTL_SECONDS = 86_400  # longest that an answer is believed
NEGATIVE_SECONDS = 3_600  # RFC 2308 §5 suggests one to three hours

HEADER_OCTETS = 12
IN = 1
_header = struct.Struct("!HHHHHH").unpack_from
_fixed = struct.Struct("!HHIH").unpack_from

QR, AA, TC, RD, AD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0020
OPCODE = 0x7800
NOERROR, FORMERR, NXDOMAIN, NOTIMP = 0, 1, 3, 4

# AD in a query: tell us about DNSSEC, without its records (RFC 6840 §5.7).
_HEAD = (RD | AD).to_bytes(2) + b"\0\1\0\0\0\0\0"
_EDNS = b"\0" + OPT.to_bytes(2) + PAYLOAD_OCTETS.to_bytes(2) + b"\0\0\0\0" + b"\0\0"


def section(name: str, kind: Kind) -> bytes:
    """Write the question section for a canonical name."""
    return wired(name) + kind.number.to_bytes(2) + b"\0\1"


def query(id_: int, asked: bytes, *, edns: bool) -> bytes:
    """Write a query with the question section ``asked``."""
    if edns:
        return id_.to_bytes(2) + _HEAD + b"\1" + asked + _EDNS
    return id_.to_bytes(2) + _HEAD + b"\0" + asked


def answers(octets: bytes, asked: bytes) -> bool:
    """Whether it is an answer to this question; its id is another matter.

    Servers that refuse a message may leave its question out.
    """
    if len(octets) < HEADER_OCTETS:
        return False
    _, flags, questions, records, *_ = _header(octets)
    if not flags & QR or flags & OPCODE:
        return False
    if not questions:
        return not records and flags & 0xF not in {NOERROR, NXDOMAIN}
    repeated = octets[HEADER_OCTETS : HEADER_OCTETS + len(asked)]
    if flags & TC and asked.startswith(repeated):
        return True  # cut even there: it says only that we should ask over TCP
    return questions == 1 and repeated == asked


def read(octets: bytes, asked: bytes, name: str, kind: Kind) -> Finding:
    """Judge what :func:`answers` took for an answer."""
    if len(octets) > MESSAGE_OCTETS:
        return FAILED
    flags = int.from_bytes(octets[2:4])
    if flags & TC:
        return TRUNCATED
    rcode = flags & 0xF
    if rcode in {FORMERR, NOTIMP}:
        return MISUNDERSTOOD
    if rcode not in {NOERROR, NXDOMAIN}:
        return FAILED
    try:
        return _Answer(octets, flags, len(asked) + HEADER_OCTETS, kind).judged(name)
    except (BrokenAnswer, IndexError, struct.error):
        return FAILED


@define(eq=False)
class _Answer:
    """An answer of which only the header was read."""

    _octets: bytes
    _flags: int
    _start: int
    _kind: Kind
    _names: Names = field(init=False)
    _at: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._names = Names(self._octets)
        self._at = self._start

    def judged(self, name: str) -> Finding:
        """Follow ``name`` through the answer to the records, or their absence."""
        _, _, _, count, authority, additional = _header(self._octets)
        self._names.know(HEADER_OCTETS, name)
        records, links = self._answer(count)
        ttl = TTL_SECONDS
        for step in range(CHAIN + 1):
            if name in records:
                found, least = records[name]
                return self._found(found, min(ttl, least))
            if name not in links:
                return self._negative((authority, additional), name, ttl, step > 0)
            name, least = links[name]
            ttl = min(ttl, least)
        return FAILED

    def _answer(
        self, count: int
    ) -> tuple[
        dict[str, tuple[list[tuple[int, int]], int]], dict[str, tuple[str, int]]
    ]:
        """Where the records of our type are, and where CNAMEs lead, by name."""
        records: dict[str, tuple[list[tuple[int, int]], int]] = {}
        links: dict[str, tuple[str, int]] = {}
        wanted = self._kind.number
        for _ in range(count):
            name, number, class_, ttl, at, length = self._record()
            if class_ != IN:
                continue
            if number == wanted:
                places, least = records.get(name, ([], ttl))
                places.append((at, length))
                records[name] = (places, min(least, ttl))
            elif number == CNAME:
                links.setdefault(name, (self._names.whole(at, at + length), ttl))
        return records, links

    def _record(self) -> tuple[str, int, int, int, int, int]:
        """Read the next: name, type, class, TTL, offset and length of its data."""
        name, at = self._names.read(self._at)
        number, class_, ttl, length = _fixed(self._octets, at)
        at += 10
        self._at = at + length
        if self._at > len(self._octets):
            raise BrokenAnswer("a record is longer than the message")
        # RFC 2181 §8: with its highest bit set a TTL counts as zero.
        return name, number, class_, ttl if ttl < 0x80000000 else 0, at, length

    def _found(self, places: list[tuple[int, int]], ttl: int) -> Finding:
        if self._flags & 0xF == NXDOMAIN:
            return FAILED  # it says that there is no such name, and shows records
        read, names = self._kind.read, self._names
        values: dict[Value, None] = {}
        for at, length in places[:RECORDS]:
            values[read(names, at, length)] = None
        secure = bool(self._flags & AD)
        return Finding(Fate.FOUND, tuple(values), float(ttl), secure=secure)

    def _negative(
        self, counts: tuple[int, int], name: str, ttl: int, moved: bool
    ) -> Finding:
        """No records: NXDOMAIN, no data, or a chain that goes on elsewhere."""
        known, referral = 0, False
        for _ in range(counts[0]):
            owner, number, class_, least, at, length = self._record()
            referral = referral or number == NS
            if number == SOA and class_ == IN and _below(name, owner):
                known = min(ttl, least, self._minimum(at, length), NEGATIVE_SECONDS)
                referral = False
                break
        secure = bool(self._flags & AD)
        if self._flags & 0xF == NXDOMAIN:
            return Finding(Fate.MISSING, ttl=float(known), secure=secure)
        if moved and not known:
            return Finding(Fate.FOUND, ttl=float(ttl), onward=name, secure=secure)
        if referral and not self._flags & AA:
            return FAILED  # RFC 2308 §2.2: it sends us elsewhere; it does not recurse
        if not known and self._extended(counts[1]):
            return MISUNDERSTOOD
        return Finding(Fate.FOUND, ttl=float(known), secure=secure)

    def _minimum(self, at: int, length: int) -> int:
        if length < 22:
            raise BrokenAnswer("an SOA record is too short")
        return int.from_bytes(self._octets[at + length - 4 : at + length])

    def _extended(self, count: int) -> int:
        """The upper bits of the response code (RFC 6891 §6.1.3)."""
        for _ in range(count):
            _, number, _, ttl, _, _ = self._record()
            if number == OPT:
                return ttl >> 24
        return 0


def _below(name: str, owner: str) -> bool:
    return owner in {".", name} or name.endswith(f".{owner}")

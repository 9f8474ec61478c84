"""Queries and what their answers mean (RFC 1035 §4, RFC 2308, RFC 5452 §4).

An answer counts only if it repeats our id and question. Chains of CNAME are
followed inside it, at most :data:`CHAIN` names; what lies beside the chain is
never looked at, so that nobody plants records for other names.
"""

import re
from collections.abc import Sequence
from enum import Enum

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import idna
from attrs import frozen
from dns.rdata import Rdata
from dns.rdatatype import RdataType

CHAIN = 10  # CNAMEs followed; the DNS itself sets no limit
MESSAGE_OCTETS = 16 * 1024  # of an answer over TCP; parsing more stalls the reactor
PAYLOAD_OCTETS = 1_232  # RFC 6891 §6.2.5; over UDP, without fragments
RECORDS = 200  # of one answer that are kept
TTL_SECONDS = 86_400  # longest that an answer is believed
NEGATIVE_SECONDS = 3_600  # RFC 2308 §5 suggests one to three hours
FAILURE_SECONDS = 5  # RFC 2308 §7.1 allows five minutes

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


class Fate(Enum):
    """What an answer says of the question."""

    FOUND = "found"
    """Records, or the knowledge that there are none of this type."""
    MISSING = "missing"
    """NXDOMAIN."""
    FAILED = "failed"
    """SERVFAIL, a lame or broken answer: another server may do better."""
    TRUNCATED = "truncated"
    """Ask again over TCP."""


@frozen
class Finding:
    """``ttl`` seconds it may be remembered; ``onward``: ask for that name."""

    fate: Fate
    records: tuple[Rdata, ...] = ()
    ttl: float = 0.0
    onward: str = ""


FAILED = Finding(Fate.FAILED, ttl=FAILURE_SECONDS)
MISSING = Finding(Fate.MISSING)


@frozen
class Question:
    """A name in lower-case A-labels, and a type."""

    name: str
    type: RdataType

    def query(self, id: int) -> bytes:  # noqa: A002 - the RFC's name
        """Write the query."""
        made = dns.message.make_query(
            self.name, self.type, use_edns=0, payload=PAYLOAD_OCTETS, id=id
        )
        return made.to_wire()


def canonical(name: str) -> str | None:
    """Give the name in lower-case A-labels, or None if DNS cannot have it."""
    name = name.rstrip(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii").lower()
        except idna.IDNAError:
            return None
    if not 0 < len(name) <= 253:
        return None
    return name if all(map(_LABEL.fullmatch, name.split("."))) else None


def read(octets: bytes, question: Question, id: int) -> Finding | None:  # noqa: A002
    """Judge an answer. None: it is not for this question; wait for another."""
    if len(octets) > MESSAGE_OCTETS:
        return FAILED
    if len(octets) < 12 or int.from_bytes(octets[:2]) != id or not octets[2] & 0x80:
        return None
    try:
        answer = dns.message.from_wire(octets, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        # Of a truncated answer the last record may be cut in two.
        return Finding(Fate.TRUNCATED) if octets[2] & 0x02 else FAILED
    if not _matches(answer, question):
        return None
    if answer.flags & dns.flags.TC:
        return Finding(Fate.TRUNCATED)
    if answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return FAILED
    return _follow(answer, question)


def _matches(answer: dns.message.Message, question: Question) -> bool:
    asked = answer.question
    return (
        answer.opcode() == dns.opcode.QUERY
        and len(asked) == 1
        and asked[0].rdtype == question.type
        and asked[0].rdclass == dns.rdataclass.IN
        and asked[0].name == dns.name.from_text(question.name)
    )


def _follow(answer: dns.message.Message, question: Question) -> Finding:
    name = dns.name.from_text(question.name)
    ttl = float(TTL_SECONDS)
    for step in range(CHAIN + 1):
        records = _records(answer, name, question.type)
        if records is not None:
            ttl = min(ttl, records[0])
            return Finding(Fate.FOUND, tuple(records[1])[:RECORDS], ttl)
        links = _records(answer, name, RdataType.CNAME)
        if links is None:
            return _negative(answer, name, ttl, moved=step > 0)
        ttl = min(ttl, links[0])
        name = dns.name.from_text(str(next(iter(links[1])).to_text()))
    return FAILED


def _records(
    answer: dns.message.Message,
    name: dns.name.Name,
    type: RdataType,  # noqa: A002
) -> tuple[int, Sequence[Rdata]] | None:
    for found in answer.answer:
        if (
            found.name == name
            and found.rdtype == type
            and found.rdclass == dns.rdataclass.IN
        ):
            return found.ttl, list(found)
    return None


def _negative(
    answer: dns.message.Message, name: dns.name.Name, ttl: float, *, moved: bool
) -> Finding:
    """No records: NXDOMAIN, no data, or a chain that goes on elsewhere."""
    missing = answer.rcode() == dns.rcode.NXDOMAIN
    known = 0.0
    for found in answer.authority:
        if found.rdtype == RdataType.SOA and name.is_subdomain(found.name):
            minimum = getattr(next(iter(found)), "minimum", 0)
            known = min(ttl, found.ttl, minimum, NEGATIVE_SECONDS)
    if missing:
        return Finding(Fate.MISSING, ttl=known)
    if moved and not known:
        return Finding(
            Fate.FOUND, ttl=ttl, onward=name.to_text(omit_final_dot=True).lower()
        )
    return Finding(Fate.FOUND, ttl=known)

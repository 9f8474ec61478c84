"""Types of records, and how the data of each become what callers get."""

from collections.abc import Callable
from ipaddress import IPv6Address
from socket import AF_INET, AF_INET6, inet_ntop

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from attrs import field, frozen

from mailsuite.dns.names import BrokenAnswer, Names
from mailsuite.interfaces.resolving import Exchanger
from mailsuite.model.errors import UsageError

Value = str | bytes | Exchanger
Read = Callable[[Names, int, int], Value]
"""Gives the value of the data at an offset, of a length."""

CNAME, SOA, NS, OPT = 5, 6, 2, 41


@frozen(eq=False)
class Kind:
    """A type's ``number``; compared by identity, for it is part of a cache's key."""

    number: int
    read: Read = field(repr=False)


def _four(names: Names, at: int, length: int) -> str:
    if length != 4:
        raise BrokenAnswer("an A record has four octets")
    return inet_ntop(AF_INET, names.octets[at : at + 4])


def _six(names: Names, at: int, length: int) -> str:
    if length != 16:
        raise BrokenAnswer("an AAAA record has sixteen octets")
    octets = names.octets[at : at + 16]
    if octets.startswith(b"\0\0\0\0"):  # where inet_ntop has a form of its own
        return str(IPv6Address(octets))
    return inet_ntop(AF_INET6, octets)


def _exchanger(names: Names, at: int, length: int) -> Exchanger:
    preference = int.from_bytes(names.octets[at : at + 2])
    return Exchanger(preference, names.whole(at + 2, at + length))


def _pointer(names: Names, at: int, length: int) -> str:
    return names.whole(at, at + length)


def _strings(names: Names, at: int, length: int) -> bytes:
    octets, end, parts = names.octets, at + length, []
    while at < end:
        after = at + 1 + octets[at]
        parts.append(octets[at + 1 : after])
        at = after
    if at != end:
        raise BrokenAnswer("a string of a TXT record is longer than the record")
    return b"".join(parts)


A = Kind(1, _four)
AAAA = Kind(28, _six)
MX = Kind(15, _exchanger)
TXT = Kind(16, _strings)
PTR = Kind(12, _pointer)

_shown = {"A": A, "AAAA": AAAA}


def shown(type_: str) -> Kind:
    """Give the kind whose values are text in presentation form.

    :raises UsageError: there is no such type, or nobody may ask for it.
    """
    kind = _shown.get(type_)
    if kind is not None:
        return kind
    try:
        number = dns.rdatatype.from_text(type_)
    except dns.exception.DNSException as error:
        raise UsageError(f"there is no DNS type {type_!r}") from error
    if dns.rdatatype.is_metatype(number):
        raise UsageError(f"the DNS type {type_!r} cannot be asked for")
    kind = _shown[type_] = Kind(int(number), _presenting(number))
    return kind


def _presenting(number: dns.rdatatype.RdataType) -> Read:
    def read(names: Names, at: int, length: int) -> str:
        try:
            data = dns.rdata.from_wire(
                dns.rdataclass.IN, number, names.octets, at, length
            )
        except (dns.exception.DNSException, ValueError) as error:
            raise BrokenAnswer(str(error)) from error
        return data.to_text()

    return read

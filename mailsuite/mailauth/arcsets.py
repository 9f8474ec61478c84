"""ARC Sets: the three fields of each instance, and the shape of a chain.

RFC 8617 §4.2 and §5.2, steps 1 to 3. Whatever is not as it must be is a failure of
the whole chain: there is no part of it to be trusted.
"""

import re
from collections.abc import Mapping, Sequence

from attrs import frozen

from mailsuite.mailauth.dkim import claims, tags
from mailsuite.mailauth.dkim.canonical import Canon
from mailsuite.mailauth.dkim.headers import Header
from mailsuite.mailauth.dkim.reasons import Unfit
from mailsuite.mailauth.dkim.tags import Tag
from mailsuite.model.errors import PeerError

SETS = 50  # RFC 8617 §5.2, step 1

RESULTS = b"arc-authentication-results"
MESSAGE = b"arc-message-signature"
SEAL = b"arc-seal"
NAMES = (RESULTS, MESSAGE, SEAL)
"""In the order in which seals cover them (RFC 8617 §5.1.1)."""

_CFWS = rb"(?>(?:[ \t\r\n]|\([^()\\]*+\))*)"
_INSTANCE = re.compile(
    rb":%b[iI]%b=%b([0-9]{1,2})%b;" % (_CFWS, _CFWS, _CFWS, _CFWS), re.DOTALL
)
_ANYWHERE = re.compile(
    rb"[:;][ \t\r\n]*+[iI][ \t\r\n]*+=[ \t\r\n]*+([0-9]{1,2})[ \t\r\n]*+;"
)
_DIGITS = re.compile(rb"[0-9]{1,2}\Z")


class Broken(PeerError):  # noqa: N818 - an answer about the chain
    """The chain fails (RFC 8617 §5.2.1: for good); the text says why."""


@frozen
class Seal:
    """What an ARC-Seal says, every tag checked (RFC 8617 §4.1.3)."""

    status: str
    """``cv=``: ``none``, ``pass`` or ``fail``."""
    domain: str
    selector: str
    algorithm: str
    signature: bytes
    cut: tuple[int, int]
    """Where the value of ``b=`` stands in the whole field."""

    @property
    def kind(self) -> str:
        """``rsa`` or ``ed25519``."""
        return claims.ALGORITHMS[self.algorithm.encode()]


@frozen
class Set:
    """One instance: places of its fields in the header, and its seal."""

    results: int
    message: int
    place: int
    seal: Seal


def text(header: Header, place: int) -> str:
    """Give what an ARC-Authentication-Results says behind its instance."""
    whole = header.canonical(place, Canon.RELAXED)
    found = _results(whole)
    value = whole[found.end() :] if found else b""
    return value.decode("utf-8", "replace").strip()


def highest(header: Header) -> int:
    """Give the greatest instance of any ARC field, 0 without one (RFC 8617 §5.1)."""
    known = 0
    for name in NAMES:
        for place in header.places(name):
            found = _ANYWHERE.search(header.fields[place])
            known = max(known, int(found[1]) if found else 0)
    return known


def collect(header: Header) -> Sequence[Set]:
    """Give the sets, oldest first; none is an empty chain.

    :raises Broken: there are too many, or they have not the shape of a chain.
    """
    places = {name: header.places(name) for name in NAMES}
    if not any(places.values()):
        return ()
    if header.broken:
        raise Broken(header.broken)
    if any(len(found) > SETS for found in places.values()):
        raise Broken(f"more than {SETS} sets")
    results = _numbered(RESULTS, {at: _position(header, at) for at in places[RESULTS]})
    listed = {
        at: _listed(header, at) for name in (MESSAGE, SEAL) for at in places[name]
    }
    messages = _numbered(MESSAGE, {at: _tagged(listed[at]) for at in places[MESSAGE]})
    seals = _numbered(SEAL, {at: _tagged(listed[at]) for at in places[SEAL]})
    last = max((*results, *messages, *seals))
    if last in seals and _status(listed[seals[last]]) == "fail":
        raise Broken(f"the sealer of set {last} found the chain broken (cv=fail)")
    made = []
    for n in range(1, last + 1):
        if not (n in results and n in messages and n in seals):
            raise Broken(f"set {n} of {last} is not complete")
        seal = _seal(listed[seals[n]], n)
        made.append(Set(results[n], messages[n], seals[n], seal))
    return made


def _numbered(name: bytes, places: Mapping[int, int]) -> dict[int, int]:
    """Turn places with their instances around."""
    found: dict[int, int] = {}
    for place, instance in places.items():
        if instance in found:
            raise Broken(f"set {instance} has two {name.decode()}")
        found[instance] = place
    return found


def _position(header: Header, place: int) -> int:
    found = _results(header.fields[place])
    if found is None:
        raise Broken("an arc-authentication-results has no i=")
    return _bounded(found[1])


def _results(field: bytes) -> re.Match[bytes] | None:
    return _INSTANCE.match(field, field.index(b":"))


def _listed(header: Header, place: int) -> dict[bytes, Tag]:
    try:
        return claims.listed(header, place)
    except Unfit as unfit:
        raise Broken(f"{header.names[place].decode()}: {unfit.reason}") from unfit


def _tagged(found: Mapping[bytes, Tag]) -> int:
    value = found[b"i"].value if b"i" in found else b""
    if not _DIGITS.match(value):
        raise Broken("a field of ARC has no i=")
    return _bounded(value)


def _bounded(digits: bytes) -> int:
    number = int(digits)
    if not 1 <= number <= SETS:
        raise Broken(f"i= is not between 1 and {SETS}")
    return number


def _status(found: Mapping[bytes, Tag]) -> str:
    return tags.text(found[b"cv"].value).lower() if b"cv" in found else ""


def _seal(found: Mapping[bytes, Tag], instance: int) -> Seal:
    """Judge the tags of an ARC-Seal."""
    status = _status(found)
    if status != ("none" if instance == 1 else "pass"):
        raise Broken(f"set {instance} says cv={status[:10]}")
    if b"h" in found:
        raise Broken(f"the seal of set {instance} has h=")
    try:
        domain, selector, algorithm = claims.signer(found)
        signature = claims.octets(found, b"b")
    except Unfit as unfit:
        raise Broken(f"the seal of set {instance}: {unfit.reason}") from unfit
    cut = (found[b"b"].start, found[b"b"].end)
    return Seal(status, domain, selector, algorithm, signature, cut)

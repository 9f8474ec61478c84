"""DKIM-Signature fields and their ARC relatives, read and judged by themselves.

RFC 6376 §3.5 and §6.1.1. An ARC-Message-Signature (RFC 8617 §4.1.2) has the same tags
but no ``v=``, and its ``i=`` is a number.
"""

import re
from collections.abc import Mapping

from attrs import field, frozen

from mailsuite.mailauth.dkim import tags
from mailsuite.mailauth.dkim.canonical import Canon
from mailsuite.mailauth.dkim.headers import Header
from mailsuite.mailauth.dkim.limits import (
    EXPIRY_SKEW,
    FUTURE_SKEW,
    SIGNATURE_OCTETS,
    SIGNED_NAMES,
)
from mailsuite.mailauth.dkim.names import domain_name, selector_name
from mailsuite.mailauth.dkim.reasons import Unfit
from mailsuite.mailauth.dkim.tags import Tag
from mailsuite.model.proofs import Result

ALGORITHMS = {b"rsa-sha256": "rsa", b"ed25519-sha256": "ed25519"}
"""``a=`` to the key type that it needs."""

DIGITS = 12  # of t= and x=, RFC 6376 §3.5
LENGTH_DIGITS = 76  # of l=, RFC 6376 §3.5

_NAME = re.compile(rb"[!-9;-~]++\Z")


@frozen
class Claim:
    """What a signature says, every tag checked."""

    place: int
    """Of its field in the header."""
    domain: str
    """``d=`` in A-labels, lower case; ``selector`` likewise."""
    selector: str
    algorithm: str
    signature: bytes = field(repr=False)
    body_hash: bytes = field(repr=False)
    header_canon: Canon
    body_canon: Canon
    names: tuple[bytes, ...]
    """``h=`` in lower case."""
    length: int | None
    """``l=``, octets."""
    identity: str
    """``i=`` as it stands, or ``@`` and ``d=``; the instance number in ARC."""
    made: int | None
    """``t=``, seconds since 1970; ``expires`` (``x=``) likewise."""
    expires: int | None
    cut: tuple[int, int]
    """Where the value of ``b=`` stands in the whole field."""

    @property
    def key_type(self) -> str:
        """``rsa`` or ``ed25519``."""
        return ALGORITHMS[self.algorithm.encode()]

    def signed(self, header: Header) -> bytes:
        """Give the octets whose SHA-256 is signed (RFC 6376 §3.7)."""
        own = header.without(self.place, *self.cut, self.header_canon)
        return header.chosen(self.names, self.header_canon, self.place) + own


def listed(header: Header, place: int) -> dict[bytes, Tag]:
    """Read the tag list of a field; offsets are those in the whole field.

    :raises Unfit: it is none, or too long.
    """
    whole = header.fields[place]
    if len(whole) > SIGNATURE_OCTETS:
        raise Unfit(Result.NEUTRAL, f"more than {SIGNATURE_OCTETS} octets")
    try:
        return tags.parse(whole[:-2], whole.index(b":") + 1)
    except ValueError as error:
        raise Unfit(Result.NEUTRAL, str(error)) from error


def read(place: int, found: Mapping[bytes, Tag]) -> Claim:
    """Judge the tags of a DKIM-Signature.

    :raises Unfit: with the result that it has for good.
    """
    if tag(found, b"v") != b"1":
        raise Unfit(Result.PERMERROR, "v= is not 1")
    claim = signature(found, place, found.get(b"i"))
    if b"from" not in claim.names:
        raise Unfit(Result.PERMERROR, "h= does not name From")
    identified(claim)
    return claim


def tag(found: Mapping[bytes, Tag], name: bytes) -> bytes:
    """Give the value of a required tag.

    :raises Unfit: it is missing or empty.
    """
    if name not in found:
        raise Unfit(Result.PERMERROR, f"{name.decode()}= is missing")
    if not found[name].value:
        raise Unfit(Result.NEUTRAL, f"{name.decode()}= is empty")
    return found[name].value


def signature(found: Mapping[bytes, Tag], place: int, identity: Tag | None) -> Claim:
    """Judge the tags that DKIM-Signature and ARC-Message-Signature share."""
    domain, selector, algorithm = signer(found)
    header_canon, body_canon = canons(found)
    methods = tags.members(found[b"q"].value) if b"q" in found else [b"dns/txt"]
    if b"dns/txt" not in methods:
        raise Unfit(Result.NEUTRAL, "q= has no method that we know")
    made, expires = number(found, b"t"), number(found, b"x")
    if made is not None and expires is not None and expires <= made:
        raise Unfit(Result.PERMERROR, "x= is not after t=")
    return Claim(
        place,
        domain,
        selector,
        algorithm,
        octets(found, b"b"),
        octets(found, b"bh"),
        header_canon,
        body_canon,
        _names(tag(found, b"h")),
        number(found, b"l", LENGTH_DIGITS),
        tags.text(identity.value) if identity else "@" + domain,
        made,
        expires,
        (found[b"b"].start, found[b"b"].end),
    )


def signer(found: Mapping[bytes, Tag]) -> tuple[str, str, str]:
    """Give ``d=``, ``s=`` and ``a=``, as every signature of DKIM and ARC has them."""
    algorithm = tag(found, b"a").lower()
    if algorithm == b"rsa-sha1":
        raise Unfit(Result.PERMERROR, "rsa-sha1 proves nothing (RFC 8301)")
    if algorithm not in ALGORITHMS:
        raise Unfit(Result.NEUTRAL, "a= is no algorithm that we know")
    domain = domain_name(tag(found, b"d"))
    if not domain:
        raise Unfit(Result.NEUTRAL, "d= is no domain name")
    selector = selector_name(tag(found, b"s"))
    if not selector:
        raise Unfit(Result.NEUTRAL, "s= is no selector")
    return domain, selector, algorithm.decode()


def octets(found: Mapping[bytes, Tag], name: bytes) -> bytes:
    """Give the decoded value of ``b=`` or ``bh=``."""
    try:
        return tags.octets(tag(found, name))
    except ValueError as error:
        raise Unfit(Result.NEUTRAL, f"{name.decode()}= is {error}") from error


def canons(found: Mapping[bytes, Tag]) -> tuple[Canon, Canon]:
    """Read ``c=`` for header and body; one name leaves the body simple."""
    value = found[b"c"].value.lower() if b"c" in found else b"simple"
    header, _, body = value.partition(b"/")
    try:
        return Canon(header.decode()), Canon(
            body.decode() if b"/" in value else "simple"
        )
    except ValueError as error:
        raise Unfit(Result.NEUTRAL, "c= is nothing that we know") from error


def number(found: Mapping[bytes, Tag], name: bytes, digits: int = DIGITS) -> int | None:
    """Give a number, None if it is not there."""
    if name not in found:
        return None
    try:
        return tags.number(found[name].value, digits)
    except ValueError as error:
        raise Unfit(Result.NEUTRAL, f"{name.decode()}= is {error}") from error


def _names(value: bytes) -> tuple[bytes, ...]:
    names = tags.members(value.lower())
    if len(names) > SIGNED_NAMES:
        raise Unfit(Result.NEUTRAL, f"h= has more than {SIGNED_NAMES} names")
    if not all(map(_NAME.match, names)):
        raise Unfit(Result.NEUTRAL, "h= is no list of field names")
    return tuple(names)


def identified(claim: Claim) -> str:
    """Give the domain of ``i=``, which is ``d=`` or below it (RFC 6376 §6.1.1).

    :raises Unfit: it is not.
    """
    if claim.identity == "@" + claim.domain:
        return claim.domain
    _, at, domain = claim.identity.rpartition("@")
    name = domain_name(domain.encode("utf-8", "replace")) if at else ""
    if not name:
        raise Unfit(Result.NEUTRAL, "i= is no identity")
    if name != claim.domain and not name.endswith("." + claim.domain):
        raise Unfit(Result.PERMERROR, "the domain of i= is not within d=")
    return name


def timely(claim: Claim, now: float) -> None:
    """Hold ``t=`` and ``x=`` against the clock.

    :raises Unfit: expired, or made in the future.
    """
    if claim.expires is not None and claim.expires < now - EXPIRY_SKEW:
        raise Unfit(Result.POLICY, "expired")
    if claim.made is not None and claim.made > now + FUTURE_SKEW:
        raise Unfit(Result.POLICY, "made in the future")

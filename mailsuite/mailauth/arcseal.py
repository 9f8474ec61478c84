"""A further ARC Set for mail that we hand on (RFC 8617 §5.1).

The set is the last thing that is done to a message: nothing may change after it.
"""

from binascii import b2a_base64

from attrs import frozen

from mailsuite.mailauth import arcsets
from mailsuite.mailauth.arcsets import SEAL, SETS, Broken
from mailsuite.mailauth.dkim import canonical, claims, headers, sign
from mailsuite.mailauth.dkim.canonical import Canon
from mailsuite.mailauth.dkim.headers import Header
from mailsuite.mailauth.dkim.reasons import Unfit
from mailsuite.mailauth.dkim.sign import Names, Signer

NAMES = Names(
    (b"from",),
    (
        *(name for name in sign.OVERSIGNED if name != b"from"),
        *sign.PRESENT,
        b"dkim-signature",  # RFC 8617 §4.1.2: what stands there SHOULD be covered
    ),
)
"""What the message signature covers. Readers of mail that was handed on meet other
hands after ours, so that only From is protected against additions."""


@frozen
class Seen:
    """What we found when the message came in."""

    results: str
    """Value of our Authentication-Results: authserv-id, semicolon, findings."""
    status: str
    """``none``, ``pass`` or ``fail``: the chain as it came (RFC 8617 §4.4)."""


def seal(
    header: bytes,
    body_hash: bytes,
    signer: Signer,
    seen: Seen,
    now: float,
) -> bytes:
    """Give the three fields of a set, to be put before the message.

    ``body_hash`` is that of the relaxed body. Empty where nothing may be sealed: the
    chain has ended (RFC 8617 §5.1.3), is full, or is not what ``seen`` says.
    """
    known = headers.read(header)
    if known.broken or not known.places(b"from") or not _agree(known, seen.status):
        return b""
    instance = arcsets.highest(known) + 1
    if instance > SETS:
        return b""
    lines = [line.strip() for line in seen.results.encode().splitlines()]
    value = b"\r\n\t".join(filter(None, lines))
    results = b"ARC-Authentication-Results: i=%d; %b\r\n" % (instance, value)
    message = _message(known, body_hash, signer, instance, now)
    before = _before(known) if seen.status == "pass" else b""
    scope = before + canonical.relaxed(results) + canonical.relaxed(message)
    unsigned = b"ARC-Seal: i=%d; a=%b; t=%d; cv=%b;\r\n\td=%b; s=%b;\r\n\tb=" % (
        instance,
        signer.algorithm.encode(),
        now,
        seen.status.encode(),
        signer.domain.encode(),
        signer.selector.encode(),
    )
    return sign.completed(unsigned, scope, signer.private) + message + results


def _message(
    header: Header, body_hash: bytes, signer: Signer, instance: int, now: float
) -> bytes:
    listed = sign.covered(header, NAMES)
    unsigned = (
        b"ARC-Message-Signature: i=%d; a=%b; c=relaxed/relaxed;\r\n"
        b"\td=%b; s=%b; t=%d;\r\n\th=%b;\r\n\tbh=%b;\r\n\tb="
    ) % (
        instance,
        signer.algorithm.encode(),
        signer.domain.encode(),
        signer.selector.encode(),
        now,
        sign.folded(listed),
        b2a_base64(body_hash, newline=False),
    )
    chosen = header.chosen(listed, Canon.RELAXED)
    return sign.completed(unsigned, chosen, signer.private)


def _agree(header: Header, status: str) -> bool:
    """Whether the message has the chain that ``status`` tells of."""
    there = any(header.places(name) for name in arcsets.NAMES)
    if status == "none":
        return not there
    if status == "pass":
        try:
            return bool(arcsets.collect(header))
        except Broken:
            return False
    return status == "fail" and there and not _ended(header)


def _ended(header: Header) -> bool:
    """Whether the newest seal says ``cv=fail`` (RFC 8617 §5.1, step 2)."""
    last, ended = 0, False
    for place in header.places(SEAL):
        try:
            found = claims.listed(header, place)
            number = claims.number(found, b"i", 2) or 0
        except Unfit:
            continue
        if number > last:
            last = number
            ended = b"cv" in found and found[b"cv"].value.lower() == b"fail"
    return ended


def _before(header: Header) -> bytes:
    """Join the sets that are there, as a seal covers them (RFC 8617 §5.1.1)."""
    return b"".join(
        header.canonical(place, Canon.RELAXED)
        for one in arcsets.collect(header)
        for place in (one.results, one.message, one.place)
    )

"""A further ARC Set for mail that we hand on (RFC 8617 §5.1).

The set is the last thing that is done to a message: nothing may change after it.
"""

from binascii import b2a_base64

from attrs import frozen

from mailsuite.mailauth import arcsets, claims, results
from mailsuite.mailauth.arcsets import SEAL, SETS, Broken
from mailsuite.mailauth.claims import Finding
from mailsuite.mailauth.dkim import canonical, headers, sign
from mailsuite.mailauth.dkim import claims as tagged
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


FIELDS = 50  # Authentication-Results that are looked at


@frozen
class Seen:
    """What we found when the message came in, in all fields of our name."""

    service: str
    findings: tuple[Finding, ...]

    @property
    def status(self) -> str:
        """``none``, ``pass`` or ``fail``: the chain as it came (RFC 8617 §4.4)."""
        said = {one.result for one in self.findings if one.method == "arc"}
        return said.pop() if len(said) == 1 else "fail" if said else "none"


def seen(header: Header, service: str) -> Seen | None:
    """Read what Authentication-Results say in our name; None: nothing.

    Reception has removed what others wrote in it.
    """
    found: list[Finding] = []
    there = False
    for place in header.places(b"authentication-results")[:FIELDS]:
        said = claims.parse(header.fields[place].partition(b":")[2])
        if said is not None and said.service.lower() == service.lower():
            there = True
            found += said.findings
    return Seen(service, tuple(found)) if there else None


def seal(
    header: bytes,
    body_hash: bytes,
    signer: Signer,
    service: str,
    now: float,
) -> bytes:
    """Give the three fields of a set, to be put before the message.

    ``body_hash`` is that of the relaxed body. ``service`` is the authserv-id of our
    Authentication-Results, from which we know what was found. Empty where nothing may
    be sealed: we found nothing, the chain has ended (RFC 8617 §5.1.3), is full, or is
    not what we found.
    """
    known = headers.read(header)
    found = None if known.broken else seen(known, service)
    if found is None or not known.places(b"from") or not _agree(known, found.status):
        return b""
    instance = arcsets.highest(known) + 1
    if instance > SETS:
        return b""
    said = results.arc(instance, found.findings, service)
    message = _message(known, body_hash, signer, instance, now)
    before = _before(known) if found.status == "pass" else b""
    scope = before + canonical.relaxed(said) + canonical.relaxed(message)
    unsigned = b"ARC-Seal: i=%d; a=%b; t=%d; cv=%b;\r\n\td=%b; s=%b;\r\n\tb=" % (
        instance,
        signer.algorithm.encode(),
        now,
        found.status.encode(),
        signer.domain.encode(),
        signer.selector.encode(),
    )
    return sign.completed(unsigned, scope, signer.private) + message + said


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
            found = tagged.listed(header, place)
            number = tagged.number(found, b"i", 2) or 0
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

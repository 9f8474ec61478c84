"""What was found out about who sent a message (RFC 8601 §2.7).

Each finding has ``steps``: what was looked at and what came of it, in words, in
their order. Peers chose much of that text; whoever shows it escapes it.
"""

from enum import Enum

from attrs import Factory, field, frozen

Steps = tuple[str, ...]


class Result(Enum):
    """The word that Authentication-Results uses (RFC 8601 §2.7)."""

    NONE = "none"
    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    POLICY = "policy"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"

    __hash__ = object.__hash__  # each word is one object; Enum's own costs ten times


@frozen
class Reverse:
    """Iprev (RFC 8601 §3): whether the name of the address leads back to it."""

    result: Result
    name: str = ""
    """The name that leads back; else the first that does not, or empty."""
    steps: Steps = ()


@frozen
class SPF:
    """One check (RFC 7208): ``scope`` is ``helo`` or ``mailfrom``."""

    result: Result
    scope: str
    domain: str
    """The domain whose policy was asked, in A-labels."""
    mechanism: str = ""
    """What decided, as it stands in the record: ``ip4:192.0.2.0/24``."""
    explanation: str = ""
    """The domain owner's text for a fail (RFC 7208 §6.2)."""
    steps: Steps = ()


@frozen
class Signature:
    """One DKIM-Signature (RFC 6376), in the order of the header."""

    result: Result
    domain: str
    """``d=``, in A-labels, lower case."""
    selector: str
    identity: str = ""
    """``i=``, or ``@`` and the domain."""
    algorithm: str = ""
    """``rsa-sha256`` or ``ed25519-sha256``."""
    bits: int = 0
    """Size of the key; an RSA key below 2,048 is weak (RFC 8301 §3.2)."""
    reason: str = ""
    begins: str = ""
    """The first characters of ``b=``, for ``header.b`` (RFC 6008)."""
    whole: bool = True
    """False: ``l=`` leaves octets of the body out."""
    testing: bool = False
    """The key says ``t=y``."""
    fields: tuple[str, ...] = ()
    """``h=`` in lower case."""
    steps: Steps = ()


@frozen
class Chain:
    """The Authenticated Received Chain (RFC 8617 §5.2)."""

    result: Result
    sets: int = 0
    sealers: tuple[str, ...] = ()
    """``d=`` of each seal, newest first."""
    trusted: str = ""
    """The newest sealer that we trust, if the chain passes."""
    claims: str = ""
    """What the oldest trusted set's ARC-Authentication-Results says."""
    reason: str = ""
    steps: Steps = ()
    oldest: int | None = None
    """Instance of the oldest message signature that verifies, 0: all (RFC 8617 §5.2)."""


@frozen
class Policy:
    """A DMARC policy record (RFC 9989 §4.7, RFC 7489 §6.3)."""

    domain: str
    """Where the record was found, without ``_dmarc``."""
    text: str
    p: str = "none"
    sp: str = ""
    np: str = ""
    adkim: str = "r"
    aspf: str = "r"
    fo: str = "0"
    testing: bool = False
    percent: int = 100
    """``pct=`` of RFC 7489; RFC 9989 has only ``t=``."""
    psd: str = "u"
    rua: tuple[str, ...] = ()
    ruf: tuple[str, ...] = ()


@frozen
class DMARC:
    """The evaluation for one author domain (RFC 9989 §5.3)."""

    result: Result
    domain: str
    """Of the From field, in A-labels."""
    organizational: str = ""
    policy: Policy | None = None
    disposition: str = "none"
    """What the owner asks for: ``none``, ``quarantine`` or ``reject``."""
    spf: bool = False
    """Whether SPF passed in alignment; ``dkim`` likewise."""
    dkim: bool = False
    reason: str = ""
    steps: Steps = ()
    discovery: str = ""
    """How the organizational domain was found: ``treewalk`` or ``psl`` (RFC 9990)."""


@frozen
class BIMI:
    """The logo of the author's domain (draft-brand-indicators §7.7).

    ``result`` is a word of its own list: ``pass none fail temperror declined
    skipped``.
    """

    result: str
    domain: str = ""
    """Where the record was found, without selector and ``_bimi``."""
    selector: str = ""
    location: str = ""
    """``l=``: where the logo is, an https URI."""
    authority: str = ""
    """``a=``: where the evidence is; it is not looked at."""
    preference: str = ""
    """``avp=``: ``brand`` or ``personal``, if it was said."""
    reason: str = ""
    steps: Steps = ()
    logo: bytes = field(default=b"", repr=False)
    """The SVG, where it was fetched and is fit to be shown."""


@frozen
class Proofs:
    """All findings about one message."""

    ip: str
    greeting: str
    sender: str
    """Address of the reverse-path; empty: null."""
    reverse: Reverse
    helo: SPF
    mailfrom: SPF
    signatures: tuple[Signature, ...]
    chain: Chain
    dmarc: DMARC
    authors: tuple[str, ...] = Factory(tuple)
    """Domains of all From addresses, in A-labels."""
    bimi: BIMI | None = None
    """None: nobody wanted to know."""

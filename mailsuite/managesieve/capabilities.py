"""What the greeting and CAPABILITY tell (RFC 5804 §1.7)."""

from mailsuite.managesieve.ground import Offer
from mailsuite.wire.managesieve import replies
from mailsuite.wire.sasl import mechanisms


def told(offer: Offer, *, allowed: bool, starttls: bool, owner: str) -> bytes:
    """Render them. ``allowed``: whether one may log in over the connection as it is.

    An empty list of mechanisms is a hint at STARTTLS, and stands only beside it;
    ``owner`` is who is logged in, or empty.
    """
    pairs: list[tuple[str, str | None]] = [("IMPLEMENTATION", "mailsuite")]
    if allowed or starttls:
        pairs.append(("SASL", " ".join(mechanisms.OFFERED) if allowed else ""))
    pairs += [
        ("SIEVE", " ".join(offer.extensions)),
        ("MAXREDIRECTS", str(offer.redirects)),
    ]
    if offer.notify:
        pairs.append(("NOTIFY", " ".join(offer.notify)))
    if starttls:
        pairs.append(("STARTTLS", None))
    if owner:
        pairs.append(("OWNER", owner))
    pairs += [("UNAUTHENTICATE", None), ("VERSION", "1.0")]
    return replies.capabilities(pairs)

"""What the greeting and CAPABILITY tell (RFC 5804 §1.7)."""

from collections.abc import Sequence

from mailsuite.managesieve.ground import Offer
from mailsuite.wire.managesieve import replies


def told(
    offer: Offer, mechanisms: Sequence[str], *, starttls: bool, owner: str
) -> bytes:
    """Render them. ``mechanisms``: how to log in over the connection as it is.

    An empty list of mechanisms is a hint at STARTTLS, and stands only beside it;
    ``owner`` is who is logged in, or empty.
    """
    pairs: list[tuple[str, str | None]] = [("IMPLEMENTATION", "mailsuite")]
    if mechanisms or starttls:
        pairs.append(("SASL", " ".join(mechanisms)))
    pairs += [
        ("SIEVE", " ".join(offer.extensions)),
        ("MAXREDIRECTS", str(offer.redirects)),
    ]
    if offer.notify:
        pairs.append(("NOTIFY", " ".join(offer.notify)))
    if offer.lists:
        pairs.append(("EXTLISTS", " ".join(offer.lists)))
    if starttls:
        pairs.append(("STARTTLS", None))
    if owner:
        pairs.append(("OWNER", owner))
    pairs += [("UNAUTHENTICATE", None), ("VERSION", "1.0")]
    return replies.capabilities(pairs)

"""Keys that prove mail to be ours (RFC 6376 §3.6), and who signs with them."""

from collections.abc import Sequence

from attrs import field, frozen
from zope.interface import Interface

from mailsuite.model.envelope import Blob, Marks


@frozen
class SigningKey:
    """One key of a domain of ours. ``algorithm``: ``rsa-sha256``, ``ed25519-sha256``.

    ``state`` is ``new`` (published, not yet used), ``active`` or ``old`` (no longer
    used, still published until what it signed has arrived).
    """

    domain: str
    selector: str
    algorithm: str
    state: str
    created: float
    record: str
    """The TXT record to publish at ``<selector>._domainkey.<domain>``."""
    private: bytes = field(repr=False)
    """PKCS #8, PEM."""


class IKeys(Interface):
    """Keys of our domains; a change through the suite counts at once."""

    def signing(domain: str) -> Sequence[SigningKey]:
        """The active keys of a domain, cached; empty if it has none."""


class ISigner(Interface):
    """The last step before a message leaves us."""

    async def signed(blob: Blob, marks: Marks, author: str) -> bytes:
        """Header fields to put before the message; empty: nothing to prove.

        ``author`` is the reverse-path's domain, for messages without a From of
        ours. Never raises for bad mail.
        """

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
    since: float = 0.0
    """When it came into its state; wall seconds, as ``created``."""

    @property
    def name(self) -> str:
        """Where the record stands in DNS, without the final dot."""
        return f"{self.selector}._domainkey.{self.domain}"


class IKeys(Interface):
    """Keys of our domains; a change through the suite counts at once."""

    def signing(domain: str) -> Sequence[SigningKey]:
        """The active keys of a domain, cached; empty if it has none."""

    def published(domain: str) -> Sequence[SigningKey]:
        """Every key whose record must stand in DNS: new, active and old ones."""

    async def needed(domain: str) -> Sequence[SigningKey]:
        """As ``signing``; keys are made for a domain of ours that has none.

        Empty if the domain is not ours.
        """


class IKeysAdmin(Interface):
    """Changes to the keys in ``state.db``; used by the API and the CLI.

    Each raises :class:`~mailsuite.model.errors.UsageError` with a text that says
    what to do; each is durable on return, and gives the keys it touched.
    """

    async def keys(domain: str = "") -> Sequence[SigningKey]:
        """All keys, or those of one domain, by domain and age."""

    async def add(domain: str) -> Sequence[SigningKey]:
        """Make the first keys of a domain; active at once."""

    async def rotate(domain: str) -> Sequence[SigningKey]:
        """Make the next keys; they take over when they have been published."""

    async def activate(domain: str) -> Sequence[SigningKey]:
        """Let the new keys sign from now on, and retire those before them."""

    async def retire(domain: str, selector: str = "") -> Sequence[SigningKey]:
        """Forget old keys now; with ``selector`` that key, an active one too."""


class ISigner(Interface):
    """The last step before a message leaves us."""

    async def signed(blob: Blob, marks: Marks, author: str) -> bytes:
        """Header fields to put before the message; empty: nothing to prove.

        ``author`` is the reverse-path's domain, for messages without a From of
        ours. Never raises for bad mail.
        """

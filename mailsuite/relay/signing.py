"""The last step before a message leaves us: signatures, or a seal.

Mail of ours gets a DKIM-Signature for each active key of its author's domain (RFC
6376 §5, RFC 8463), over the octets that go over the wire: the relay never converts
them, so that nothing changes behind it. Mail that is handed on gets a set of ARC (RFC
8617 §5.1) where the settings ask for it.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from attrs import define, field, frozen
from zope.interface import implementer

from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.signing import IKeys, ISigner, SigningKey
from mailsuite.mailauth import arcseal
from mailsuite.mailauth.dkim import sign
from mailsuite.mailauth.dkim.bodies import Body
from mailsuite.mailauth.dkim.canonical import Canon
from mailsuite.mailauth.dkim.sign import Names, Signer
from mailsuite.mailauth.labels import ascii_name, parents
from mailsuite.mailauth.settings import Signing
from mailsuite.model.envelope import Blob, Marks
from mailsuite.model.errors import Damaged, UsageError
from mailsuite.net.lanes import Lane
from mailsuite.relay import authorship
from mailsuite.relay.content import Content

INLINE_OCTETS = 64 * 1024  # of content that is hashed on the reactor: 0.3 ms
KEPT_SIGNERS = 1_000  # decoded private keys; decoding one costs about a millisecond
KEPT_HASHES = 1_000  # of large bodies, for the next attempt

SEALERS = ("rsa-sha256", "ed25519-sha256")
"""A set of ARC has one algorithm; every validator knows the first."""


@frozen
class Terms:
    """What is signed and how: settings, our host name, our authserv-id."""

    settings: Signing
    hostname: str
    service: str

    @classmethod
    def of(cls, settings: Signing, hostname: str, service: str = "") -> "Terms":
        """Make them; without a ``service`` the host name is that too."""
        return cls(settings, hostname.lower(), service or hostname)

    @property
    def names(self) -> Names:
        """The fields that signatures cover."""
        return Names(
            _lower(self.settings.oversigned),
            _lower(self.settings.signed),
        )


def _lower(names: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(name.strip().lower().encode() for name in names)


def checked(settings: Signing) -> None:
    """Look at what cannot be used. :raises UsageError: says what."""
    for name in (*settings.oversigned, *settings.signed):
        if not name.isascii() or not name.replace("-", "").isalnum():
            raise UsageError(f"signing: {name!r} is no name of a header field")
    if "from" not in map(str.lower, (*settings.oversigned, *settings.signed)):
        raise UsageError("signing.oversigned must name From (RFC 6376 §5.4)")
    if settings.seal_domain and ascii_name(settings.seal_domain) is None:
        raise UsageError(f"signing.seal_domain: {settings.seal_domain!r} is no domain")


@implementer(ISigner)
@define(eq=False, repr=False)
class Signatures:
    """Provides ISigner; large content is read and hashed on ``lane``."""

    _keys: IKeys
    _lane: Lane
    _wall: Callable[[], float]
    _events: IEvents
    _terms: Terms
    _names: Names = field(init=False)
    _signers: "OrderedDict[tuple[str, str], tuple[SigningKey, Signer]]" = field(
        factory=OrderedDict, init=False
    )
    _hashes: "OrderedDict[str, bytes]" = field(factory=OrderedDict, init=False)

    def __attrs_post_init__(self) -> None:
        self.rearrange(self._terms)

    def rearrange(self, terms: Terms) -> None:
        """Use other terms. :raises UsageError: a setting cannot be used."""
        checked(terms.settings)
        self._terms, self._names = terms, terms.names

    def stop(self) -> None:
        """End the thread."""
        self._lane.stop()

    async def signed(self, blob: Blob, marks: Marks, author: str) -> bytes:
        """Give signatures or a seal; nothing if there is nothing to prove."""
        mine, settings = authorship.own(marks), self._terms.settings
        judged = settings.arc_seal and authorship.JUDGED in marks
        if not (settings.enabled if mine else judged):
            return b""
        content = Content(blob, self._lane)
        try:
            await content.open(None)
            header, start = await content.head()
            if mine:
                return await self._sign(blob, content, header, start, author)
            return await self._seal(blob, content, header, start)
        except Damaged:  # the relay finds out for itself
            return b""

    async def _sign(
        self, blob: Blob, content: Content, header: bytes, start: int, author: str
    ) -> bytes:
        signers = await self._signers_of(authorship.domains(header, author))
        if not signers:
            return b""
        digest = await self._digest(blob, content, start)
        now = self._wall()
        fields = sign.sign(header, digest, signers, now, names=self._names)
        if not fields:
            self._unsigned(signers[0].domain, "the header is malformed")
        return fields

    async def _signers_of(self, domains: Sequence[str]) -> Sequence[Signer]:
        """Find the first domain with keys, itself or one above it that is ours."""
        for domain in domains:
            for name in (domain, *parents(domain)):
                keys = self._keys.signing(name) or await self._keys.needed(name)
                signers = [one for key in keys if (one := self._signer(key))]
                if signers:
                    return signers
        return ()

    def _signer(self, key: SigningKey) -> Signer | None:
        where = key.domain, key.selector
        kept = self._signers.get(where)
        if kept is not None and kept[0] == key:
            self._signers.move_to_end(where)
            return kept[1]
        try:
            signer = sign.signer(key)
        except UsageError as error:
            self._unsigned(key.domain, str(error))
            return None
        self._signers[where] = key, signer
        if len(self._signers) > KEPT_SIGNERS:
            self._signers.popitem(last=False)
        return signer

    async def _seal(
        self, blob: Blob, content: Content, header: bytes, start: int
    ) -> bytes:
        terms = self._terms
        domain = terms.settings.seal_domain or terms.hostname
        signers = {
            one.algorithm: one
            for one in await self._signers_of([ascii_name(domain) or ""])
        }
        signer = next((signers[one] for one in SEALERS if one in signers), None)
        if signer is None:
            self._unsigned(domain, "there is no key to seal with")
            return b""
        digest = await self._digest(blob, content, start)
        return arcseal.seal(header, digest, signer, terms.service, self._wall())

    async def _digest(self, blob: Blob, content: Content, start: int) -> bytes:
        """Hash the relaxed body, once for all attempts where it is large."""
        large = blob.size > INLINE_OCTETS
        key = f"{blob.key} {blob.path} {blob.size}"
        if large and key in self._hashes:
            return self._hashes[key]
        body = Body(Canon.RELAXED)
        await content.pour(body.feed, start, inline=not large)
        digest = body.digest()
        assert digest is not None
        if large and blob.key:
            self._hashes[key] = digest
            if len(self._hashes) > KEPT_HASHES:
                self._hashes.popitem(last=False)
        return digest

    def _unsigned(self, domain: str, reason: str) -> None:
        self._events.happened("relay.unsigned", domain=domain, reason=reason)

"""Finds out everything about one message: all checks in their order.

Used by the stage while mail comes in, and by ``mailsuite auth check``.
"""

from collections.abc import Sequence
from typing import Any, cast

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, gatherResults

from mailsuite.dns.budget import Budget
from mailsuite.mailauth import arc, bimi, dmarc, suffixes
from mailsuite.mailauth.author import Authors
from mailsuite.mailauth.dkim import verify
from mailsuite.mailauth.dkim.verify import Bodies, Fetched, Fetching
from mailsuite.mailauth.suffixes import Suffixes
from mailsuite.model.address import Address
from mailsuite.model.proofs import BIMI, DMARC, Proofs, Result, Signature
from mailsuite.policy.authentication.excuses import Excuses
from mailsuite.policy.authentication.ground import Ground
from mailsuite.policy.authentication.replays import Replays
from mailsuite.policy.authentication.senders import UNASKED, Sender, Senders
from mailsuite.policy.authentication.settings import (
    LISTED,
    LOGO,
    NO_LOGO,
    Authentication,
)
from mailsuite.policy.authentication.verdict import Facts, below


async def together(works: Sequence[Fetching]) -> Sequence[Fetched]:
    """Ask for several keys at once."""
    if len(works) < 2:
        return [await work for work in works]
    asked = [Deferred.fromCoroutine(cast("Any", work)) for work in works]
    return await gatherResults(asked, consumeErrors=True)


@frozen
class Client:
    """Who hands a message over; ``ip`` is empty if that tells nothing."""

    ip: str
    helo: str
    sender: Address | None


@frozen
class Letter:
    """What the client handed over: header, its authors, and the hashed body."""

    header: bytes = field(repr=False)
    authors: Authors
    bodies: Bodies = field(repr=False)


@define(eq=False, repr=False)
class Examiner:
    """Made anew at a reload; ``trusted`` sealers come from the settings."""

    ground: Ground
    settings: Authentication
    senders: Senders = field(init=False)
    replays: Replays = field(init=False)
    excuses: Excuses = field(init=False)
    _suffixes: Suffixes | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        ground, settings = self.ground, self.settings
        self.senders = Senders(ground, settings)
        self.replays = Replays(ground.reactor.seconds, settings.replays)
        self.excuses = Excuses.of(settings)
        listed = settings.organizational == LISTED
        self._suffixes = suffixes.bundled() if listed else None

    async def proofs(self, client: Client, letter: Letter) -> Proofs:
        """Give all findings. Questions about the sender go on meanwhile."""
        ground, settings = self.ground, self.settings
        if client.ip:
            self.senders.begin(client.ip, client.helo, client.sender)
        now = ground.wall()
        budget = Budget(
            ground.resolver, ground.reactor, settings.queries // 2, settings.seconds
        )
        signatures = await verify.verify(letter.bodies, budget, now, together)
        chain = await arc.validate(
            letter.bodies, budget, now, self.settings.sealers, together
        )
        sender = await self._sender(client)
        signatures = self._unreplayed(signatures, sender)
        found = await dmarc.judge(
            letter.authors, sender.mailfrom, signatures, budget, self._suffixes
        )
        return Proofs(
            client.ip,
            client.helo,
            str(client.sender or ""),
            sender.reverse,
            sender.helo,
            sender.mailfrom,
            signatures,
            chain,
            found,
            letter.authors.domains,
            await self._logo(letter, found, signatures, budget),
        )

    async def _logo(
        self,
        letter: Letter,
        found: DMARC,
        signatures: tuple[Signature, ...],
        budget: Budget,
    ) -> BIMI | None:
        """Look for the author's logo, as far as somebody wants to know."""
        if self.settings.bimi == NO_LOGO:
            return None
        known = (letter.authors, found, signatures)
        logo = await bimi.look(letter.header, known, budget, self._suffixes)
        if self.settings.bimi == LOGO:
            logo = await self.ground.logos.fetched(logo)
        return logo

    async def _sender(self, client: Client) -> Sender:
        if not client.ip:
            return UNASKED
        return await self.senders.find(client.ip, client.helo, client.sender)

    def _unreplayed(
        self, signatures: tuple[Signature, ...], sender: Sender
    ) -> tuple[Signature, ...]:
        """Count copies that SPF does not support."""
        if not self.replays.limit:
            return signatures
        spf = sender.mailfrom
        if spf.result is Result.PASS and all(
            below(spf.domain, one.domain) or below(one.domain, spf.domain)
            for one in signatures
        ):
            return signatures
        return self.replays.demoted(signatures)

    def facts(self, proofs: Proofs, letter: Letter) -> Facts:
        """Give what the verdict needs beside the proofs."""
        authors = letter.authors
        excuse = self.excuses.find(proofs, letter.header)
        return Facts(authors.fields, authors.trouble, excuse)

"""What SPF may ask of DNS (RFC 7208 §4.6.4): ten terms, two voids, ten names each.

One :class:`Lookups` serves the checks of one message; each check of an identity
counts its own limits and shares the answers.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import spf
from attrs import Factory, define, frozen

from mailsuite.interfaces.resolving import Exchanger, IResolver, NoAnswer, NoSuchName

TERMS = 10  # that ask DNS, RFC 7208 §4.6.4
VOIDS = 2  # answers without records that are tolerated, RFC 7208 §4.6.4
EXCHANGERS = 10  # of one mx term, more is an error; RFC 7208 §4.6.4
NAMES = 10  # of the client's address that are looked at; RFC 7208 §4.6.4
SECONDS = 20.0  # for one check; RFC 7208 §4.6.4 asks for at least that

T = TypeVar("T")


@frozen
class Receiver:
    """What the receiving host gives: its name, times, and how far it goes."""

    name: str = "unknown"
    """For ``%{r}`` in explanations."""
    now: float = 0.0
    """Wall clock in seconds, for ``%{t}`` in explanations."""
    clock: Callable[[], float] | None = None
    """Monotonic seconds; without one the resolver alone bounds the time."""
    seconds: float = SECONDS
    names: bool = True
    """Whether ``ptr`` and ``%{p}`` are looked up (RFC 7208 §5.5)."""


@frozen
class _Found:
    rows: Sequence[str]
    exists: bool


@define(eq=False)
class Answers:
    """Answers so far, by question; a failed one is kept as its exception."""

    resolver: IResolver
    receiver: Receiver
    known: dict[tuple[str, str], object] = Factory(dict)
    began: float = 0.0

    async def ask(self, kind: str, name: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask, or remember; a name that does not exist is :class:`NoSuchName`.

        :raises spf.TempError: no answer, or no time is left.
        """
        key = (kind, name)
        if key not in self.known:
            self._hurry(name)
            try:
                self.known[key] = await ask()
            except (NoSuchName, NoAnswer) as missing:
                self.known[key] = missing
        known = self.known[key]
        if isinstance(known, NoSuchName):
            raise known
        if isinstance(known, NoAnswer):
            raise spf.TempError(f"DNS gave no answer for {kind} of {name}")
        return known  # type: ignore[return-value]  # kind says what it is

    def _hurry(self, name: str) -> None:
        clock = self.receiver.clock
        if clock is not None and clock() - self.began > self.receiver.seconds:
            raise spf.TempError(f"no time was left to ask for {name}")


@define(eq=False)
class Lookups:
    """The questions of one check, counted."""

    answers: Answers
    type: str
    """``A`` or ``AAAA``, as the client's address."""
    terms: int = 0
    voids: int = 0

    def term(self, text: str) -> None:
        """Count a term that asks DNS."""
        self.terms += 1
        if self.terms > TERMS:
            raise spf.PermError(f"more than {TERMS} terms ask DNS", text)

    def void(self, text: str) -> None:
        """Count an answer without records."""
        self.voids += 1
        if self.voids > VOIDS:
            raise spf.PermError(f"more than {VOIDS} lookups found nothing", text)

    async def texts(self, domain: str) -> list[bytes]:
        """Give TXT records; none if the name does not exist."""
        if not _askable(domain):
            return []
        resolver = self.answers.resolver
        try:
            found = await self.answers.ask(
                "TXT", domain, lambda: resolver.texts(domain)
            )
        except NoSuchName:
            return []
        return list(found)

    async def exchangers(self, domain: str) -> Sequence[Exchanger]:
        """Give MX records, best first; none if the name does not exist."""
        if not _askable(domain):
            return ()
        ask = self.answers.resolver.exchangers
        try:
            return await self.answers.ask("MX", domain, lambda: ask(domain))
        except NoSuchName:
            return ()

    async def addresses(self, domain: str, type: str = "") -> _Found:  # noqa: A002
        """Give addresses of the client's family, or of ``type``."""
        kind = type or self.type
        if not _askable(domain):
            return _Found((), exists=False)
        ask = self.answers.resolver.records
        try:
            found = await self.answers.ask(kind, domain, lambda: ask(domain, kind))
        except NoSuchName:
            return _Found((), exists=False)
        return _Found(found.rows, exists=True)

    async def names(self, address: str) -> Sequence[str]:
        """Give names of an address; none if DNS fails (RFC 7208 §5.5)."""
        ask = self.answers.resolver.names
        try:
            found = await self.answers.ask("PTR", address, lambda: ask(address))
        except (NoSuchName, spf.TempError):
            return ()
        return [name.rstrip(".").lower() for name in found[:NAMES]]


def _askable(domain: str) -> bool:
    """Whether DNS can have the name; others are void without being asked."""
    return (
        0 < len(domain) <= 253
        and domain.isascii()
        and all(0 < len(label) <= 63 for label in domain.split("."))
    )

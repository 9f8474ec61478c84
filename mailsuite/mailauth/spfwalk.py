"""``check_host()`` of RFC 7208 §4: term by term until one matches.

What pyspf does between two lookups is done here as a coroutine, so that nothing
is evaluated twice and nothing waits in a thread.
"""

import spf
from attrs import Factory, define, frozen

from mailsuite.mailauth.labels import within
from mailsuite.mailauth.spflookups import EXCHANGERS, Lookups
from mailsuite.mailauth.spfpolicy import Mechanism, Reader, chosen, number
from mailsuite.model.proofs import Result

SHOWN = 300  # characters of a record or a list that a step repeats


@frozen
class Answer:
    """What a policy says; ``explain`` is where the text for a fail stands."""

    result: Result
    mechanism: str = ""
    explain: str = ""
    domain: str = ""


@define(eq=False)
class Walk:
    """One check of one identity."""

    reader: Reader
    lookups: Lookups
    steps: list[str] = Factory(list)
    _names: list[str] | None = None

    async def host(self, domain: str) -> Answer:
        """Evaluate the policy of ``domain``.

        :raises spf.TempError, spf.PermError: as the RFC's results of these names.
        """
        record = chosen(await self.lookups.texts(domain))
        if record is None:
            self.steps.append(f"{domain} publishes no SPF policy")
            return Answer(Result.NONE)
        self.steps.append(f"{domain} publishes: {_short(record)}")
        name = await self._name(domain) if "%{p" in record.lower() else "unknown"
        policy = self.reader.policy(record, domain, name)
        for one in policy.mechanisms:
            if await self._matches(one, domain):
                self.steps.append(f"{one.text} of {domain} matches: {one.result}")
                return Answer(Result(one.result), one.text, policy.explain, domain)
        if not policy.redirect:
            self.steps.append(f"nothing in the policy of {domain} matches: neutral")
            return Answer(Result.NEUTRAL)
        self.lookups.term(f"redirect={policy.redirect}")
        self.steps.append(f"{domain} redirects to {_short(policy.redirect)}")
        answer = await self.host(policy.redirect)
        if answer.result is Result.NONE:
            raise spf.PermError("no policy where it redirects to", policy.redirect)
        return answer

    async def explanation(self, answer: Answer) -> str:
        """Fetch the owner's text for a fail; empty if it cannot be had."""
        if answer.result is not Result.FAIL or not answer.explain:
            return ""
        try:
            texts = await self.lookups.texts(answer.explain)
            if len(texts) != 1:
                return ""
            name = "unknown"
            if b"%{p" in texts[0].lower():
                name = await self._name(answer.domain)
            return self.reader.explanation(texts[0], answer.domain, name)
        except (spf.TempError, spf.PermError):
            return ""  # RFC 7208 §6.2: as if there were no exp

    async def _matches(self, one: Mechanism, domain: str) -> bool:
        if one.name == "all":
            return True
        if one.name in {"ip4", "ip6"}:
            return self._holds(one.domain, one.prefix, one.name[-1])
        self.lookups.term(one.text)
        if one.local and not self.reader.l.isascii():
            self.steps.append(f"{one.text} names a local part that DNS cannot have")
            return False
        match one.name:
            case "include":
                return await self._include(one, domain)
            case "a":
                return await self._address(one)
            case "mx":
                return await self._exchangers(one)
            case "exists":
                return await self._exists(one)
            case _:
                return await self._pointer(one)

    async def _include(self, one: Mechanism, domain: str) -> bool:
        answer = await self.host(one.domain)
        if answer.result is Result.NONE:
            raise spf.PermError("no policy where it includes", one.text)
        self.steps.append(
            f"{one.text} of {domain} gives {answer.result.value}:"
            f" {'a match' if answer.result is Result.PASS else 'no match'}"
        )
        return answer.result is Result.PASS

    async def _address(self, one: Mechanism) -> bool:
        found = await self.lookups.addresses(one.domain)
        self._tell(self.lookups.type, one.domain, found.rows)
        if not found.rows:
            self.lookups.void(one.text)
        return any(self._holds(row, one.prefix) for row in found.rows)

    async def _exists(self, one: Mechanism) -> bool:
        found = await self.lookups.addresses(one.domain, "A")
        self._tell("A", one.domain, found.rows)
        if not found.rows:
            self.lookups.void(one.text)
        return bool(found.rows)

    async def _exchangers(self, one: Mechanism) -> bool:
        found = await self.lookups.exchangers(one.domain)
        hosts = [row.host.rstrip(".").lower() for row in found]
        self._tell("MX", one.domain, hosts)
        if len(hosts) > EXCHANGERS:
            raise spf.PermError(f"more than {EXCHANGERS} MX records", one.text)
        if not hosts:
            self.lookups.void(one.text)
        for host in filter(None, hosts):
            addresses = await self.lookups.addresses(host)
            self._tell(self.lookups.type, host, addresses.rows)
            if not addresses.exists:
                # Hosts of the other family are no void: an mx of three IPv4 hosts
                # must not break the policy for every client with IPv6.
                self.lookups.void(one.text)
            if any(self._holds(row, one.prefix) for row in addresses.rows):
                return True
        return False

    async def _pointer(self, one: Mechanism) -> bool:
        if not self.lookups.answers.receiver.names:
            self.steps.append(f"{one.text}: names of addresses are not asked for here")
            return False
        if not await self.lookups.names(self.reader.c):
            self.lookups.void(one.text)
        wanted = one.domain.lower()
        return any(within(name, wanted) for name in await self._validated())

    async def _name(self, domain: str) -> str:
        """Give what ``%{p}`` stands for (RFC 7208 §7.3)."""
        if not self.lookups.answers.receiver.names:
            return "unknown"
        names, domain = await self._validated(), domain.lower()
        if domain in names:
            return domain
        below = [name for name in names if within(name, domain)]
        return next(iter(below + names), "unknown")

    async def _validated(self) -> list[str]:
        """Give the client's names that lead back to it (RFC 7208 §5.5)."""
        if self._names is None:
            self._names = []
            names = await self.lookups.names(self.reader.c)
            self._tell("PTR", self.reader.c, names)
            for name in names:
                try:
                    found = await self.lookups.addresses(name)
                except spf.TempError:
                    continue
                if any(self._holds(row, self.reader.cidrmax) for row in found.rows):
                    self._names.append(name)
        return self._names

    def _holds(self, address: str, prefix: int, family: str = "") -> bool:
        """Whether the client is in the network that ``address`` lies in."""
        own = "4" if self.reader.cidrmax == 32 else "6"
        if family and family != own:
            return False
        try:
            network = number(address, own)
        except ValueError:
            return False
        difference = network ^ int(self.reader.ipaddr)
        return not difference >> (self.reader.cidrmax - prefix)

    def _tell(self, kind: str, name: str, rows: object) -> None:
        found = ", ".join(rows) if isinstance(rows, list | tuple) else ""
        self.steps.append(f"{kind} of {_short(name)}: {_short(found) or 'none'}")


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."

"""``/dkim``: signing keys of our domains."""

from collections.abc import Sequence

from attrs import define

from mailsuite.http.asked import Asked
from mailsuite.http.problems import Problem
from mailsuite.http.routes import Answer, Route
from mailsuite.interfaces.signing import IKeysAdmin, SigningKey


def shown(key: SigningKey, *, private: bool = False) -> dict[str, object]:
    """Give what people may see; the private key only where they ask for it."""
    row: dict[str, object] = {
        "domain": key.domain,
        "selector": key.selector,
        "algorithm": key.algorithm,
        "state": key.state,
        "created": key.created,
        "since": key.since,
        "name": key.name,
        "record": key.record,
    }
    if private:
        row["private"] = key.private.decode("ascii")
    return row


def _all(keys: Sequence[SigningKey]) -> Answer:
    return {"keys": [shown(key) for key in keys]}


@define(eq=False, repr=False)
class DKIM:
    """Routes over IKeysAdmin, which raises what is wrong as text."""

    _admin: IKeysAdmin

    def routes(self) -> Sequence[Route]:
        """Everything about keys."""
        return (
            Route("GET", "/dkim", self.keys),
            Route("POST", "/dkim", self.add),
            Route("GET", "/dkim/<domain>", self.show),
            Route("POST", "/dkim/<domain>/rotate", self.rotate),
            Route("POST", "/dkim/<domain>/activate", self.activate),
            Route("POST", "/dkim/<domain>/retire", self.retire),
        )

    async def keys(self, asked: Asked) -> Answer:
        """All keys, or those of ``domain``."""
        asked.only("domain")
        return _all(await self._admin.keys(asked.text("domain", "")))

    async def add(self, asked: Asked) -> Answer:
        """Make the first keys of ``domain``."""
        asked.only("domain")
        return _all(await self._admin.add(asked.text("domain")))

    async def show(self, asked: Asked, domain: str) -> Answer:
        """Give a domain's keys with their records, ``private`` keys if asked for."""
        asked.only("private")
        private = asked.text("private", "no") == "yes"
        keys = await self._admin.keys(domain)
        if not keys:
            raise Problem(404, f"{domain} has no keys: mailsuite dkim add {domain}")
        return {"keys": [shown(key, private=private) for key in keys]}

    async def rotate(self, asked: Asked, domain: str) -> Answer:
        """Make the next keys."""
        asked.only()
        return _all(await self._admin.rotate(domain))

    async def activate(self, asked: Asked, domain: str) -> Answer:
        """Let new keys sign."""
        asked.only()
        return _all(await self._admin.activate(domain))

    async def retire(self, asked: Asked, domain: str) -> Answer:
        """Forget old keys, or change the one named by ``selector``."""
        asked.only("selector")
        return _all(await self._admin.retire(domain, asked.text("selector", "")))

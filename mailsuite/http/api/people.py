"""``/users``, ``/domains`` and ``/aliases``: what lives in the directory."""

from collections.abc import Sequence

import attrs
from attrs import define

from mailsuite.http.api.accounts import address
from mailsuite.http.asked import Asked
from mailsuite.http.routes import Answer, Route
from mailsuite.interfaces.directory import IDirectoryAdmin

QUOTA_OCTETS = 2**62


@define(eq=False, repr=False)
class People:
    """Routes over IDirectoryAdmin, which raises what is wrong as text."""

    _admin: IDirectoryAdmin

    def routes(self) -> Sequence[Route]:
        """Everything of the directory."""
        return (
            Route("GET", "/users", self.users),
            Route("POST", "/users", self.add_user),
            Route("PUT", "/users/<name>/password", self.set_password),
            Route("PUT", "/users/<name>/quota", self.set_quota),
            Route("PUT", "/users/<name>/disabled", self.set_disabled),
            Route("DELETE", "/users/<name>", self.remove_user),
            Route("GET", "/domains", self.domains),
            Route("POST", "/domains", self.add_domain),
            Route("DELETE", "/domains/<name>", self.remove_domain),
            Route("GET", "/aliases", self.aliases),
            Route("POST", "/aliases", self.add_alias),
            Route("DELETE", "/aliases/<name>", self.remove_alias),
        )

    async def users(self, asked: Asked) -> Answer:
        """All users, or those of ``domain``."""
        asked.only("domain")
        found = await self._admin.users(asked.text("domain", ""))
        return {"users": [attrs.asdict(user) for user in found]}

    async def add_user(self, asked: Asked) -> Answer:
        """Make one of ``address``, ``password`` and ``quota_octets``."""
        asked.only("address", "password", "quota_octets")
        made = await self._admin.add_user(
            address(asked.text("address")),
            asked.text("password"),
            asked.number("quota_octets", 0, QUOTA_OCTETS),
        )
        return attrs.asdict(made)

    async def set_password(self, asked: Asked, name: str) -> Answer:
        """Change the ``password``."""
        asked.only("password")
        await self._admin.set_password(address(name), asked.text("password"))
        return {"changed": name}

    async def set_quota(self, asked: Asked, name: str) -> Answer:
        """Change ``quota_octets``; 0: what the settings say."""
        asked.only("quota_octets")
        octets = asked.number("quota_octets", -1, QUOTA_OCTETS)
        return attrs.asdict(await self._admin.set_quota(address(name), octets))

    async def set_disabled(self, asked: Asked, name: str) -> Answer:
        """Refuse logins if ``disabled``, else allow them."""
        asked.only("disabled")
        disabled = asked.flag("disabled")
        done = await self._admin.set_disabled(address(name), disabled=disabled)
        return attrs.asdict(done)

    async def remove_user(self, asked: Asked, name: str) -> Answer:
        """Forget a user; the mail stays."""
        asked.only()
        await self._admin.remove_user(address(name))
        return {"removed": name}

    async def domains(self, asked: Asked) -> Answer:
        """All domains."""
        asked.only()
        return {"domains": [attrs.asdict(one) for one in await self._admin.domains()]}

    async def add_domain(self, asked: Asked) -> Answer:
        """Make one of ``name`` and ``catch_all``."""
        asked.only("name", "catch_all")
        made = await self._admin.add_domain(
            asked.text("name"), asked.text("catch_all", "")
        )
        return attrs.asdict(made)

    async def remove_domain(self, asked: Asked, name: str) -> Answer:
        """Give one up."""
        asked.only()
        await self._admin.remove_domain(name)
        return {"removed": name}

    async def aliases(self, asked: Asked) -> Answer:
        """All aliases, or those of ``domain``."""
        asked.only("domain")
        found = await self._admin.aliases(asked.text("domain", ""))
        return {"aliases": [attrs.asdict(alias) for alias in found]}

    async def add_alias(self, asked: Asked) -> Answer:
        """Make one of ``address`` and ``targets``."""
        asked.only("address", "targets")
        made = await self._admin.add_alias(
            address(asked.text("address")), [address(t) for t in asked.texts("targets")]
        )
        return attrs.asdict(made)

    async def remove_alias(self, asked: Asked, name: str) -> Answer:
        """Forget one."""
        asked.only()
        await self._admin.remove_alias(address(name))
        return {"removed": name}

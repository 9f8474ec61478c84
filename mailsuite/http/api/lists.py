"""``/lists``: addresses that an account keeps for its Sieve scripts (RFC 6134)."""

from collections.abc import Awaitable, Callable

from attrs import define

from mailsuite.http.api.accounts import account_of
from mailsuite.http.asked import Asked
from mailsuite.http.problems import Problem
from mailsuite.http.routes import Answer, Route
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.mailboxes import (
    BadName,
    IAccount,
    IAccounts,
    LimitReached,
)
from mailsuite.sieve.members import DEFAULT, ENTRY, read

_Call = Callable[[Asked, IAccount], Awaitable[Answer]]


@define(eq=False, repr=False)
class Lists:
    """Routes over the annotations that lists are kept in."""

    _directory: IDirectory
    _accounts: IAccounts

    def routes(self) -> tuple[Route, ...]:
        """Everything of lists."""
        return (
            Route("GET", "/lists/<account>", self._of(self.listed)),
            Route("GET", "/lists/<account>/list", self._of(self.get)),
            Route("PUT", "/lists/<account>/list", self._of(self.put)),
            Route("DELETE", "/lists/<account>/list", self._of(self.remove)),
        )

    def _of(self, call: _Call) -> Callable[..., Awaitable[Answer]]:
        """A route whose ``account`` is one of ours."""

        async def found(asked: Asked, account: str) -> Answer:
            of = await account_of(self._directory, account)
            opened = await self._accounts.open(of)
            try:
                return {"account": of} | await call(asked, opened)
            except BadName as error:
                raise Problem(400, f"a list cannot be called so: {error}") from error
            except LimitReached as error:
                raise Problem(409, str(error)) from error
            finally:
                opened.close()

        return found

    async def listed(self, asked: Asked, account: IAccount) -> Answer:
        """Every list, with how many entries it has."""
        asked.only()
        found = [
            {"name": entry.removeprefix(ENTRY), "entries": len(read(value))}
            for entry, value in sorted((await account.annotations("")).items())
            if entry.startswith(ENTRY)
        ]
        return {"lists": found}

    async def get(self, asked: Asked, account: IAccount) -> Answer:
        """What the list ``name`` holds, as it was written."""
        asked.only("name")
        name = asked.text("name", DEFAULT).lower()
        value = (await account.annotations("", [ENTRY + name])).get(ENTRY + name)
        if value is None:
            raise Problem(404, "there is no list of that name")
        return {"name": name, "content": value.decode("utf-8", "replace")}

    async def put(self, asked: Asked, account: IAccount) -> Answer:
        """Let the list ``name`` hold ``content``; durable when it is answered."""
        asked.only("name", "content")
        name = asked.text("name", DEFAULT).lower()
        content = asked.text("content").encode("utf-8", "replace")
        await account.annotate("", {ENTRY + name: content})
        return {"name": name, "entries": len(read(content))}

    async def remove(self, asked: Asked, account: IAccount) -> Answer:
        """Forget the list ``name``."""
        asked.only("name")
        name = asked.text("name", DEFAULT).lower()
        await account.annotate("", {ENTRY + name: None})
        return {"removed": name}

"""``/calendars``: events that scripts put into calendars, to be read."""

from collections.abc import Awaitable, Callable, Sequence

import attrs
from attrs import define

from mailsuite.http.api.accounts import account_of
from mailsuite.http.asked import Asked
from mailsuite.http.problems import Problem
from mailsuite.http.routes import Answer, Route
from mailsuite.interfaces.calendars import ICalendars, NoSuchEntry, TooManyEntries
from mailsuite.interfaces.directory import IDirectory
from mailsuite.model.ids import AccountName


@define(eq=False, repr=False)
class Calendars:
    """Routes over ICalendars; ``directory`` knows the accounts."""

    _directory: IDirectory
    _calendars: ICalendars

    def routes(self) -> Sequence[Route]:
        """Everything of calendars."""
        return (
            Route("GET", "/calendars/<account>", self._of(self.listed)),
            Route("GET", "/calendars/<account>/entry", self._of(self.shown)),
            Route("GET", "/calendars/<account>/export", self._of(self.exported)),
        )

    def _of(
        self, call: Callable[..., Awaitable[Answer]]
    ) -> Callable[..., Awaitable[Answer]]:
        """A route whose ``account`` is one of ours."""

        async def found(asked: Asked, account: str) -> Answer:
            of = await account_of(self._directory, account)
            try:
                return await call(asked, of)
            except NoSuchEntry as error:
                raise Problem(404, "there is no such event") from error
            except TooManyEntries as error:
                raise Problem(409, str(error)) from error

        return found

    async def listed(self, asked: Asked, account: AccountName) -> Answer:
        """Every event, task and journal entry, by its beginning."""
        asked.only()
        rows = await self._calendars.listed(account)
        return {"account": account, "entries": [attrs.asdict(row) for row in rows]}

    async def shown(self, asked: Asked, account: AccountName) -> Answer:
        """The one of UID ``uid`` as iCalendar."""
        asked.only("uid")
        octets = await self._calendars.shown(account, asked.text("uid"))
        return {"account": account, "content": octets.decode()}

    async def exported(self, asked: Asked, account: AccountName) -> Answer:
        """All of them in one calendar."""
        asked.only()
        octets = await self._calendars.exported(account)
        return {"account": account, "content": octets.decode()}

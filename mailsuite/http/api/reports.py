"""``/reports``: what others say of our domains, and what we tell others of theirs."""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Sequence

import attrs
from attrs import define

from mailsuite.http.asked import Asked
from mailsuite.http.problems import Problem
from mailsuite.http.routes import Answer, Route
from mailsuite.interfaces.reporting import IReportDesk

DAYS = 30
MOST_DAYS = 1_000
DOMAIN_CHARACTERS = 255


def _domain(asked: Asked) -> str:
    domain = asked.text("domain", "")
    if len(domain) > DOMAIN_CHARACTERS:
        raise Problem(400, f"'domain' has at most {DOMAIN_CHARACTERS} characters")
    return domain


@define(eq=False, repr=False)
class Reports:
    """Routes over IReportDesk."""

    _desk: IReportDesk

    def routes(self) -> Sequence[Route]:
        """Everything of reports."""
        return (
            Route("GET", "/reports/dmarc", self.dmarc),
            Route("GET", "/reports/tls", self.tls),
            Route("GET", "/reports/outgoing", self.outgoing),
            Route("POST", "/reports/send", self.send),
            Route("POST", "/reports/import", self.load),
        )

    async def dmarc(self, asked: Asked) -> Answer:
        """Who sends as ``domain`` (all if empty), as reports of ``days`` say."""
        asked.only("domain", "days")
        days = asked.number("days", DAYS, MOST_DAYS)
        return attrs.asdict(await self._desk.dmarc(_domain(asked), days))

    async def tls(self, asked: Asked) -> Answer:
        """How TLS to ``domain`` went, likewise."""
        asked.only("domain", "days")
        days = asked.number("days", DAYS, MOST_DAYS)
        return attrs.asdict(await self._desk.tls(_domain(asked), days))

    async def outgoing(self, asked: Asked) -> Answer:
        """What is collected, and who would get it."""
        asked.only()
        return {"reports": list(map(attrs.asdict, await self._desk.outgoing()))}

    async def send(self, asked: Asked) -> Answer:
        """Send what is due, at most 100; ask again for the rest."""
        asked.only()
        return {"reports": list(map(attrs.asdict, await self._desk.send()))}

    async def load(self, asked: Asked) -> Answer:
        """Read reports from ``content``, base64 of a message, archive or report."""
        asked.only("content")
        try:
            octets = b64decode(asked.text("content"), validate=True)
        except (NoBase64, ValueError) as error:
            raise Problem(400, "'content' must be base64") from error
        return {"reports": list(map(attrs.asdict, await self._desk.load(octets)))}

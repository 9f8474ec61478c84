"""``/dns`` and ``/doctor``: what DNS should say of us, and whether all is well."""

from collections.abc import Sequence

import attrs
from attrs import define

from mailsuite.http.asked import Asked
from mailsuite.http.routes import Answer, Route
from mailsuite.interfaces.publishing import WRONG, Finding, IDoctor, IPublishing


def told(findings: Sequence[Finding]) -> Answer:
    """Give findings, and whether nothing is wrong."""
    return {
        "well": all(one.state != WRONG for one in findings),
        "findings": [attrs.asdict(one) for one in findings],
    }


@define(eq=False, repr=False)
class DNS:
    """Routes over IPublishing."""

    _publishing: IPublishing

    def routes(self) -> Sequence[Route]:
        """Everything about records of our domains."""
        return (
            Route("GET", "/dns/<domain>", self.records),
            Route("GET", "/dns/<domain>/check", self.check),
        )

    async def records(self, asked: Asked, domain: str) -> Answer:
        """Give the records that should stand there, the same as a zone file, and
        the MTA-STS policy that goes with them.
        """
        asked.only()
        found = await self._publishing.records(domain)
        return {
            "records": [attrs.asdict(one) for one in found],
            "zone": await self._publishing.zone(domain),
            "policy": await self._publishing.policy(domain),
        }

    async def check(self, asked: Asked, domain: str) -> Answer:
        """Compare with what does stand there."""
        asked.only()
        return told(await self._publishing.compared(domain))


@define(eq=False, repr=False)
class Health:
    """The route of ``mailsuite doctor``."""

    _doctor: IDoctor

    def routes(self) -> Sequence[Route]:
        """Only one."""
        return (Route("GET", "/doctor", self.examine),)

    async def examine(self, asked: Asked) -> Answer:
        """Look at everything; takes up to a minute."""
        asked.only()
        return told(await self._doctor.examined())

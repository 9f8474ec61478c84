"""The transport ``reports``, and the look that report mail for people is given.

A report address that is nobody's ends here. One that is also a user or an alias is
delivered as any other and read on its way, not by another transport: by the name
``local`` the queue knows what it may ask the store again after a crash.
"""

from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred as Pending
from zope.interface import implementer

from mailsuite.interfaces.queueing import IDelivery, Lease, Settle
from mailsuite.model.envelope import Recipient
from mailsuite.model.errors import NoSpace, Taken
from mailsuite.model.outcomes import Deferred, Delivered
from mailsuite.net.tasks import Tasks
from mailsuite.reports.intake import Intake

TRANSPORT = "reports"
ATTEMPTS = 5  # of a message that cannot be read now; then it is passed over

CONSUMED = Delivered("read")
PASSED_OVER = Delivered("passed over: it cannot be read")
LATER = Deferred("4.3.0", "reports cannot be read now")


@define(eq=False)
@implementer(IDelivery)
class Consuming:
    """Reads what comes to addresses that only reports come to."""

    _intake: Intake

    async def deliver(self, lease: Lease, settle: Settle) -> None:
        """See :meth:`IDelivery.deliver`; what was read is durable before it settles."""
        outcome: Delivered | Deferred = CONSUMED
        try:
            await self._intake.mail(lease)
        except (Taken, NoSpace, OSError):
            outcome = LATER if lease.attempt < ATTEMPTS else PASSED_OVER
        await settle(lease, dict.fromkeys((one.n for one in lease.recipients), outcome))


@define(eq=False)
@implementer(IDelivery)
class Reading:
    """Delivers by another transport; mail to report addresses is read beside that.

    The reading begins with the first attempt, and nobody waits for it: the mail is in
    its mailbox whether or not there was a report in it.
    """

    _inner: IDelivery
    _intake: Intake
    names: frozenset[str] = frozenset()
    """Local parts in lower case that reports come to."""
    _tasks: Tasks = field(factory=Tasks)

    def deliver(
        self, lease: Lease, settle: Settle
    ) -> Coroutine[Pending[Any], Any, None]:
        """See :meth:`IDelivery.deliver`."""
        if lease.attempt <= 1 and any(map(self._named, lease.recipients)):
            if lease.blob.octets is None:  # delivery may move the file away
                return self._first(lease, settle)
            self._tasks.launch("reading a report", self._read(lease))
        return self._inner.deliver(lease, settle)

    async def _first(self, lease: Lease, settle: Settle) -> None:
        await self._read(lease)
        await self._inner.deliver(lease, settle)

    async def _read(self, lease: Lease) -> None:
        with suppress(Taken, NoSpace, OSError):
            await self._intake.mail(lease)

    def _named(self, recipient: Recipient) -> bool:
        return recipient.address.local.lower() in self.names

    async def stop(self) -> None:
        """Give up what is being read."""
        await self._tasks.stop()

"""Aggregate reports of ours: written, and handed to the queue once for ever.

Each report goes through three durable steps. It is written down as it will be sent
(``begun``), the queue takes the mails, it is marked ``sent``. The mails carry a
:class:`Once` made of domain and day: a run that died before the last step repeats the
second at its next start, in the same turn of the reactor in which the queue is ready, and
so before the queue can forget what it took.
"""

from collections.abc import Sequence
from hashlib import sha256

from attrs import asdict, define, field
from twisted.internet.defer import DeferredLock

from mailsuite.interfaces.reporting import Outgoing
from mailsuite.interfaces.resolving import NoAnswer
from mailsuite.model.address import Address
from mailsuite.model.envelope import Envelope, Once, Recipient, Submission
from mailsuite.model.errors import Taken
from mailsuite.model.ids import QueueId
from mailsuite.net.workers import Failed, Lost, Workers
from mailsuite.reports import outbox
from mailsuite.reports.archive import Archive
from mailsuite.reports.collect import DAY
from mailsuite.reports.destinations import Chosen, Destination, chosen
from mailsuite.reports.ground import MARK, Names, Office
from mailsuite.reports.mailing import Mail, compose
from mailsuite.reports.outbox import Begun, Due
from mailsuite.reports.summary import date

AGAIN_SECONDS = 3_600.0  # after a DNS that did not answer
SHOWN = 500  # reports that would be sent, at most; each may ask DNS
CRASHES = 3  # of the writing child at one report, before it is given up


def identity(submitter: str, domain: str, day: int) -> str:
    """Give the Report-ID: the same for the same report, letters and digits alone."""
    text = f"{submitter}|{domain}|{day}"
    return sha256(text.encode()).hexdigest()[:24]


@define(eq=False)
class Sender:
    """Sends what is due; one at a time."""

    _office: Office
    _archive: Archive
    _workers: Workers
    _later: dict[tuple[int, str], float] = field(factory=dict)
    _crashes: dict[tuple[int, str], int] = field(factory=dict)
    _begun: list[Begun] = field(factory=list)
    _unmarked: set[tuple[int, str]] = field(factory=set)
    """What the queue took and the database could not note."""
    _lock: DeferredLock = field(factory=DeferredLock)

    async def load(self) -> None:
        """Read what an earlier run began; for :meth:`resume`."""
        self._begun = list(await self._archive.run(outbox.begun))

    async def resume(self) -> None:
        """Finish what an earlier run began; the queue has just started.

        Nothing is awaited before the queue was asked.

        :raises NoSpace: the queue or the disk has no room; ``send`` tries again.
        """
        begun, self._begun = self._begun, []
        await self._lock.acquire()  # it is free now, which costs no turn
        try:
            for one in begun:
                await self._handed(one)
        finally:
            self._lock.release()

    async def send(self, limit: int) -> Sequence[Outgoing]:
        """Send reports of days that ended, at most ``limit``.

        :raises NoSpace: the queue or the disk has no room; the rest is due still.
        """
        await self._lock.acquire()
        try:
            began = await self._archive.run(outbox.begun)
            told = [await self._handed(one) for one in began[:limit]]
            today = int(self._office.ground.wall() // DAY)
            waiting = await self._archive.run(outbox.due, today)
            now = self._office.ground.reactor.seconds()
            ripe = [one for one in waiting if self._later.get(_key(one), now) <= now]
            return told + [await self._one(one) for one in ripe[: limit - len(told)]]
        finally:
            self._lock.release()

    async def _one(self, due: Due) -> Outgoing:
        try:
            found = await self._chosen(due)
        except NoAnswer as error:
            now = self._office.ground.reactor.seconds()
            self._later[_key(due)] = now + AGAIN_SECONDS
            return _told(due, "later", f"no answer from DNS: {error}")
        if not found.destinations:
            reason = "; ".join(found.refused) or "no address to send it to"
            return await self._nobody(_told(due, outbox.NOBODY, reason), due)
        names = await self._office.names()
        lines, messages = await self._archive.run(outbox.lines, due)
        try:
            content = await self.written(due, names, lines)
        except Taken as error:
            return _told(due, "later", str(error))
        except (Lost, Failed) as error:
            return await self._unwritten(due, str(error))
        to = [one for one in found.destinations if _fits(content, one)]
        if not to:
            reason = f"{_carried(content)} octets are too many"
            reason = "; ".join((*found.refused, reason))
            return await self._nobody(_told(due, outbox.NOBODY, reason), due)
        begun = Begun(
            due.day,
            due.domain,
            tuple(str(one.address) for one in to),
            due.rows,
            messages,
            "; ".join(found.refused),
            str(names.sender),
            names.organization,
            content,
        )
        await self._archive.run(outbox.begin, begun, self._office.ground.wall())
        return await self._handed(begun)

    async def _chosen(self, due: Due) -> Chosen:
        if self._office.never(due.domain):
            return Chosen((), ("reports.never names it",))
        return await chosen(due.published, "rua", self._office.ground.resolver)

    async def _handed(self, begun: Begun) -> Outgoing:
        """Give the mails to the queue, all or none of them; may be repeated."""
        ground, key = self._office.ground, (begun.day, begun.domain)
        told = Outgoing(
            begun.domain,
            date(begun.day),
            outbox.SENT,
            begun.to,
            begun.rows,
            begun.messages,
            len(begun.content),
            begun.reason,
        )
        if key not in self._unmarked:
            mails = [self._submission(begun, n) for n in range(len(begun.to))]
            ids = await ground.queue.accept(mails)
            self._unmarked.add(key)
            self._tell(told, ids)
        await self._marked(told, begun.day)
        return told

    def _tell(self, told: Outgoing, ids: Sequence[QueueId]) -> None:
        for qid, to in zip(ids, told.to, strict=True):
            self._office.ground.events.happened(
                "reports.sent",
                qid=qid,
                domain=told.domain,
                day=told.day,
                to=to,
                rows=told.rows,
                messages=told.messages,
                size=told.size,
            )

    async def written(self, due: Due, names: Names, lines: bytes) -> bytes:
        """Have the child write and pack the report.

        :raises Lost, Failed, Taken: it did not.
        """
        begins = due.day * DAY
        meta = {
            "org": names.organization,
            "email": str(names.sender),
            "contact": names.contact,
            "id": identity(names.submitter, due.domain, due.day),
            "begins": begins,
            "ends": begins + DAY - 1,
        }
        request = {
            "do": "write",
            "meta": meta,
            "published": asdict(due.published.policy)
            | {"discovery": due.published.discovery},
        }
        _, content = await self._workers.ask(request, lines)
        return content

    def _submission(self, begun: Begun, n: int) -> Submission:
        """Make the mail to one destination."""
        ground, begins = self._office.ground, begun.day * DAY
        sender, to = _address(begun.sender), _address(begun.to[n])
        mail = compose(
            Mail(
                sender,
                begun.organization,
                to,
                begun.domain,
                sender.domain,
                identity(sender.domain, begun.domain, begun.day),
                begins,
                begins + DAY - 1,
                ground.wall(),
                begun.content,
            )
        )
        recipient = Recipient(0, to, notify="NEVER")
        marks = {MARK: "aggregate"}  # and no role: it is our own, and signed
        name = sha256(f"{begun.domain}|{begun.day}".encode()).hexdigest()[:24]
        return Submission(
            Envelope(sender, (recipient,), marks),
            ground.blobs.kept(mail),
            Once(QueueId(f"REPORT{name.upper()}"), n),
        )

    async def _nobody(self, told: Outgoing, due: Due) -> Outgoing:
        self._office.ground.events.happened(
            "reports.unsent", domain=told.domain, day=told.day, reason=told.reason
        )
        await self._marked(told, due.day)
        return told

    async def _unwritten(self, due: Due, error: str) -> Outgoing:
        """Try again, but not for ever: a report that kills its writer is given up."""
        key = _key(due)
        self._crashes[key] = self._crashes.get(key, 0) + 1
        reason = f"it could not be written: {error}"
        if self._crashes[key] < CRASHES:
            return _told(due, "later", reason)
        return await self._nobody(_told(due, outbox.NOBODY, reason), due)

    async def _marked(self, told: Outgoing, day: int) -> None:
        key = (day, told.domain)
        wall = self._office.ground.wall()
        await self._archive.run(outbox.finish, told, day, wall)
        self._unmarked.discard(key)
        self._later.pop(key, None)
        self._crashes.pop(key, None)

    async def outgoing(self) -> Sequence[Outgoing]:
        """Say what would be sent, and to whom, oldest first; nothing is sent."""
        today = int(self._office.ground.wall() // DAY)
        told = []
        for due, messages in await self._archive.run(outbox.collected, SHOWN):
            state = "due" if due.day < today else "collecting"
            try:
                found = await self._chosen(due)
            except NoAnswer as error:
                found, state = Chosen((), (f"no answer from DNS: {error}",)), "later"
            to = tuple(map(_shown, found.destinations))
            reason = "; ".join(found.refused)
            if not to and state != "later":
                state, reason = outbox.NOBODY, reason or "no address to send it to"
            day = date(due.day)
            told.append(
                Outgoing(due.domain, day, state, to, due.rows, messages, 0, reason)
            )
        return told


def _key(due: Due) -> tuple[int, str]:
    return due.day, due.domain


def _told(due: Due, state: str, reason: str) -> Outgoing:
    return Outgoing(due.domain, date(due.day), state, (), due.rows, 0, 0, reason)


def _address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


def _shown(one: Destination) -> str:
    return f"{one.address} (up to {one.octets})" if one.octets else str(one.address)


def _fits(content: bytes, one: Destination) -> bool:
    return not one.octets or _carried(content) <= one.octets


def _carried(content: bytes) -> int:
    """Octets after base64 and its lines, which is what limits mean (RFC 9990 §3.5)."""
    return -(-len(content) * 4 // 3) * 78 // 76

"""Aggregate reports of ours: written, and handed to the queue once for ever.

Each report goes through three durable steps. Its destinations are fixed (``begun``),
the queue takes the mails, it is marked ``sent``. The mails carry a :class:`Once` made of
domain and day: a run that died before the last step repeats the second at its next
start, before the queue retires a segment, and finds what was done.
"""

from collections.abc import Sequence
from hashlib import sha256

from attrs import asdict, define, evolve, field
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
from mailsuite.reports.ground import Names, Office
from mailsuite.reports.mailing import Mail, compose
from mailsuite.reports.outbox import Begun, Due
from mailsuite.reports.summary import date

AGAIN_SECONDS = 3_600.0  # after a DNS that did not answer
CRASHES = 3  # of the writing child at one report, before it is given up
MARK = "report"  # of an envelope that carries a report of ours


def identity(names: Names, due: Due) -> str:
    """Give the Report-ID: the same for the same report, letters and digits alone."""
    text = f"{names.submitter}|{due.domain}|{due.day}"
    return sha256(text.encode()).hexdigest()[:24]


@define(eq=False)
class Sender:
    """Sends what is due; one at a time."""

    _office: Office
    _archive: Archive
    _workers: Workers
    _later: dict[tuple[int, str], float] = field(factory=dict)
    _crashes: dict[tuple[int, str], int] = field(factory=dict)
    _unmarked: dict[tuple[int, str], Outgoing] = field(factory=dict)
    """What the queue took and the database could not note."""
    _lock: DeferredLock = field(factory=DeferredLock)

    async def resume(self) -> None:
        """Finish what an earlier run began; follows the queue's start at once.

        :raises NoSpace: the queue or the disk has no room; ``send`` tries again.
        """
        await self._lock.acquire()
        try:
            for one in await self._archive.run(outbox.begun):
                await self._finished(one, ())
        finally:
            self._lock.release()

    async def send(self, limit: int) -> Sequence[Outgoing]:
        """Send reports of days that ended, at most ``limit``.

        :raises NoSpace: the queue or the disk has no room; the rest is due still.
        """
        await self._lock.acquire()
        try:
            began = await self._archive.run(outbox.begun)
            told = [await self._finished(one, ()) for one in began[:limit]]
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
            return _told(due, "later", reason=f"no answer from DNS: {error}")
        if not found.destinations:
            reason = "; ".join(found.refused) or "no address to send it to"
            told = self._nobody(_told(due, outbox.NOBODY, reason=reason))
            await self._marked(told, due)
            return told
        fixed = [(str(one.address), one.octets) for one in found.destinations]
        begun = Begun(due, tuple(fixed))
        await self._archive.run(outbox.begin, begun, self._office.ground.wall())
        return await self._finished(begun, found.refused)

    async def _chosen(self, due: Due) -> Chosen:
        if self._office.never(due.domain):
            return Chosen((), ("reports.never names it",))
        return await chosen(due.published, "rua", self._office.ground.resolver)

    async def _finished(self, begun: Begun, refused: Sequence[str]) -> Outgoing:
        """Hand the mails over and mark it; may be repeated."""
        due = begun.due
        told = self._unmarked.get(_key(due))
        if told is None:
            try:
                told = await self._accepted(begun, refused)
            except Taken as error:
                return _told(due, "later", reason=str(error))
            except (Lost, Failed) as error:
                return await self._unwritten(due, str(error))
        self._unmarked[_key(due)] = told
        await self._marked(told, due)
        return told

    async def _accepted(self, begun: Begun, refused: Sequence[str]) -> Outgoing:
        """Give the mails to the queue, all or none of them."""
        due, names, ground = begun.due, await self._office.names(), self._office.ground
        lines, messages = await self._archive.run(outbox.lines, due)
        content = await self.written(due, names, lines)
        fitting = [
            (n, _address(text))
            for n, (text, octets) in enumerate(begun.destinations)
            if not octets or _carried(content) <= octets
        ]
        told = Outgoing(
            due.domain,
            date(due.day),
            outbox.SENT,
            tuple(str(to) for _, to in fitting),
            due.rows,
            messages,
            len(content),
            "; ".join(refused),
        )
        if not fitting:
            reason = "; ".join((*refused, f"{_carried(content)} octets are too many"))
            return self._nobody(evolve(told, reason=reason))
        ids = await ground.queue.accept(
            [
                self._submission(due, names, n, self._mail(due, names, to, content), to)
                for n, to in fitting
            ]
        )
        for qid, to in zip(ids, told.to, strict=True):
            ground.events.happened(
                "reports.sent",
                qid=qid,
                domain=due.domain,
                day=told.day,
                to=to,
                rows=due.rows,
                messages=messages,
                size=len(content),
            )
        return told

    async def written(self, due: Due, names: Names, lines: bytes) -> bytes:
        """Have the child write and pack the report.

        :raises Lost, Failed, Taken: it did not.
        """
        begins = due.day * DAY
        meta = {
            "org": names.organization,
            "email": str(names.sender),
            "contact": names.contact,
            "id": identity(names, due),
            "begins": begins,
            "ends": begins + DAY - 1,
        }
        request = {
            "do": "write",
            "meta": meta,
            "published": asdict(due.published.policy),
        }
        _, content = await self._workers.ask(request, lines)
        return content

    def _mail(self, due: Due, names: Names, to: Address, content: bytes) -> bytes:
        begins = due.day * DAY
        return compose(
            Mail(
                names.sender,
                names.organization,
                to,
                due.domain,
                names.submitter,
                identity(names, due),
                begins,
                begins + DAY - 1,
                self._office.ground.wall(),
                content,
            )
        )

    def _submission(
        self, due: Due, names: Names, n: int, mail: bytes, to: Address
    ) -> Submission:
        envelope = Envelope(
            names.sender,
            (Recipient(0, to, notify="NEVER"),),
            {MARK: "aggregate", "role": "reports"},
        )
        name = sha256(f"{due.domain}|{due.day}".encode()).hexdigest()[:24]
        once = Once(QueueId(f"REPORT{name.upper()}"), n)
        return Submission(envelope, self._office.ground.blobs.kept(mail), once)

    def _nobody(self, told: Outgoing) -> Outgoing:
        self._office.ground.events.happened(
            "reports.unsent", domain=told.domain, day=told.day, reason=told.reason
        )
        return evolve(told, state=outbox.NOBODY, to=())

    async def _unwritten(self, due: Due, error: str) -> Outgoing:
        """Try again, but not for ever: a report that kills its writer is given up."""
        key = _key(due)
        self._crashes[key] = self._crashes.get(key, 0) + 1
        told = _told(due, "later", reason=f"it could not be written: {error}")
        if self._crashes[key] < CRASHES:
            return told
        del self._crashes[key]
        told = self._nobody(told)
        await self._marked(told, due)
        return told

    async def _marked(self, told: Outgoing, due: Due) -> None:
        wall = self._office.ground.wall()
        await self._archive.run(outbox.finish, told, due.day, wall)
        for told_of in (self._later, self._crashes, self._unmarked):
            told_of.pop(_key(due), None)

    async def outgoing(self) -> Sequence[Outgoing]:
        """Say what would be sent, and to whom; nothing is sent."""
        today = int(self._office.ground.wall() // DAY)
        told = []
        for due, messages in await self._archive.run(outbox.collected):
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


def _told(due: Due, state: str, *, reason: str) -> Outgoing:
    return Outgoing(due.domain, date(due.day), state, (), due.rows, 0, 0, reason)


def _address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


def _shown(one: Destination) -> str:
    return f"{one.address} (up to {one.octets})" if one.octets else str(one.address)


def _carried(content: bytes) -> int:
    """Octets after base64 and its lines, which is what limits mean (RFC 9990 §3.5)."""
    return -(-len(content) * 4 // 3) * 78 // 76

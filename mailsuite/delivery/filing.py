"""Filing: an account's scripts decide, and what they plan is carried out once.

Copies are stored first, each under its own number; what is sent goes into the record
of the outcome. A delivery that is repeated thus finds what is stored, and sends only
when all of it stood.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from attrs import define, evolve, field, frozen
from twisted.internet.defer import DeferredLock

from mailsuite.delivery import letters
from mailsuite.delivery.answers import Answers
from mailsuite.delivery.carrying import Carrying
from mailsuite.delivery.copies import Copies, Deed, copies_of
from mailsuite.delivery.ground import Ground, Named, System
from mailsuite.delivery.letters import Case, Opened
from mailsuite.delivery.programs import Programs
from mailsuite.delivery.running import Ask, Running
from mailsuite.delivery.scheduling import Order, Scheduling
from mailsuite.delivery.troubles import Troubles
from mailsuite.delivery.written import Written
from mailsuite.interfaces.scripts import Script
from mailsuite.model.envelope import Blob
from mailsuite.model.ids import AccountName
from mailsuite.model.outcomes import Delivered, Outcome
from mailsuite.sieve.actions import Keep
from mailsuite.sieve.errors import BadScript
from mailsuite.sieve.run import Letter, Plan
from mailsuite.sieve.settings import Sieve

ONE_BY_ONE = frozenset(("duplicate", "processcalendar"))
"""Capabilities whose scripts see what the delivery before them did."""


@frozen(eq=False)
class Decision:
    """What all scripts together want done."""

    deeds: Sequence[Deed]
    troubles: Sequence[tuple[Named, str]] = ()


@define(eq=False)
class Filing:
    """Files one case after another; ``system`` scripts are replaced at a reload."""

    ground: Ground
    settings: Sieve
    detail_folders: bool = True
    system: System = field(factory=System)
    programs: Programs = field(init=False)
    _running: Running = field(init=False)
    copies: Copies = field(init=False)
    carrying: Carrying = field(init=False)
    troubles: Troubles = field(init=False)
    _scheduling: Scheduling = field(init=False)
    _last: tuple[Blob | None, Opened | None] = (None, None)
    _locks: dict[AccountName, tuple[DeferredLock, int]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        ground = self.ground
        self.programs = ground.programs
        self._running = Running(ground.lane)
        self.copies = Copies(ground.events, self.detail_folders, ground.awakening)
        self.carrying = Carrying.of(ground, self.settings, self.copies)
        self.troubles = Troubles(ground)
        self._scheduling = Scheduling(ground)

    def reload(self, settings: Sieve, *, detail_folders: bool) -> None:
        """Let other settings count from now on."""
        self.settings = settings
        self.detail_folders = self.copies.detail_folders = detail_folders
        self.carrying.reload(settings)
        calendars = self.ground.calendars
        calendars.name, calendars.strict = settings.calendar, settings.calendar_senders

    async def chain(
        self, account: AccountName, instead: Script | None = None
    ) -> Sequence[Named]:
        """The scripts that decide on an account's mail, in their order.

        ``instead``: a script that is looked at as if it were the active one.
        """
        system = self.system
        script = instead or await self.ground.scripts.active(account)
        if script is None:
            return system.around(account, None) if system else ()
        return system.around(account, await self.own(script))

    async def own(self, script: Script) -> Named:
        """A script of an account, right or wrong."""
        try:
            program = await self.programs.program(script.content)
        except BadScript as error:
            return Named(script.name, script.content, None, own=True, wrong=str(error))
        return Named(script.name, script.content, program, own=True)

    async def file(self, case: Case, chain: Sequence[Named]) -> Outcome:
        """Decide on a message and do what was decided.

        :raises OverQuota, NoSpace, Damaged, OSError: not all of it could be done.
        """
        single = any(
            one.program is not None and one.program.requires & ONE_BY_ONE
            for one in chain
        )
        if not single:
            return await self._file(case, chain)
        async with self._alone(case.account.name):
            return await self._file(case, chain)

    async def enter(self, case: Case, order: Order) -> Outcome:
        """Change a calendar as a script decided.

        :raises OverQuota, NoSpace, LimitReached, OSError: it was not done.
        """
        async with self._alone(case.account.name):
            return await self._scheduling.enter(case, order)

    @asynccontextmanager
    async def _alone(self, name: AccountName) -> AsyncIterator[None]:
        """Let nobody else in who comes this way for the same account.

        Who waits goes on in a turn of its own: by then the outcome of this delivery is
        on its way to the journal, before that of the next.
        """
        lock, users = self._locks.get(name, (DeferredLock(), 0))
        self._locks[name] = lock, users + 1
        try:
            await lock.acquire()
            try:
                yield
            finally:
                if lock.waiting:
                    _ = self.ground.reactor.callLater(0, lock.release)
                else:
                    lock.release()
        finally:
            lock, users = self._locks.pop(name)
            if users > 1:
                self._locks[name] = lock, users - 1

    async def again(self, case: Case, filed: str) -> Outcome:
        """Have the copies of a delivery that was done; scripts are not run.

        :raises OverQuota, NoSpace, Damaged, OSError: as :meth:`file`.
        """
        written = Written(
            self.ground.blobs, self.ground.lane, case, await self._opened(case)
        )
        copies = copies_of(filed, written.message)
        went = await self.copies.store(case, copies, written)
        return Delivered(", ".join(went), filed=filed)

    async def _file(self, case: Case, chain: Sequence[Named]) -> Outcome:
        opened = await self._opened(case)
        written = Written(self.ground.blobs, self.ground.lane, case, opened)
        answers = Answers(case, self.ground, written, self.system.shared)
        decision = await self.decide(case, chain, opened, answers.ask)
        for script, trouble in decision.troubles:
            self.troubles.happened(case, script, trouble)
        outcome = await self.carrying.carry(case, decision.deeds, written)
        if self.settings.tell:
            for script, trouble in decision.troubles:
                if script.own:
                    await self.troubles.tell(case, script, trouble)
        return outcome

    async def _opened(self, case: Case) -> Opened:
        """The message to look at; recipients of one lease share it."""
        blob, opened = self._last
        wanted = case.blob
        if opened is not None and blob is not None and _same(blob, wanted):
            return opened
        if wanted.octets is None:
            opened = await self.ground.lane.run(letters.opened, wanted)
        else:
            opened = letters.opened(wanted)
            self._last = wanted, opened
        return opened

    async def decide(
        self, case: Case, chain: Sequence[Named], opened: Opened, ask: Ask
    ) -> Decision:
        """Run one script after another, as long as they leave the message to keep.

        Nothing is done but what ``ask`` does to find answers.
        """
        own = next((one.name for one in chain if one.own), "")
        letter = letters.letter(case, opened.message, own, self.ground.hostname)
        deeds: list[Deed] = []
        keep = Deed(Keep(implicit=True), opened.message)
        troubles: list[tuple[Named, str]] = []
        for script in chain:
            plan = await self._planned(script, letter, ask)
            if plan.trouble:
                troubles.append((script, plan.trouble))
                continue
            kept = None
            for action, message in zip(plan.actions, plan.messages, strict=True):
                if isinstance(action, Keep):
                    kept = Deed(_over(keep.action, action), message)
                else:
                    deeds.append(Deed(action, message))
            if kept is None:
                return Decision(deeds, troubles)
            keep = kept
            if plan.message.changed:
                letter = evolve(letter, message=plan.message)
            if case.event is not None:  # the next script sees what this one set
                letter = evolve(letter, flags=keep.action.flags)
        return Decision([*deeds, keep], troubles)

    async def _planned(self, script: Named, letter: Letter, ask: Ask) -> Plan:
        if script.program is None:
            message = letter.message
            return Plan((Keep(implicit=True),), message, script.wrong, (message,))
        return await self._running.plan(script.program, letter, ask)

    def close(self) -> None:
        """Forget what was kept."""
        self._last = None, None


def _same(one: Blob, other: Blob) -> bool:
    """Whether two blobs are the same octets, which still are in memory."""
    return one.octets is other.octets and one.prefix == other.prefix


def _over(before: Keep, now: Keep) -> Keep:
    """The keep that counts when a later script has its word too."""
    flags = before.flags if now.flags is None else now.flags
    implicit = before.implicit and now.implicit
    return Keep(flags, implicit, now.at)

"""One job of the transport ``events``: the scripts of a mailbox, message by message."""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import define, evolve, field, frozen

from mailsuite.delivery.answers import Answers
from mailsuite.delivery.effects import Effects, Marked
from mailsuite.delivery.filing import Decision, Filing
from mailsuite.delivery.ground import Named
from mailsuite.delivery.letters import Case, Event
from mailsuite.delivery.occasions import Occasion, owner
from mailsuite.delivery.stored import Stored, looked_at
from mailsuite.interfaces.mailboxes import IAccount, IMailbox, LimitReached
from mailsuite.interfaces.queueing import Lease
from mailsuite.interfaces.scripts import NoSuchScript, Script
from mailsuite.model.changes import Columns, Room
from mailsuite.model.envelope import Blob, Envelope, Recipient, Submission
from mailsuite.model.errors import Damaged
from mailsuite.model.flags import SYSTEM, Flags, ordered
from mailsuite.model.ids import BlobKey, Uid
from mailsuite.model.outcomes import Deferred, Delivered, Outcome
from mailsuite.sieve.extensions import imapsieve

SPAWN_OCTETS = 4 << 20  # of copies in one record; the rest becomes a job of its own
SPAWNED = 100  # copies and mail of one record, as well
BREATH = 100  # messages are looked at in one turn of the reactor, 20 ms
NOTHING = Blob(BlobKey("event"), 0, b"")
FENCED = Deferred("4.3.0", "another one looks at these messages")


@frozen(eq=False)
class Place:
    """A mailbox and its messages."""

    account: IAccount
    mailbox: IMailbox
    columns: Columns


@define(eq=False)
class Round:
    """One job. ``rest`` are messages that another job must look at."""

    _filing: Filing
    _lease: Lease
    _occasion: Occasion
    _place: Place
    _chain: Sequence[Named]
    rest: Sequence[Uid] = ()
    _spawn: list[Submission] = field(factory=list)
    _marks: dict[Marked, list[Uid]] = field(factory=dict)
    _octets: int = 0
    _failed: dict[str, tuple[Case, Named, str]] = field(factory=dict)

    @classmethod
    async def begin(
        cls,
        filing: Filing,
        lease: Lease,
        occasion: Occasion,
        place: tuple[IAccount, IMailbox],
    ) -> "Round":
        """Look at the mailbox, and find the scripts."""
        account, mailbox = place
        found = filing.system.at(occasion.cause, occasion.source, occasion.name)
        chain = list(found)
        if occasion.script:
            try:
                name = occasion.script
                content = await filing.ground.scripts.get(account.name, name)
            except NoSuchScript:  # RFC 6785 §2.3.1: then none runs
                pass
            else:
                chain.append(await filing.own(Script(name, content)))
        there = Place(account, mailbox, await mailbox.snapshot())
        return cls(filing, lease, occasion, there, chain)

    @property
    def columns(self) -> Columns:
        """The mailbox as the scripts saw it."""
        return self._place.columns

    async def run(
        self, room: Room, renew: Callable[[Lease], Awaitable[bool]]
    ) -> Outcome:
        """Look at every message that is still there; gives what is to be recorded."""
        occasion, seen = self._occasion, 0
        uids = occasion.uids if self._chain else ()
        if occasion.uidvalidity != self._place.columns.uidvalidity:
            uids = ()
        effects = Effects(self._filing, room)
        for number, uid in enumerate(uids, 1):
            if not number % BREATH:
                await self._filing.ground.lane.run(int)  # others have a turn
            if not await renew(self._lease):
                return FENCED
            try:
                seen += await self._look(effects, uid)
            except (KeyError, Damaged):
                continue  # it went meanwhile, or nobody can read it
            if self._octets >= SPAWN_OCTETS or len(self._spawn) >= SPAWNED:
                self.rest = uids[number:]
                break
        if self.rest:
            left = evolve(occasion, uids=self.rest)
            self._spawn.append(left.submission(NOTHING))
        await self._mark()
        told = f"{seen} of {len(occasion.uids) - len(self.rest)} looked at"
        return Delivered(told, tuple(self._spawn))

    async def _look(self, effects: Effects, uid: Uid) -> bool:
        """Run the scripts over one message. :raises KeyError, Damaged: it is gone."""
        known = self._place.columns.uid
        row = bisect_left(known, uid)
        if row >= len(known) or known[row] != uid:
            return False
        filing, ground = self._filing, self._filing.ground
        case = self._case(uid, row)
        opened = await looked_at(self._place.mailbox, uid)
        place = self._place.mailbox, uid
        written = Stored.at(ground.blobs, ground.lane, case, opened, place)
        answers = Answers(case, ground, written, filing.system.shared)
        decision = await filing.decide(case, self._chain, opened, answers.ask)
        self._note(case, decision)
        effect = await effects.of(case, decision.deeds, written)
        self._spawn += effect.spawn
        self._octets += sum(one.blob.size for one in effect.spawn)
        if effect.marked.add or effect.marked.drop:
            self._marks.setdefault(effect.marked, []).append(uid)
        return True

    def _case(self, uid: Uid, row: int) -> Case:
        """The message as scripts see it; its sender is who owns the mailbox."""
        occasion, columns, lease = self._occasion, self._place.columns, self._lease
        flags: Sequence[str] = ordered(columns.table.sets[columns.flags[row]])
        if occasion.flags is not None:
            flags = _as_of(occasion, flags)
        me = owner(occasion.account)
        recipient = Recipient(uid, me, sender=me)
        own = evolve(
            lease,
            envelope=Envelope(me, (recipient,)),
            recipients=(recipient,),
            awaited=False,
        )
        event = Event(occasion.cause, items(occasion), tuple(flags))
        date = float(columns.date[row])
        return Case(own, recipient, self._place.account, "", NOTHING, event, date)

    def _note(self, case: Case, decision: Decision) -> None:
        for script, trouble in decision.troubles:
            self._filing.troubles.happened(case, script, trouble)
            if script.own:
                self._failed.setdefault(script.name, (case, script, trouble))

    async def tell(self) -> None:
        """Let the owner know of scripts that failed."""
        if self._filing.settings.tell:
            for failed in self._failed.values():
                await self._filing.troubles.tell(*failed)

    async def _mark(self) -> None:
        """Set what flags scripts want; durable on return."""
        for marked, uids in self._marks.items():
            try:
                await self._place.mailbox.store(uids, marked.add, marked.drop)
            except LimitReached:  # the mailbox has too many keywords
                known: Flags = frozenset(SYSTEM)
                await self._place.mailbox.store(uids, marked.add & known, marked.drop)
        if self._marks:
            await self._place.account.synced()


def _as_of(occasion: Occasion, now: Sequence[str]) -> Sequence[str]:
    """Those that changed as they were after that, all others as they are now.

    So a script sees what scripts for earlier events have set since.
    """
    changed = {name.lower() for name in occasion.changed}
    kept = [name for name in now if name.lower() not in changed]
    then = [name for name in occasion.flags or () if name.lower() in changed]
    return ordered((*kept, *then))


def items(occasion: Occasion) -> Mapping[str, str]:
    """What the test ``environment`` tells of an event (RFC 6785 §4)."""
    return {
        **imapsieve.PLACE,
        imapsieve.USER: occasion.user,
        imapsieve.EMAIL: occasion.account,
        imapsieve.CAUSE: occasion.cause,
        imapsieve.MAILBOX: occasion.name,
        imapsieve.CHANGED: " ".join(occasion.changed),
        imapsieve.FROM: occasion.source,
        imapsieve.TO: occasion.name,
    }

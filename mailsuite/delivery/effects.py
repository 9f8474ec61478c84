r"""What scripts do at IMAP events with a message that lies in a mailbox (RFC 6785 §3).

It stays where it is. What is filed elsewhere is a new message, what is sent on is
sent in its owner's name; where nothing keeps it, it gets ``\Deleted``, and the user
decides when it goes. What cannot be done as planned keeps it.
"""

from collections.abc import Iterable, Sequence

from attrs import define, frozen

from mailsuite.delivery.carrying import Work
from mailsuite.delivery.copies import NO_SNOOZED, Copy, Deed, filed_as
from mailsuite.delivery.filing import Filing
from mailsuite.delivery.letters import Case
from mailsuite.delivery.occasions import filing
from mailsuite.delivery.written import Written
from mailsuite.model.changes import Room
from mailsuite.model.envelope import Blob, Submission
from mailsuite.model.flags import DELETED, Flags
from mailsuite.sieve.actions import Discard, FileInto, Keep
from mailsuite.sieve.extensions.snooze import Snooze
from mailsuite.sieve.limits import FLAGS
from mailsuite.sieve.message import Message


@frozen
class Marked:
    """Flags that come and go."""

    add: Flags = frozenset()
    drop: Flags = frozenset()


@frozen(eq=False)
class Effect:
    """What is to be done for one message."""

    spawn: Sequence[Submission]
    marked: Marked


@define(eq=False)
class Effects:
    """Works out what plans come to; ``room`` is what the quota leaves for copies."""

    _filing: Filing
    _room: Room
    _taken: int = 0
    _made: int = 0

    async def of(self, case: Case, deeds: Sequence[Deed], written: Written) -> Effect:
        """Make all that is sent and copied. :raises KeyError, Damaged: it is gone."""
        work = Work(case, written, list(deeds))
        for deed in deeds:
            await self._filing.carrying.send(work, deed)
            if isinstance(deed.action, FileInto | Snooze):
                await self._file(work, deed)
        for sent in work.sent:
            if sent.fcc is not None:
                to = (str(one.address) for one in sent.child.envelope.recipients)
                made = " ".join((sent.kind, *to))
                await self._copy(work, sent.fcc, sent.child.blob, made)
        return Effect(work.spawn, self._marked(work))

    async def _file(self, work: Work, deed: Deed) -> None:
        if not await self._copy(work, deed.action, deed.message):
            work.keep(deed.message)

    async def _copy(
        self,
        work: Work,
        action: FileInto | Snooze,
        message: Message | Blob,
        made: str = "",
    ) -> bool:
        """Have a copy filed; False: it cannot be."""
        case, copies = work.case, self._filing.copies
        copy: Copy | None
        if isinstance(action, FileInto):
            copy = await copies.filed(case, action, message, made)
        else:
            copy = await copies.snoozed(case, action, message)
        why = NO_SNOOZED if copy is None else await copies.missing(case, copy)
        if copy is not None and not why:
            blob = await work.written(message)
            if self._fits(blob.size):
                filed, date = filed_as([copy]), 0.0 if made else case.date
                work.spawn.append(filing(case.account.name, date, filed, blob))
                return True
            why = "the account is full"
        self._filing.ground.events.happened(
            "sieve.unfiled",
            qid=case.lease.id,
            account=case.account.name,
            line=action.at,
            reason=why,
        )
        return False

    def _fits(self, octets: int) -> bool:
        """Whether the quota leaves room for one more copy."""
        room = self._room
        if room.octets is not None and self._taken + octets > room.octets:
            return False
        if room.messages is not None and self._made >= room.messages:
            return False
        self._taken += octets
        self._made += 1
        return True

    def _marked(self, work: Work) -> Marked:
        """What becomes of the message's own flags."""
        case = work.case
        assert case.event is not None
        keeps = [one.action for one in work.deeds if isinstance(one.action, Keep)]
        if keeps:
            return changed(case.event.flags, keeps[-1].flags)
        for deed in work.deeds:
            if isinstance(deed.action, Discard):
                self._filing.ground.events.happened(
                    "sieve.discarded",
                    qid=case.lease.id,
                    account=case.account.name,
                    line=deed.action.at,
                )
        return Marked(add=frozenset({DELETED}))


def changed(had: Iterable[str], wanted: Iterable[str] | None) -> Marked:
    """How to come from some flags to others; names differ not in case alone."""
    if wanted is None:
        return Marked()
    before = {name.lower(): name for name in had}
    after = {name.lower(): name for name in wanted}
    add = frozenset(name for key, name in after.items() if key not in before)
    drop = frozenset(name for key, name in before.items() if key not in after)
    return Marked(add, drop if len(before) <= FLAGS else frozenset())

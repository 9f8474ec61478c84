"""Plans are carried out: copies stored, mail sent, marks kept, refusals told.

What cannot be done as planned (a redirect that may not be, a mailbox that is not
there) becomes a copy in the INBOX: mail is never lost by a script's mistake.
"""

from collections.abc import Sequence
from typing import Any

from attrs import define, evolve, field

from mailsuite.delivery import scheduling, sending
from mailsuite.delivery.answers import DUPLICATE
from mailsuite.delivery.copies import Copies, Deed, filed_as, number
from mailsuite.delivery.ground import Ground
from mailsuite.delivery.letters import Case
from mailsuite.delivery.refusing import refused
from mailsuite.delivery.replies import Replies, Sent, Unsent
from mailsuite.delivery.sending import Rate, Refused
from mailsuite.delivery.written import Written
from mailsuite.model.envelope import Submission
from mailsuite.model.outcomes import Delivered, Failed, Outcome
from mailsuite.sieve.actions import Discard, Keep, Redirect, RedirectList
from mailsuite.sieve.extensions.duplicate import Remember
from mailsuite.sieve.extensions.enotify import Notify
from mailsuite.sieve.extensions.processcalendar import ProcessCalendar
from mailsuite.sieve.extensions.reject import Reject
from mailsuite.sieve.extensions.vacation import Vacation
from mailsuite.sieve.message import Message
from mailsuite.sieve.settings import Sieve


@define(eq=False)
class Work:
    """What one plan comes to while it is carried out."""

    case: Case
    written: Written
    deeds: list[Deed]
    spawn: list[Submission] = field(factory=list)
    sent: list[Sent] = field(factory=list)
    told: list[str] = field(factory=list)
    failed: Failed | None = None

    def keep(self, message: Message) -> None:
        """Keep the message after all, unless it is kept anyway."""
        if not any(isinstance(deed.action, Keep) for deed in self.deeds):
            self.deeds.append(Deed(Keep(implicit=True), message))


@define(eq=False)
class Carrying:
    """Carries plans out for one case after another."""

    _ground: Ground
    _copies: Copies
    _settings: Sieve
    _redirects: Rate
    _replies: Replies

    @classmethod
    def of(cls, ground: Ground, settings: Sieve, copies: Copies) -> "Carrying":
        """Make it, with nothing counted yet."""
        replies = Replies(ground, Rate(settings.replies, ground.wall))
        redirects = Rate(settings.redirects, ground.wall)
        return cls(ground, copies, settings, redirects, replies)

    def reload(self, settings: Sieve) -> None:
        """Let other settings count from now on."""
        self._settings = settings
        self._redirects.limit = settings.redirects
        self._replies.rate.limit = settings.replies

    async def carry(
        self, case: Case, deeds: Sequence[Deed], written: Written
    ) -> Outcome:
        """Do all of it. :raises OverQuota, NoSpace, OSError: not all was done."""
        work = Work(case, written, list(deeds))
        for deed in deeds:
            await self.send(work, deed)
        copies = await self._copies.planned(case, work.deeds)
        work.told += await self._copies.store(case, copies, written)
        for sent in work.sent:
            await self._carbon(work, sent)
        for deed in deeds:
            if isinstance(deed.action, Remember):
                await self._remember(case, deed.action)
            elif isinstance(deed.action, ProcessCalendar):
                self._decided(case, deed.action)
            elif isinstance(deed.action, Discard) and not copies:
                self._happened("sieve.discarded", case, line=deed.action.at)
        if work.failed is not None:
            return evolve(work.failed, spawn=tuple(work.spawn))
        text = ", ".join(work.told) or "discarded"
        return Delivered(text, tuple(work.spawn), filed_as(copies))

    async def send(self, work: Work, deed: Deed) -> None:
        """Make what a deed sends, if it sends something."""
        before, each = len(work.spawn), _each(deed.action)
        for action in each:
            if isinstance(action, Redirect):
                await self._redirect(work, (action, each), deed.message)
            elif isinstance(action, Vacation | Notify):
                await self._answer(work, action)
            elif isinstance(action, Reject):
                self._refuse(work, action)
            elif isinstance(action, ProcessCalendar):
                blobs, name = self._ground.blobs, work.case.account.name
                work.spawn += await scheduling.jobs(blobs, name, action)
        if isinstance(deed.action, RedirectList):
            work.spawn[before:] = sending.together(work.spawn[before:])

    async def _answer(self, work: Work, action: Vacation | Notify) -> None:
        """Send a reply or a notice, unless there are reasons not to."""
        case, header = work.case, work.written.message.header
        try:
            if isinstance(action, Vacation):
                sent = await self._replies.reply(case, action, header)
            else:
                sent = await self._replies.notice(case, action, header)
        except Unsent as unsent:
            self._happened("sieve.silent", case, line=action.at, reason=unsent.why)
            return
        work.sent.append(sent)
        work.spawn.append(sent.child)
        for recipient in sent.child.envelope.recipients:
            to = str(recipient.address)
            self._happened("sieve.answered", case, to=to, kind=sent.kind)

    async def _carbon(self, work: Work, sent: Sent) -> None:
        """File a copy of mail that a script sends (RFC 8580), if there is room."""
        if sent.fcc is not None:
            case, blob = work.case, sent.child.blob
            to = (str(one.address) for one in sent.child.envelope.recipients)
            made = " ".join((sent.kind, *to))
            copy = await self._copies.filed(case, sent.fcc, blob, made)
            await self._copies.store_beside(case, copy, blob)

    def _refuse(self, work: Work, action: Reject) -> None:
        """Nothing is stored; who sent it is told."""
        case = work.case
        outcome = refused(case, action, work.written.message.header, self._ground)
        if isinstance(outcome, Failed):
            work.failed = outcome
        elif isinstance(outcome, Delivered):
            work.told.append(outcome.text)
        work.spawn += outcome.spawn
        told = bool(outcome.spawn) or isinstance(outcome, Failed)
        self._happened("sieve.rejected", case, line=action.at, told=int(told))

    async def _redirect(
        self, work: Work, one: tuple[Redirect, Sequence[Redirect]], message: Message
    ) -> None:
        """Send to one of several that are sent to together, all of them or none."""
        (action, each), case = one, work.case
        name, job = case.account.name, f"{case.lease.id}/{case.recipient.n}"
        try:
            if case.junk and not self._settings.redirect_junk:
                raise Refused("the message was judged to be junk")
            sending.checked_loop(case, message)
            if not self._redirects.allows(name, *(f"{job}/{a.address}" for a in each)):
                raise Refused(f"more than {self._redirects.limit} in an hour")
            lacking = sending.completed(case, message, self._ground.hostname)
            blob = await work.written(message)
            child = sending.redirected(case, action, blob, lacking)
        except Refused as found:
            why = found.why
            self._happened("sieve.refused", case, line=action.at, reason=why)
            work.keep(message)
            return
        work.spawn.append(child)
        to = str(child.envelope.recipients[0].address)
        work.told.append(f"to {to}")
        self._happened("sieve.redirected", case, to=to)

    def _decided(self, case: Case, action: ProcessCalendar) -> None:
        """Let scripts that run before the calendar is changed see what it will be."""
        for one in action.entries:
            if one.made is not None:
                name = case.account.name
                self._ground.calendars.decided(name, one.uid, one.made)

    async def _remember(self, case: Case, action: Remember) -> None:
        memories = self._ground.memories
        keep = memories.renew if action.again else memories.remember
        await keep(
            case.account.name,
            DUPLICATE,
            action.mark,
            self._ground.wall() + action.seconds,
            case.once(number(DUPLICATE, action.mark)),
        )

    def _happened(self, event: str, case: Case, **more: str | int) -> None:
        self._ground.events.happened(
            event, qid=case.lease.id, account=case.account.name, **more
        )


def _each(action: Any) -> Sequence[Any]:
    """The single actions that one stands for."""
    return action.each if isinstance(action, RedirectList) else (action,)

"""Scripts are tried on mail that is in a mailbox: what they would do, in words."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from attrs import define, field
from zope.interface import implementer

from mailsuite.delivery import letters
from mailsuite.delivery.answers import DUPLICATE, Answers
from mailsuite.delivery.copies import Copies, Deed
from mailsuite.delivery.filing import Decision, Filing
from mailsuite.delivery.folders import INBOX
from mailsuite.delivery.letters import CONTENT, Case
from mailsuite.delivery.written import Written
from mailsuite.icalendar.scheduling import NO_ACTION
from mailsuite.interfaces.mailboxes import IAccount, IAccounts, IMailbox
from mailsuite.interfaces.queueing import Lease
from mailsuite.interfaces.scripts import IReplay, Replayed, Script
from mailsuite.mime import headers, words
from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob, Envelope, Recipient
from mailsuite.model.errors import Damaged
from mailsuite.model.ids import AccountName, BlobKey, QueueId, Uid
from mailsuite.sieve import outbound, telling
from mailsuite.sieve.actions import FileInto, Keep
from mailsuite.sieve.errors import Question
from mailsuite.sieve.extensions.duplicate import Remember
from mailsuite.sieve.extensions.processcalendar import ProcessCalendar
from mailsuite.sieve.extensions.snooze import AWAKEN

PROGRAM = "program"
FILED = (Keep, FileInto, Remember)
"""Actions that ``places`` tell, and what nobody sees."""
SHOWN_CHARACTERS = 200  # of a field that are given back
_NOTHING = Blob(BlobKey("replay"), 0, b"")


@implementer(IReplay)
@define(eq=False)
class Replaying:
    """Provides IReplay."""

    _accounts: IAccounts
    _filing: Filing
    _copies: Copies = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._copies = Copies(self._filing.ground.events)

    async def messages(
        self, account: AccountName, mailbox: str, since: float
    ) -> Sequence[Uid]:
        """See :meth:`IReplay.messages`."""
        opened = await self._accounts.open(account)
        try:
            rows = await (await opened.mailbox(mailbox)).snapshot()
        finally:
            opened.close()
        pairs = zip(rows.uid, rows.date, strict=True)
        return [Uid(uid) for uid, date in pairs if date >= since]

    async def replay(
        self,
        account: AccountName,
        script: Script | None,
        mailbox: str,
        uids: Sequence[Uid],
    ) -> Sequence[Replayed]:
        """See :meth:`IReplay.replay`."""
        opened = await self._accounts.open(account)
        try:
            there = await opened.mailbox(mailbox)
            rows = await there.snapshot()
            dates = dict(zip(rows.uid, rows.date, strict=True))
            found = []
            for uid in uids:
                if uid in dates:
                    with suppress(KeyError, Damaged):
                        octets = await _octets(there, uid)
                        case = _case(opened, octets, dates[uid])
                        found.append(await self._tried(case, uid, script))
            return found
        finally:
            opened.close()

    async def _tried(self, case: Case, uid: Uid, script: Script | None) -> Replayed:
        chain = await self._filing.chain(case.account.name, script)
        message = letters.opened(case.blob)
        ground = self._filing.ground
        written = Written(ground.blobs, ground.lane, case, message)
        answers = Answers(case, ground, written)

        async def ask(question: Question) -> Any:
            if question.kind == DUPLICATE:
                return False
            if question.kind == PROGRAM:  # as if what it pipes to had gone well
                return b"" if question.subject[0] == "pipe" else None
            return await answers.ask(question)

        decision = await self._filing.decide(case, chain, message, ask)
        header = message.message.header
        return Replayed(
            uid,
            case.lease.accepted,
            _shown(header, b"from"),
            _shown(header, b"subject"),
            await self._places(case, decision),
            tuple(
                telling.told(deed.action)
                for deed in decision.deeds
                if not isinstance(deed.action, FILED) and not _idle(deed.action)
            ),
            "; ".join(f"{one.name}: {why}" for one, why in decision.troubles),
        )

    async def _places(self, case: Case, decision: Decision) -> tuple[str, ...]:
        """Mailboxes that the message would lie in, each once."""
        found: dict[str, None] = {}
        for deed in decision.deeds:
            place = await self._place(case, deed)
            if place:
                found.setdefault(INBOX if place.upper() == INBOX else place)
        return tuple(found)

    async def _place(self, case: Case, deed: Deed) -> str:
        if isinstance(deed.action, Keep):
            return INBOX
        if not isinstance(deed.action, FileInto):
            return ""
        copy = await self._copies.filed(case, deed.action, deed.message)
        there = {row.name for row in await case.account.mailboxes() if row.selectable}
        known = copy.mailbox in there or copy.mailbox.upper() == INBOX
        return copy.mailbox if known or copy.create else INBOX

    async def answer(
        self, account: AccountName, kind: str, subject: Sequence[str]
    ) -> Any:
        """See :meth:`IReplay.answer`; scripts and programs are not run for it."""
        question = Question(kind, tuple(subject))
        if question == CONTENT or kind in {PROGRAM, "script", DUPLICATE, AWAKEN}:
            return None
        opened = await self._accounts.open(account)
        try:
            case = _case(opened, b"", 0)
            ground = self._filing.ground
            written = Written(ground.blobs, ground.lane, case, letters.opened(_NOTHING))
            return await Answers(case, ground, written).ask(question)
        finally:
            opened.close()


def _idle(action: Any) -> bool:
    """Whether it is a look at a message without events."""
    return isinstance(action, ProcessCalendar) and action.outcome == NO_ACTION


async def _octets(mailbox: IMailbox, uid: Uid) -> bytes:
    """The whole message. :raises KeyError, Damaged: it is gone, or not readable."""
    octets = await mailbox.octets(uid)
    try:
        return await octets.read(0, octets.size)
    finally:
        octets.close()


def _case(account: IAccount, octets: bytes, date: float) -> Case:
    """A message as it came, as far as the mailbox still knows."""
    path = headers.value(octets[: letters.HEADER_OCTETS], b"return-path") or b""
    sender = outbound.address(path.decode("utf-8", "replace").strip().strip("<>"))
    local, _, domain = account.name.rpartition("@")
    recipient = Recipient(0, Address(local, domain))
    blob = Blob(_NOTHING.key, len(octets), octets)
    envelope = Envelope(sender, (recipient,))
    lease = Lease(
        QueueId("replay"), 0, envelope, blob, (recipient,), "local", 1, float(date)
    )
    return Case(lease, recipient, account, "", blob)


def _shown(header: bytes, name: bytes) -> str:
    """A field's value for people."""
    value = headers.value(header, name)
    return words.decode(value).strip()[:SHOWN_CHARACTERS] if value else ""

"""One message from MAIL to the reply after its last octet."""

import re
from collections.abc import Mapping

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, gatherResults
from zope.interface import implementer

from mailsuite.interfaces.blobs import IBlobs, IBlobWriter
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.mailboxes import IAccounts
from mailsuite.interfaces.queueing import IQueue
from mailsuite.interfaces.receiving import ITransaction
from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob, Envelope, Marks, Recipient, Submission
from mailsuite.model.errors import NoSpace
from mailsuite.model.ids import AccountName, QueueId
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import Phase, Refuse, Verdict
from mailsuite.policy import answers, trace
from mailsuite.policy.head import Head
from mailsuite.policy.pipeline import Pipeline
from mailsuite.policy.stages.quota import FULL
from mailsuite.policy.stages.recipients import ACCOUNT
from mailsuite.policy.trace import Dates
from mailsuite.policy.view import NOTHING, View

_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:|>?From ")
"""How a header begins, or an mbox that somebody sent; all else is body at once.

What begins with a space would even go on with the last trace field.
"""


@frozen(eq=False)
class Desk:
    """What every transaction needs; made anew at a reload.

    ``wait`` is how long LMTP waits for outcomes (seconds), None elsewhere.
    """

    pipeline: Pipeline
    blobs: IBlobs
    queue: IQueue
    accounts: IAccounts
    events: IEvents
    dates: Dates
    hostname: str
    domain: str
    wait: float | None


@implementer(ITransaction)
@define(eq=False, repr=False)
class Transaction:
    """Collects the envelope, asks the stages, hands over to the queue."""

    _desk: Desk
    _view: View
    _id: str
    _recipients: list[Recipient] = field(factory=list)
    _places: dict[tuple[str, str], int] = field(factory=dict)
    _named: list[int] = field(factory=list)
    """The recipient that each RCPT named; one named twice gets one copy."""
    _accounts: dict[int, AccountName] = field(factory=dict)
    """Of recipients that are ours, by their numbers."""
    _marks: dict[str, str] = field(factory=dict)
    _parameters: Mapping[str, str] = NOTHING
    _local: bool = True
    _head: Head | None = None

    async def sender(
        self, address: Address | None, parameters: Mapping[str, str]
    ) -> Verdict:
        """MAIL FROM."""
        view = self._view
        view.sender, view.parameters = address, parameters
        self._parameters = parameters
        verdict = await self._desk.pipeline.judge(Phase.MAIL, view)
        if isinstance(verdict, Refuse):
            return self._refused(Phase.MAIL, verdict)
        self._marks.update(verdict.marks)
        return verdict

    async def recipient(
        self, address: Address, parameters: Mapping[str, str]
    ) -> Verdict:
        """RCPT TO; stages see MAIL's SIZE beside its parameters."""
        view = self._view
        if not address.domain:
            address = Address(address.local, self._desk.domain)
        view.recipient = address
        view.parameters = (
            {**self._parameters, **parameters} if parameters else self._parameters
        )
        verdict = await self._desk.pipeline.judge(Phase.RCPT, view)
        if isinstance(verdict, Refuse):
            return self._refused(Phase.RCPT, verdict)
        self._accept(address, verdict.marks, parameters)
        return verdict

    def _accept(
        self, address: Address, marks: Marks, parameters: Mapping[str, str]
    ) -> None:
        account = marks.get(ACCOUNT)
        local = address.local if account is None else address.local.lower()
        number = len(self._recipients)
        place = self._places.setdefault((local, address.domain), number)
        self._named.append(place)
        if place != number:
            return
        if account is None:
            self._local = False
        else:
            self._accounts[number] = AccountName(account)
        kept = {name: mark for name, mark in marks.items() if name != ACCOUNT}
        orcpt, notify = parameters.get("ORCPT", ""), parameters.get("NOTIFY", "")
        self._recipients.append(
            Recipient(number, address, None, None, orcpt, notify, kept or NOTHING)
        )
        self._view.recipients += (address,)

    async def data(self) -> Verdict:
        """Ask the data stages."""
        view = self._view
        view.parameters = self._parameters
        verdict = await self._desk.pipeline.judge(Phase.DATA, view)
        if isinstance(verdict, Refuse):
            return self._refused(Phase.DATA, verdict)
        return verdict

    def octets(self, expected: int) -> IBlobWriter:
        """Where the content goes."""
        view, writer = self._view, self._desk.blobs.create(expected)
        watching = self._desk.pipeline.watching
        if watching:
            view.watches = {
                stage: watch
                for stage in watching
                if (watch := stage.watch(view)) is not None
            }
        head = self._head = Head(writer, tuple(view.watches.values()))
        return head

    async def finish(self, blob: Blob) -> Mapping[int, Reply]:
        """Ask the message stages and hand over; 250 means durable."""
        view = self._view
        view.parameters, view.blob = self._parameters, blob
        view.header = self._head.header if self._head else b""
        verdict = await self._desk.pipeline.judge(Phase.MESSAGE, view)
        if isinstance(verdict, Refuse):
            self.abort()
            return self._all(self._refused(Phase.MESSAGE, verdict).reply)
        self._marks.update(verdict.marks)
        if verdict.each:
            self._mark(verdict.each)
        full = await self._full(blob.size)
        if full and (refusal := self._without(full)):
            return refusal
        submission = self._submission(blob, verdict.prefix)
        try:
            (ident,) = await self._desk.queue.accept((submission,))
        except NoSpace:
            self.abort()
            return self._all(answers.NO_SPACE)
        except OSError:  # the barrier failed; recovery decides on the octets
            return self._all(answers.TROUBLE)
        self._tell(ident, submission)
        if self._desk.wait is None:
            return self._all(answers.queued(ident))
        return await self._outcomes(ident, self._desk.wait)

    def _mark(self, each: Mapping[Address, Marks]) -> None:
        """Give recipients what the message stages found about them."""
        self._recipients = [
            evolve(one, marks={**one.marks, **each[one.address]})
            if one.address in each
            else one
            for one in self._recipients
        ]

    async def _full(self, size: int) -> set[int]:
        """Recipients without room for what is more than was declared at RCPT."""
        if size <= int(self._parameters.get("SIZE", "0")):
            return set()
        full = set()
        for n, account in self._accounts.items():
            room = await self._desk.accounts.room(account)
            if not room.holds(size):
                full.add(n)
        return full

    def _without(self, full: set[int]) -> Mapping[int, Reply] | None:
        """Leave them out where each has a reply of its own (LMTP).

        SMTP has one for all: with others among them the queue tries again. Gives
        the replies when nobody is left.
        """
        left = [one for one in self._recipients if one.n not in full]
        if left and self._desk.wait is None:
            return None
        refusal = self._refused(Phase.MESSAGE, FULL)
        self._recipients = left
        if left:
            return None
        self.abort()
        return self._all(refusal.reply)

    def _submission(self, blob: Blob, prefix: bytes) -> Submission:
        view, desk = self._view, self._desk
        fields = trace.received(view, desk.hostname, self._id, desk.dates.now())
        if self._local:
            fields = trace.return_path(view.sender) + fields
        fields += prefix
        if view.header and _FIELD.match(view.header) is None:
            fields += b"\r\n"
        marks = {**self._marks, "role": view.role}
        if view.principal is not None:
            marks["user"] = view.principal.account
        if "SMTPUTF8" in self._parameters:
            marks["smtputf8"] = "yes"
        whole = Blob(blob.key, blob.size + len(fields), blob.octets, fields, blob.path)
        envelope = Envelope(view.sender, tuple(self._recipients), marks)
        return Submission(envelope, whole, awaited=desk.wait is not None)

    async def _outcomes(self, ident: QueueId, wait: float) -> Mapping[int, Reply]:
        """Ask for all at once, so that the wait is the longest and not the sum."""
        numbers = [one.n for one in self._recipients]
        queue = self._desk.queue
        if len(numbers) == 1:
            found = [await queue.outcome(ident, numbers[0], wait)]
        else:
            found = await gatherResults(
                [
                    Deferred.fromCoroutine(queue.outcome(ident, n, wait))
                    for n in numbers
                ],
                consumeErrors=True,
            )
        told = dict(zip(numbers, map(answers.reply_to, found), strict=True))
        return {i: told.get(n, FULL.reply) for i, n in enumerate(self._named)}

    def abort(self) -> None:
        """Forget it; nothing is left behind."""
        head, self._head = self._head, None
        if head is not None:
            head.abort()

    def _refused(self, phase: Phase, verdict: Refuse) -> Refuse:
        """Tell operators of a stage's objection."""
        view, reply = self._view, verdict.reply
        self._desk.events.happened(
            "smtp.rejected",
            sid=view.peer.session,
            role=view.role,
            stage=phase.value,
            code=reply.code,
            reason=f"{reply.status} {reply.text}",
        )
        return verdict

    def _tell(self, ident: QueueId, submission: Submission) -> None:
        view = self._view
        for watch in view.watches.values():
            watch.accepted(ident)
        self._desk.events.happened(
            "smtp.accepted",
            sid=view.peer.session,
            qid=ident,
            role=view.role,
            size=submission.blob.size,
            recipients=len(self._recipients),
            sender=str(view.sender or ""),
        )

    def _all(self, reply: Reply) -> Mapping[int, Reply]:
        return dict.fromkeys(range(len(self._named)), reply)

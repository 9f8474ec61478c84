"""One message for some recipients over one connection: a single transaction."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import Factory, define, field, frozen

from mailsuite.model.address import Address
from mailsuite.model.envelope import Recipient
from mailsuite.model.errors import UsageError
from mailsuite.model.outcomes import Deferred, Delivered, Failed
from mailsuite.net.protocol import Gone
from mailsuite.relay import classify
from mailsuite.relay.asked import Asked
from mailsuite.relay.classify import Fate
from mailsuite.relay.content import Content
from mailsuite.relay.dialogue import Dialogue, Heard
from mailsuite.relay.settings import Relay
from mailsuite.wire.smtp.answers import Answer
from mailsuite.wire.smtp.client import Step
from mailsuite.wire.smtp.envelopes import Mail, path
from mailsuite.wire.smtp.outgoing import Begin, Broken, Settled
from mailsuite.wire.smtp.stuffing import Stuffing


class Fenced(Exception):  # noqa: N818 - a state of the lease
    """The job is no longer ours; nothing may be delivered or settled."""


@frozen
class Message:
    """What is sent: the same for every transaction of a job.

    ``eight_bit``: it has octets above 127; ``utf8``: its header needs SMTPUTF8.
    ``size`` in octets. ``renew`` is asked right before the final dot. ``asked``: what
    the sender asks of servers.
    """

    content: Content
    size: int
    eight_bit: bool
    utf8: bool
    renew: Callable[[], Awaitable[bool]]
    asked: Asked = Factory(Asked)


@frozen
class Carried:
    """``outcomes`` by number of recipient; ``problem`` befell all others.

    Others may be tried with another host at once: they were not delivered. Nor were
    those whom the server ``put_off`` by an answer of its own.
    """

    outcomes: dict[int, Fate]
    problem: Fate = Factory(lambda: Deferred(classify.LOST, "connection lost"))
    put_off: dict[int, Deferred] = Factory(dict)

    @property
    def too_many(self) -> bool:
        """Whether there were only too many, so that the rest may follow at once."""
        some = any(isinstance(fate, Delivered) for fate in self.outcomes.values())
        put_off = self.put_off.values()
        return some and any(fate.status == classify.TOO_MANY for fate in put_off)


@define(eq=False)
class Errand:
    """Carries ``message`` from ``sender`` over ``dialogue``."""

    _dialogue: Dialogue
    _message: Message
    _sender: Address | None
    _settings: Relay
    _outcomes: dict[int, Fate] = field(factory=dict, init=False)

    async def run(self, recipients: Sequence[Recipient]) -> Carried:
        """Carry it out. :raises Fenced: the lease ended; nothing was sent."""
        mail = self._envelope(recipients)
        if not mail.recipients:
            return Carried(self._outcomes)
        dialogue = self._dialogue
        try:
            dialogue.machine.begin(mail)
            event = await dialogue.event(self._settings.reply_seconds)
            if isinstance(event, Begin):
                await self._send()
                event = await self._last_word(mail)
        except Gone as error:
            return self._broken(mail, str(error))
        if isinstance(event, Settled):
            return self._settled(mail, event.answers)
        dialogue.hang_up()
        return self._broken(
            mail, event.text if isinstance(event, Broken) else "not SMTP"
        )

    def _envelope(self, recipients: Sequence[Recipient]) -> Mail:
        """Leave out, as failed, who cannot be reached by this server at all."""
        message, offers = self._message, self._dialogue.machine.offers
        utf8 = "SMTPUTF8" in offers
        asked = message.asked
        refusal = asked.refusal(offers, self._host)
        if 0 < offers.size < message.size:
            text = f"the message has {message.size} octets, {self._host} takes {offers.size}"
            refusal = Failed(classify.TOO_BIG, text, self._host)
        elif message.eight_bit and "8BITMIME" not in offers:
            text = f"{self._host} takes no 8-bit content"
            refusal = Failed(classify.NO_CONVERSION, text, self._host)
        elif not utf8 and (message.utf8 or not _plain(self._sender)):
            refusal = self._no_utf8()
        chosen = []
        for recipient in recipients:
            failed = refusal or self._unwritable(recipient, utf8=utf8)
            if failed is None:
                chosen.append(recipient)
            else:
                self._outcomes[recipient.n] = failed
        wanted = message.utf8 or not all(
            map(_ascii, [self._sender, *(r.address for r in chosen)])
        )
        return Mail(
            self._sender,
            tuple(chosen),
            message.size,
            message.eight_bit,
            utf8 and wanted,
            asked.ret,
            asked.envid,
            asked.by,
        )

    def _unwritable(self, recipient: Recipient, *, utf8: bool) -> Failed | None:
        if not utf8 and not _plain(recipient.address):
            return self._no_utf8()
        try:
            path(self._sender, utf8=utf8)
            path(recipient.address, utf8=utf8)
        except UsageError as error:
            return Failed(classify.BAD_ADDRESS, str(error))
        return None

    def _no_utf8(self) -> Failed:
        text = f"{self._host} knows no internationalized mail (SMTPUTF8)"
        return Failed(classify.NO_UTF8, text, self._host)

    async def _send(self) -> None:
        """Write the content in blocks as fast as the server reads, and the dot.

        The last block waits for the lease's renewal and leaves with the dot.
        """
        dialogue, stuffing, at, held = self._dialogue, Stuffing(), 0, b""
        dialogue.idle_after(self._settings.block_seconds)
        while block := await self._message.content.block(at):
            dialogue.send(held)
            if dialogue.interrupted:
                return
            await dialogue.drained()
            held = stuffing.block(block)
            at += len(block)
        if not await self._message.renew():
            dialogue.abort()
            raise Fenced
        if not dialogue.interrupted:
            dialogue.machine.end()
            dialogue.send(held + stuffing.finish())

    async def _last_word(self, mail: Mail) -> Heard:
        """Wait for the answer to the message.

        Silence after the dot means nothing: the server may have it. It is tried
        again later, never at another host at once.
        """
        sent = self._dialogue.machine.step is Step.END
        try:
            return await self._dialogue.event(self._settings.end_seconds)
        except Gone as error:
            if sent:
                lost = Deferred(classify.LOST, f"{self._host}: {error}", self._host)
                self._refused(mail)
                for recipient in mail.recipients:
                    self._outcomes.setdefault(recipient.n, lost)
            raise

    def _settled(self, mail: Mail, answers: Sequence[Answer]) -> Carried:
        """421 before the end of the message is this host's trouble, not the mail's."""
        problem: Fate = Deferred(classify.LOST, "connection lost", self._host)
        put_off: dict[int, Deferred] = {}
        for recipient, answer in zip(mail.recipients, answers, strict=True):
            fate = classify.outcome(answer, self._host)
            if answer.code == 421:
                problem = fate
            elif isinstance(fate, Deferred):
                put_off[recipient.n] = fate
            else:
                self._outcomes[recipient.n] = fate
        return Carried(self._outcomes, problem, put_off)

    def _broken(self, mail: Mail, text: str) -> Carried:
        self._refused(mail)
        problem = Deferred(classify.LOST, f"{self._host}: {text}", self._host)
        return Carried(self._outcomes, problem)

    def _refused(self, mail: Mail) -> None:
        """Keep what was refused for ever before the connection ended."""
        transaction = self._dialogue.machine.transaction
        if transaction is not None and transaction.mail is mail:
            for recipient, answer in zip(
                mail.recipients, transaction.answers, strict=True
            ):
                if answer is not None and answer.permanent:
                    self._outcomes[recipient.n] = classify.outcome(answer, self._host)

    @property
    def _host(self) -> str:
        return self._dialogue.target.host


def _plain(address: Address | None) -> bool:
    """Whether it can be written in ASCII, its domain as A-labels."""
    return address is None or address.local.isascii()


def _ascii(address: Address | None) -> bool:
    return address is None or address.ascii

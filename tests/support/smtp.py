"""Peers for the SMTP session and door: a reception that takes all, scripted cuts."""

from collections.abc import Mapping

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.blobs import IBlobs, IBlobWriter
from mailsuite.interfaces.receiving import IReception, IReceptions, ITransaction
from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob
from mailsuite.model.ids import BlobKey
from mailsuite.model.principals import Peer, Principal
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import PROCEED, Phase, Refuse, Verdict
from mailsuite.wire.smtp import commands, replies
from mailsuite.wire.smtp.session import Session
from mailsuite.wire.smtp.standing import Offer, Standing


@define(eq=False)
class Machine:
    """A session that says yes to all; ``seen`` are its events, blocks joined."""

    offer: Offer = field(factory=lambda: Offer("mx.example.test", size=100_000))
    closed: bool = False
    seen: list[object] = field(factory=list)
    messages: list[bytes] = field(factory=list)
    refusing: Mapping[type, Reply] = field(factory=dict)
    session: Session = field(init=False)
    _blocks: list[bytes] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.session = Session(Standing(self.offer))

    def feed(self, octets: bytes) -> bytes:
        out = b""
        if not octets and self.session.waiting:
            return self.session.answer(Reply(220, "", "mx.example.test ESMTP"))
        if not self.closed:
            self.session.feed(octets)
        while not self.closed and (event := self.session.next_event()) is not None:
            out += self.answer(event)
        return out

    def answer(self, event: commands.Event) -> bytes:
        session = self.session
        if isinstance(event, commands.Content):
            self._blocks.append(event.block)
            return b""
        self.seen.append(event)
        self.closed = getattr(event, "close", False)
        if type(event) in self.refusing:
            return session.answer(self.refusing[type(event)])
        if isinstance(event, commands.Refused | commands.Told):
            return session.answer(event.reply)
        if isinstance(event, commands.End):
            content, self._blocks = b"".join(self._blocks), []
            if event.refusal is None:
                self.messages.append(content)
            return session.answer(event.refusal or replies.OK)
        if isinstance(event, commands.Hello):
            return session.answer(session.standing.welcome(extended=event.extended))
        if isinstance(event, commands.Quit):
            self.closed = True
            return session.answer(Reply(221, "2.0.0", "Bye"))
        if isinstance(event, commands.StartTLS):
            said = session.answer(replies.START_TLS)
            session.secured()
            return said
        if isinstance(event, commands.Auth) and event.initial is None:
            return session.answer(Reply(334, "", ""))
        if isinstance(event, commands.Auth | commands.Response):
            return session.answer(replies.AUTHENTICATED)
        good = {
            commands.Mail: replies.SENDER_OK,
            commands.Rcpt: replies.RECIPIENT_OK,
            commands.Data: replies.GO_AHEAD,
        }
        return session.answer(good.get(type(event), replies.OK))


@implementer(IBlobWriter)
@define(eq=False)
class Writer:
    """Keeps blocks in memory; ``fails`` is raised by ``drained`` or ``close``."""

    size: int = 0
    blocks: list[bytes] = field(factory=list)
    aborted: bool = False
    fails: Exception | None = None

    def write(self, block: bytes) -> bool:
        self.blocks.append(block)
        self.size += len(block)
        return self.fails is None

    async def drained(self) -> None:
        if self.fails is not None:
            raise self.fails

    async def close(self) -> Blob:
        if self.fails is not None:
            raise self.fails
        content = b"".join(self.blocks)
        return Blob(BlobKey("K"), len(content), content)

    def abort(self) -> None:
        self.aborted = True


@implementer(IBlobs)
@define(eq=False)
class Blobs:
    """Every writer it made, in order."""

    writers: list[Writer] = field(factory=list)
    fails: Exception | None = None

    def create(self, expected: int) -> Writer:
        self.writers.append(Writer(fails=self.fails))
        return self.writers[-1]

    def kept(self, content: bytes) -> Blob:
        return Blob(BlobKey("K"), len(content), content)

    async def content(self, blob: Blob) -> bytes:
        return blob.prefix + (blob.octets or b"")


@implementer(IReceptions, IReception)
@define(eq=False)
class Welcoming:
    """Takes everything but what ``refusing`` names; remembers what it was told."""

    size: int = 100_000
    refusing: dict[Phase, Refuse] = field(factory=dict)
    raising: dict[Phase, Exception] = field(factory=dict)
    blobs: Blobs = field(factory=Blobs)
    told: list[object] = field(factory=list)
    messages: list[tuple[object, list[Address], bytes]] = field(factory=list)
    wait: object = None
    aborted: int = 0

    def verdict(self, phase: Phase) -> Verdict:
        if phase in self.raising:
            raise self.raising[phase]
        return self.refusing.get(phase, PROCEED)

    def meet(self, peer: Peer) -> "Welcoming":
        self.told.append(peer)
        return self

    async def connected(self) -> Verdict:
        return self.verdict(Phase.CONNECT)

    async def greeted(
        self, name: str, *, secure: bool, extended: bool = True
    ) -> Verdict:
        self.told.append((name, secure, extended))
        return self.verdict(Phase.GREETING)

    async def authenticated(self, principal: Principal) -> Verdict:
        self.told.append(principal)
        return self.verdict(Phase.AUTH)

    def begin(self) -> "Taking":
        return Taking(self)


@implementer(ITransaction)
@define(eq=False)
class Taking:
    """One message of :class:`Welcoming`."""

    _of: Welcoming
    _by: object = None
    _to: list[Address] = field(factory=list)

    async def sender(
        self, address: Address | None, parameters: Mapping[str, str]
    ) -> Verdict:
        self._by = address
        return self._of.verdict(Phase.MAIL)

    async def recipient(
        self, address: Address, parameters: Mapping[str, str]
    ) -> Verdict:
        verdict = self._of.verdict(Phase.RCPT)
        if verdict is PROCEED:
            self._to.append(address)
        return verdict

    async def data(self) -> Verdict:
        return self._of.verdict(Phase.DATA)

    def octets(self, expected: int) -> Writer:
        return self._of.blobs.create(expected)

    async def finish(self, blob: Blob) -> Mapping[int, Reply]:
        if self._of.wait is not None:
            await self._of.wait
        verdict = self._of.verdict(Phase.MESSAGE)
        if isinstance(verdict, Refuse):
            return dict.fromkeys(range(len(self._to)), verdict.reply)
        self._of.messages.append((self._by, self._to, blob.octets or b""))
        return {
            n: Reply(250, "2.0.0", f"Ok: queued as Q{len(self._of.messages)}")
            for n in range(len(self._to))
        }

    def abort(self) -> None:
        self._of.aborted += 1

"""Between the SMTP, LMTP and submission doors and policy (RFC 5321 §3)."""

from collections.abc import Mapping

from zope.interface import Attribute, Interface

from mailsuite.interfaces.blobs import IBlobWriter
from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob, Marks
from mailsuite.model.ids import QueueId
from mailsuite.model.principals import Peer, Principal
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import Phase, Verdict


class IReception(Interface):
    """One connection's way in; made by an :class:`IReceptions` per purpose."""

    async def connected() -> Verdict:
        """Ask the connect stages. Called once, before the greeting."""

    async def greeted(name: str, *, secure: bool, extended: bool = True) -> Verdict:
        """Tell the HELO, EHLO or LHLO argument, again after STARTTLS.

        ``extended`` is False for HELO.
        """

    async def authenticated(principal: Principal) -> Verdict:
        """Tell who the peer proved to be."""

    def begin() -> "ITransaction":
        """Start a mail transaction; it pins stages and settings of now."""


class IReceptions(Interface):
    """The door's source of receptions: reception, submission or LMTP."""

    size: int = Attribute("octets of the largest message that is taken")

    def meet(peer: Peer) -> IReception:
        """Give the reception for a new connection."""


class ITransaction(Interface):
    """One message from MAIL to the reply after its last octet."""

    async def sender(address: Address | None, parameters: Mapping[str, str]) -> Verdict:
        """MAIL FROM with its ESMTP parameters (upper-case keys)."""

    async def recipient(address: Address, parameters: Mapping[str, str]) -> Verdict:
        """RCPT TO; accepted ones are numbered from 0 in order of acceptance."""

    async def data() -> Verdict:
        """Ask the data stages; called before 354 is answered."""

    def octets(expected: int) -> IBlobWriter:
        """Where the content goes. ``expected`` octets (SIZE=), 0 if not told."""

    async def finish(blob: Blob) -> Mapping[int, Reply]:
        """Accept or refuse, a reply for each accepted recipient's number.

        What it answers 250 for is durable. Never raises for bad mail.
        """

    def abort() -> None:
        """Forget it: RSET, a lost connection. Nothing is left behind."""


class IStage(Interface):
    """One policy check, asked in the phases it names, in a fixed order."""

    phases: frozenset[Phase] = Attribute("the phases it wants to be asked in")

    async def judge(phase: Phase, view: "IView") -> Verdict:
        """Say what to do; the first that is not Proceed decides."""


class IContentStage(IStage):
    """A stage that looks at the content while it comes in."""

    def watch(view: "IView") -> "IWatch | None":
        """Begin to look at the message of a transaction; None: no need to."""


class IWatch(Interface):
    """One message's content, seen by one stage before it is stored."""

    def header(header: bytes) -> bytes:
        """Take the header, from the first field to the CRLF of its last one.

        Gives what is to be stored instead, mostly the same octets.
        """

    def body(block: bytes) -> None:
        """Take some octets after the blank line; told in their order."""

    def accepted(ident: QueueId) -> None:
        """The message is in the queue; at most once."""


class IView(Interface):
    """What a stage may know; fields are filled as the dialogue goes on."""

    peer: Peer = Attribute("who is connected")
    greeting: str = Attribute("HELO, EHLO or LHLO argument, empty before it")
    principal: Principal | None = Attribute("who authenticated, if anybody")
    sender: Address | None = Attribute("reverse-path; None is null")
    parameters: Mapping[str, str] = Attribute("of the command being judged")
    recipient: Address | None = Attribute("the one being judged, in phase RCPT")
    recipients: tuple[Address, ...] = Attribute("those accepted so far")
    blob: Blob | None = Attribute("the content, in phase MESSAGE")
    header: bytes = Attribute(
        "the header with the CRLF of its last field, in phase MESSAGE"
    )
    marks: Marks = Attribute("findings of the stages asked before in this phase")
    role: str = Attribute("the way in: smtp, submission or lmtp")
    watches: "Mapping[object, IWatch]" = Attribute(
        "what each content stage watches this message with, in phase MESSAGE"
    )

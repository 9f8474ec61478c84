"""Authentication: who really sent a message, judged before it is taken.

RFC 8601 §5: what claims to be our finding is removed as the header comes in, and
our own findings are put before the message. The measures are those of
:mod:`mailsuite.policy.authentication.verdict`.
"""

from collections.abc import Mapping

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.receiving import IContentStage, IView, IWatch
from mailsuite.model.envelope import JUNK
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import PROCEED, Phase, Proceed, Refuse, Verdict
from mailsuite.policy.authentication.case import Case
from mailsuite.policy.authentication.examiner import Client, Examiner
from mailsuite.policy.authentication.ground import Ground
from mailsuite.policy.authentication.sentence import Book
from mailsuite.policy.authentication.settings import Authentication as Settings
from mailsuite.policy.authentication.verdict import Rules
from mailsuite.policy.head import HEAD_OCTETS
from mailsuite.policy.networks import (
    EXEMPT,
    Networks,
    networks,
    plain,
    within,
)

TOO_LONG = Refuse(Reply(552, "5.3.4", "The message's header is too long"))
"""What is not seen whole is not judged."""


@implementer(IContentStage)
@define(eq=False, repr=False)
class Authentication:
    """Judges mail of peers that are neither authenticated nor exempt.

    ``domains`` are rules of domains of ours that have their own. ``asks``: the peer's
    address is the sender's, so that SPF and iprev can be asked for.

    :raises UsageError: a setting cannot be read.
    """

    _ground: Ground
    _settings: Settings
    _domains: Mapping[str, Rules]
    _asks: bool = True
    phases: frozenset[Phase] = field(
        default=frozenset({Phase.RCPT, Phase.MESSAGE}), init=False
    )
    _examiner: Examiner = field(init=False)
    _book: Book = field(init=False)
    _exempt: Networks = field(init=False)

    def __attrs_post_init__(self) -> None:
        settings = self._settings
        self._examiner = Examiner(self._ground, settings)
        self._book = Book(Rules.of(settings), self._domains)
        self._exempt = networks(EXEMPT, settings.exempt)

    def _client(self, view: IView) -> Client | None:
        """Give who sends, or None if it is not judged."""
        if view.principal is not None:
            return None
        ip = plain(view.peer.host)
        if within(ip, self._exempt):
            return None
        return Client(ip if self._asks else "", view.greeting, view.sender)

    def watch(self, view: IView) -> IWatch | None:
        """Open the case of a message."""
        client = self._client(view)
        if client is None:
            return None
        name = self._settings.authserv_id or self._ground.hostname
        return Case(self._examiner, self._book, name, client, view)

    async def judge(self, phase: Phase, view: IView) -> Verdict:
        """Begin to ask with the first recipient; judge the whole message."""
        if phase is Phase.RCPT:
            if self._asks and not view.recipients:
                self._begin(view)
            return PROCEED
        case = view.watches.get(self)
        if not isinstance(case, Case):
            return PROCEED
        if len(view.header) >= HEAD_OCTETS:
            return TOO_LONG
        sentence = await case.judged()
        reply = sentence.judgement.reply
        if reply is not None:
            return Refuse(reply)
        mark = {JUNK: sentence.judgement.reason}
        junk = dict.fromkeys(sentence.junk, mark)
        return Proceed(case.marks(), case.fields(), junk)

    def _begin(self, view: IView) -> None:
        client = self._client(view)
        if client is not None and client.ip:
            self._examiner.senders.begin(client.ip, client.helo, client.sender)

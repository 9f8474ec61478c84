"""Identity: authenticated users send as themselves (RFC 6409 §4.3, §6.1)."""

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.receiving import IStage, IView
from mailsuite.mime import addresses, headers
from mailsuite.mime.limits import ADDRESS_TOKENS, COMMENT_NESTING, HEADER_LINES
from mailsuite.model.address import Address
from mailsuite.model.principals import Principal
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import PROCEED, Phase, Refuse, Verdict
from mailsuite.policy.head import HEAD_OCTETS
from mailsuite.policy.stages.authentication import TOO_LONG

AUTHORS = 50
"""Addresses of From; nobody writes with more hands."""

UNPROVEN = Refuse(Reply(530, "5.7.0", "Authentication required"))
NOT_YOURS = Refuse(Reply(553, "5.7.1", "Sender address not owned by you"))
FROM_NOT_YOURS = Refuse(Reply(553, "5.7.1", "From address not owned by you"))


@implementer(IStage)
@define(eq=False, repr=False)
class Identity:
    """MAIL FROM and every address of From must be the user's.

    Where authentication is not ``required`` only those who did are checked.
    """

    _directory: IDirectory
    _required: bool
    phases: frozenset[Phase] = field(
        default=frozenset({Phase.MAIL, Phase.MESSAGE}), init=False
    )

    async def judge(self, phase: Phase, view: IView) -> Verdict:
        """Check the reverse-path, later the header."""
        principal = view.principal
        if principal is None:
            return UNPROVEN if self._required else PROCEED
        if phase is Phase.MAIL:
            mine = view.sender is None or await self._owns(principal, view.sender)
            return PROCEED if mine else NOT_YOURS
        return await self._authors(principal, view.header)

    async def _authors(self, principal: Principal, header: bytes) -> Verdict:
        """Every address of every From field; a message without one says nothing."""
        if len(header) >= HEAD_OCTETS or header.count(b"\n") > HEADER_LINES:
            return TOO_LONG
        values = [
            whole.partition(b":")[2]
            for name, whole in headers.fields(header)
            if name == b"from"
        ]
        if not all(map(_legible, values)):
            return FROM_NOT_YOURS
        authors = {
            Address(mailbox.local, mailbox.domain)
            for value in values
            for mailbox in addresses.parse(value)
        }
        if len(authors) > AUTHORS:
            return FROM_NOT_YOURS
        for author in authors:
            if not await self._owns(principal, author):
                return FROM_NOT_YOURS
        return PROCEED

    async def _owns(self, principal: Principal, address: Address) -> bool:
        return await self._directory.may_send_as(principal, address)


def _legible(value: bytes) -> bool:
    """Whether the parser's bounds hide none of its addresses: others may find them."""
    return len(value) <= ADDRESS_TOKENS and value.count(b"(") <= COMMENT_NESTING

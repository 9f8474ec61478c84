"""Quota: a full account refuses mail at RCPT, not by a bounce (RFC 5321 §4.2.2).

What turns out larger than declared is judged again after its last octet, by
:class:`~mailsuite.policy.transaction.Transaction`.
"""

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.mailboxes import IAccounts
from mailsuite.interfaces.receiving import IStage, IView
from mailsuite.model.ids import AccountName
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import PROCEED, Phase, Refuse, Verdict
from mailsuite.policy.stages.recipients import ACCOUNT

FULL = Refuse(Reply(452, "4.2.2", "Mailbox full"))


@implementer(IStage)
@define(eq=False, repr=False)
class Quota:
    """Compares the declared size, or one octet, with the account's room."""

    _accounts: IAccounts
    phases: frozenset[Phase] = field(default=frozenset({Phase.RCPT}), init=False)

    async def judge(self, phase: Phase, view: IView) -> Verdict:
        """Ask the store about an account of ours."""
        account = view.marks.get(ACCOUNT)
        if account is None:
            return PROCEED
        room = await self._accounts.room(AccountName(account))
        size = int(view.parameters.get("SIZE", "0")) or 1
        return PROCEED if room.holds(size) else FULL

"""Recipients: ours and known, or relayed for those who may (RFC 5321 §3.3, §7.9)."""

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.directory import Alias, Consumed, IDirectory, Local, Remote
from mailsuite.interfaces.receiving import IStage, IView
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import PROCEED, Phase, Proceed, Refuse, Verdict
from mailsuite.policy.networks import Networks, plain, within

UNKNOWN = Refuse(Reply(550, "5.1.1", "No such user here"))
NO_RELAY = Refuse(Reply(554, "5.7.1", "Relay access denied"))

ACCOUNT = "account"
"""Mark of a recipient that is an account of ours; later stages read it."""


@implementer(IStage)
@define(eq=False, repr=False)
class Recipients:
    """Says 550 for unknown users of ours, 554 for others' without the right.

    Who is authenticated or in a listed network may relay; over LMTP nobody may.
    """

    _directory: IDirectory
    _networks: Networks = ()
    _relays: bool = True
    phases: frozenset[Phase] = field(default=frozenset({Phase.RCPT}), init=False)

    async def judge(self, phase: Phase, view: IView) -> Verdict:
        """Resolve the one recipient."""
        assert view.recipient is not None
        (resolved,) = await self._directory.resolve((view.recipient,))
        if isinstance(resolved, Local):
            return Proceed({ACCOUNT: resolved.account})
        if isinstance(resolved, Alias | Consumed):
            return PROCEED
        if not isinstance(resolved, Remote):
            return UNKNOWN
        return PROCEED if self._may_relay(view) else NO_RELAY

    def _may_relay(self, view: IView) -> bool:
        if not self._relays:
            return False
        if view.principal is not None:
            return True
        return within(plain(view.peer.host), self._networks)

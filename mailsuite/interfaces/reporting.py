"""What reception tells the writer of DMARC reports (RFC 9990, RFC 9991)."""

from attrs import field, frozen
from zope.interface import Interface

from mailsuite.model.proofs import Proofs


@frozen
class Judged:
    """One message whose author domain has a DMARC policy, and what we did.

    ``disposition`` is ``none``, ``quarantine`` or ``reject``; ``override`` a
    reason of RFC 9990 (``local_policy``, ``trusted_forwarder``, ``mailing_list``,
    ``policy_test_mode``, ``other``) with ``comment``, empty when the owner's policy
    was followed. ``to`` is the domain of the recipients; ``when`` in wall seconds.
    """

    proofs: Proofs
    to: str
    when: float
    disposition: str
    override: str = ""
    comment: str = ""
    header: bytes = field(default=b"", repr=False)
    """The message's header, for failure reports."""


class IReports(Interface):
    """Collects; cheap enough for the path of every message."""

    def judged(what: Judged) -> None:
        """Count it for the aggregate report, and send a failure report if asked."""

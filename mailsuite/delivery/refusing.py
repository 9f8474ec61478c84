"""What becomes of mail that a script refuses (RFC 5429 §2).

Where a client waits, it is told; else the sender gets a DSN, or an MDN where a DSN
could not hold the words of the reason. Nobody is told of mail that was judged to be
junk after it was accepted: its sender is most likely not who wrote it.
"""

from mailsuite.delivery.ground import Ground
from mailsuite.delivery.letters import Case
from mailsuite.delivery.replies import submission
from mailsuite.mime import autoreply, mdn, xtext
from mailsuite.model.envelope import Recipient, Submission
from mailsuite.model.outcomes import Delivered, Failed, Outcome
from mailsuite.sieve.extensions.reject import Reject

STATUS = "5.7.1"  # RFC 5429 §2.5
FIXED = "The message was refused by the recipient's mail filtering program"
"""Where words cannot be sent that are not ASCII."""
REASON = "The reason given is as follows:"  # RFC 5429 §2.1.2
HEADER_OCTETS = 64 * 1024  # of the header that is looked at and returned


def refused(case: Case, action: Reject, header: bytes, ground: Ground) -> Outcome:
    """The outcome of a refusal, and perhaps a notice with it."""
    reason = action.reason.strip() or FIXED
    plain = reason.isascii()
    if case.lease.awaited and (plain or action.early):
        return Failed(STATUS, reason if plain else FIXED)
    if case.junk:
        return Delivered("refused as junk, without a report")
    if action.early:
        return Failed(STATUS, f"{FIXED}. {REASON} {reason}")
    header = header[:HEADER_OCTETS]
    never = "NEVER" in case.recipient.notify.upper()
    if case.sender is None or never or autoreply.automatic(header):
        return Delivered("refused, without a report")
    return Delivered("refused", (_report(case, reason, header, ground),))


def _report(case: Case, reason: str, header: bytes, ground: Ground) -> Submission:
    """An MDN for the sender."""
    assert case.sender is not None
    recipient = case.recipient
    octets = mdn.compose_refusal(
        mdn.Refusal(
            header,
            case.sender,
            recipient.address,
            reason,
            ground.hostname,
            f"<{case.lease.id}.{recipient.n}.reject@{ground.hostname}>",
            ground.wall(),
            xtext.decode(recipient.orcpt),
        )
    )
    to = Recipient(0, case.sender, notify="NEVER")
    return submission(None, (to,), ground.blobs.kept(octets))

"""Aliases: one recipient becomes others of the same job (RFC 5321 §3.9.1).

The sender stays as it was, so that failures are told to who wrote the message. The
queue leaves out addresses that the job has already, which ends loops.
"""

from collections.abc import Sequence

from attrs import evolve

from mailsuite.model.address import Address
from mailsuite.model.envelope import Recipient
from mailsuite.model.outcomes import Expanded, Failed


def expand(
    recipient: Recipient, targets: Sequence[Address], limit: int
) -> Expanded | Failed:
    """What an alias stands for, each target once."""
    if len(targets) > limit:
        return Failed("5.2.4", "the alias has too many targets")
    orcpt = recipient.orcpt or _orcpt(recipient.address)
    return Expanded(
        tuple(
            evolve(recipient, n=0, address=target, orcpt=orcpt)
            for target in dict.fromkeys(targets)
        )
    )


def _orcpt(address: Address) -> str:
    """The address first asked for, in the form of RFC 3461 §4.2."""
    if not address.ascii:
        return ""
    text = "".join(
        char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}"
        for char in str(address)
    )
    return f"rfc822;{text}"

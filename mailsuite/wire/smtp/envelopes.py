"""Envelopes as a client writes them: MAIL and RCPT with their parameters.

What must not stand in a command (a control character would begin another
command) is refused here, in the last place before the wire.
"""

import re

import idna
from attrs import frozen

from mailsuite.model.address import Address
from mailsuite.model.envelope import Recipient
from mailsuite.model.errors import UsageError
from mailsuite.wire.smtp.offers import Offers

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_PARAMETER = re.compile(r"[!-~]+", re.ASCII)


@frozen
class Mail:
    """One transaction: who, to whom, and what the message needs.

    ``size`` is in octets; ``eight_bit``: it has octets above 127; ``utf8``: it
    needs SMTPUTF8 (RFC 6531), which the caller has seen offered. ``ret`` and ``envid``
    are parameters of RFC 3461, ``by`` of RFC 2852, empty when absent.
    """

    sender: Address | None
    recipients: tuple[Recipient, ...]
    size: int
    eight_bit: bool = False
    utf8: bool = False
    ret: str = ""
    envid: str = ""
    by: str = ""


def path(address: Address | None, *, utf8: bool) -> str:
    """Write an address in angle brackets; a domain becomes A-labels if need be.

    :raises UsageError: it cannot stand in a command.
    """
    if address is None:
        return "<>"
    if not utf8 and not address.ascii:
        address = Address(address.local, ascii_domain(address.domain))
    text = str(address)
    if _CONTROLS.search(text) or not (utf8 or text.isascii()):
        raise UsageError("the address cannot be sent")
    return f"<{text}>"


def ascii_domain(domain: str) -> str:
    """Give a domain in A-labels (RFC 5891). :raises UsageError: it has none."""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise UsageError("the domain cannot be written in ASCII") from error


def mail_command(mail: Mail, offers: Offers) -> str:
    """Write MAIL FROM with what the server understands."""
    words = [f"MAIL FROM:{path(mail.sender, utf8=mail.utf8)}"]
    if "SIZE" in offers and mail.size:
        words.append(f"SIZE={mail.size}")
    if mail.eight_bit and "8BITMIME" in offers:
        words.append("BODY=8BITMIME")
    if mail.utf8:
        words.append("SMTPUTF8")
    for keyword, name, value in (
        ("DSN", "RET", mail.ret),
        ("DSN", "ENVID", mail.envid),
        ("DELIVERBY", "BY", mail.by),
    ):
        if keyword in offers and _PARAMETER.fullmatch(value):
            words.append(f"{name}={value}")
    return " ".join(words)


def rcpt_command(recipient: Recipient, mail: Mail, offers: Offers) -> str:
    """Write RCPT TO; NOTIFY and ORCPT go on where DSN is offered (RFC 3461)."""
    words = [f"RCPT TO:{path(recipient.address, utf8=mail.utf8)}"]
    if "DSN" in offers:
        for name, value in (("NOTIFY", recipient.notify), ("ORCPT", recipient.orcpt)):
            if _PARAMETER.fullmatch(value):
                words.append(f"{name}={value}")
    return " ".join(words)

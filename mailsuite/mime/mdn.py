"""Notices that a message was refused (RFC 8098, as RFC 5429 §2.2.1 wants them)."""

import re

from attrs import frozen

from mailsuite.mime import compose, dates, threads
from mailsuite.mime.addresses import Mailbox
from mailsuite.model.address import Address

HEADER_OCTETS = 65_536  # of the refused message that are returned
_BARE = re.compile(rb"\r?\n|\r")
REFUSED = (
    "The message was refused by the recipient's mail filtering program.\r\n"
    "The reason given was as follows:\r\n\r\n"
)


@frozen
class Refusal:
    """``recipient`` refused the message whose header is ``header``.

    ``to`` is its sender; ``reporter`` the name of this host; ``message_id`` has its
    angle brackets, ``date`` is in wall seconds. ``orcpt`` is RFC 3461's parameter,
    decoded (``rfc822;local@domain``), or empty.
    """

    header: bytes
    to: Address
    recipient: Address
    reason: str
    reporter: str
    message_id: str
    date: float
    orcpt: str = ""


def compose_refusal(refusal: Refusal) -> bytes:
    """Give the whole notice, with CRLF; it is sent from the null address."""
    human = b"\r\n".join(compose.text_part(REFUSED + refusal.reason))
    told = b"Content-Type: message/disposition-notification\r\n\r\n" + _fields(refusal)
    returned = _returned(refusal.header)
    pieces = (human, told, returned)
    boundary = _boundary(refusal.message_id, b"".join(pieces))
    delimiter = b"--" + boundary
    body = b"".join([delimiter + b"\r\n" + one + b"\r\n" for one in pieces])
    kind = (
        b"Content-Type: multipart/report; report-type=disposition-notification;\r\n"
        b'\tboundary="%b"\r\n' % boundary
    )
    owner = Mailbox("", refusal.recipient.local, refusal.recipient.domain)
    fields = [
        compose.authors("From", [owner]),
        compose.structured("To", str(refusal.to)),
        compose.unstructured("Subject", "Automatically rejected mail"),
        b"Date: " + dates.render(refusal.date) + b"\r\n",
        compose.structured("Message-ID", refusal.message_id),
    ]
    if own := threads.identifier(refusal.header):
        fields.append(compose.structured("In-Reply-To", own))
        told_of = " ".join(threads.references(refusal.header))
        fields.append(compose.structured("References", told_of))
    fields.append(b"Auto-Submitted: auto-replied (rejected)\r\n")
    return compose.message(fields, (kind, body + delimiter + b"--\r\n"))


def _fields(refusal: Refusal) -> bytes:
    """What RFC 8098 §3.1 has a program say."""
    kind = "rfc822" if refusal.recipient.ascii else "utf-8"
    fields = [compose.structured("Reporting-UA", f"{refusal.reporter}; mailsuite")]
    if refusal.orcpt:
        fields.append(compose.structured("Original-Recipient", refusal.orcpt))
    final = f"{kind};{refusal.recipient}"
    fields.append(compose.structured("Final-Recipient", final))
    if own := threads.identifier(refusal.header):
        fields.append(compose.structured("Original-Message-ID", own))
    fields.append(
        b"Disposition: automatic-action/MDN-sent-automatically; deleted\r\n",
    )
    return b"".join(fields)


def _returned(header: bytes) -> bytes:
    """The header of the refused message, 7-bit or not, cut at a line."""
    if len(header) > HEADER_OCTETS:
        header = header[: header.rfind(b"\n", 0, HEADER_OCTETS) + 1]
    lines = _BARE.sub(b"\r\n", header.replace(b"\0", b"")).rstrip(b"\r\n")
    encoding = b"" if lines.isascii() else b"Content-Transfer-Encoding: 8bit\r\n"
    return b"Content-Type: text/rfc822-headers\r\n" + encoding + b"\r\n" + lines


def _boundary(seed: str, content: bytes) -> bytes:
    """A boundary that the content does not hold."""
    boundary = re.sub(rb"[^A-Za-z0-9]", b"", seed.encode("ascii", "ignore"))[:60]
    boundary = boundary or b"refusal"
    number = 0
    while b"--" + boundary in content:
        number += 1
        boundary = b"%b.%d" % (boundary[:60], number)
    return boundary

"""Automatic replies of persons (RFC 3834, RFC 5230 §4.5-§5.8): whether, and what.

What is asked here is the message that came, never what a script made of it.
"""

import re
from collections.abc import Sequence

from attrs import frozen

from mailsuite.mime import addresses, compose, dates, headers, threads, words
from mailsuite.mime.addresses import Mailbox
from mailsuite.model.address import Address

SUBJECT_CHARACTERS = 500  # of the subject that is repeated
FIXED_SUBJECT = "Automated reply"
RECIPIENTS = (b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc")
"""Fields that must name the owner (RFC 5230 §4.5)."""
LISTS = (
    b"list-id",
    b"list-help",
    b"list-subscribe",
    b"list-unsubscribe",
    b"list-post",
    b"list-owner",
    b"list-archive",
)
"""Fields of mailing lists, whose mail is not answered (RFC 5230 §4.6)."""

_MACHINES = re.compile(
    r"mailer-daemon|mail-daemon|listserv|majordomo|mdaemon|smartlist|sympa|mailman"
    r"|(?:no|do-?not)[-_.]?reply.*|(?:owner|bounces?)[-_+=].*"
    r"|.*[-_+=](?:requests?|owner|bounces?|no-?reply)(?:[+=].*)?|.*-return-\d+-.*"
    r"|bounces?|nobody|daemon|uucp|autoreply|autoresponder",
    re.IGNORECASE,
)
"""Local parts of programs (RFC 5230 §4.6); postmasters are people."""
_MASS = re.compile(rb"bulk|list|junk", re.IGNORECASE)
_SUPPRESSED = re.compile(rb"\b(?:all|oof|autoreply)\b", re.IGNORECASE)


def unwanted(header: bytes, sender: Address | None) -> str:
    """Why nobody may answer this automatically; empty: it may be answered."""
    if sender is None:
        return "it has no sender"
    if _MACHINES.fullmatch(sender.local):
        return "its sender is a program"
    found = {name for name, _ in headers.fields(header)}
    if not found.isdisjoint(LISTS):
        return "it came from a mailing list"
    if automatic(header):
        return "it was sent automatically"
    if _MASS.match(headers.value(header, b"precedence") or b""):
        return "it was sent to many"
    if _SUPPRESSED.search(headers.value(header, b"x-auto-response-suppress") or b""):
        return "it asks for no automatic reply"
    kind = headers.value(header, b"content-type") or b""
    if kind.lower().startswith(b"multipart/report"):
        return "it is a report"
    return ""


def automatic(header: bytes) -> bool:
    """Whether a program sent it (RFC 3834 §5)."""
    return any(
        _keyword(value) != b"no" for value in headers.values(header, b"auto-submitted")
    )


def _keyword(value: bytes) -> bytes:
    """The word of Auto-Submitted, without comments and parameters."""
    return re.split(rb"[;( \t]", value.strip(), maxsplit=1)[0].lower()


def recipients(header: bytes) -> list[Address]:
    """Whom the fields name that must name the owner (RFC 5230 §4.5), each once."""
    found = (
        Address(one.local, one.domain)
        for name in RECIPIENTS
        for value in headers.values(header, name)
        for one in addresses.parse(value)
        if one.local and one.domain
    )
    return list(dict.fromkeys(found))


@frozen
class Reply:
    """A reply to the sender ``to``.

    ``header`` is that of the message that came. ``message_id`` has its angle brackets,
    ``date`` is in wall seconds and ``zone`` in minutes east of UTC. ``subject`` None:
    made of the one that came. ``mime``: the reason is a MIME entity.
    """

    header: bytes
    to: Address
    authors: Sequence[Mailbox]
    message_id: str
    date: float
    reason: str
    subject: str | None = None
    mime: bool = False
    zone: int = 0


def compose_reply(reply: Reply) -> bytes:
    """Give the whole message, with CRLF. :raises ValueError: it is no MIME entity."""
    part = (compose.entity if reply.mime else compose.text_part)(reply.reason)
    fields = [
        *authorship(reply.authors),
        compose.structured("To", str(reply.to)),
        compose.unstructured("Subject", _subject(reply)),
        b"Date: " + dates.render(reply.date, reply.zone) + b"\r\n",
        compose.structured("Message-ID", reply.message_id),
    ]
    if own := threads.identifier(reply.header):
        fields.append(compose.structured("In-Reply-To", own))
        told = " ".join(threads.references(reply.header))
        fields.append(compose.structured("References", told))
    fields += [
        b"Auto-Submitted: auto-replied (vacation)\r\n",
        b"Precedence: bulk\r\n",
        b"X-Auto-Response-Suppress: All\r\n",
    ]
    return compose.message(fields, part)


def authorship(authors: Sequence[Mailbox]) -> list[bytes]:
    """From; of several authors the first sends it (RFC 5322 §3.6.2)."""
    fields = [compose.authors("From", authors)]
    if len(authors) > 1:
        fields.append(compose.authors("Sender", authors[:1]))
    return fields


def _subject(reply: Reply) -> str:
    if reply.subject is not None and compose.clean(reply.subject):
        return reply.subject
    came = headers.value(reply.header, b"subject")
    told = compose.clean(words.decode(came), SUBJECT_CHARACTERS) if came else ""
    return f"Auto: {told}" if told else FIXED_SUBJECT

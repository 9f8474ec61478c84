"""Notices of mail that came (RFC 5436): the message that a script's notify sends."""

from collections.abc import Sequence

from attrs import frozen

from mailsuite.mime import compose, dates, headers, threads, words
from mailsuite.mime.addresses import Mailbox
from mailsuite.mime.autoreply import authorship
from mailsuite.mime.mailto import Mailto
from mailsuite.model.address import Address

TRACES = 50  # Received fields that are kept; more of them are a loop anyway
TRACE_OCTETS = 32_768
FIXED_SUBJECT = "New mail"
_PRIORITIES = {
    "1": b"Importance: high\r\nX-Priority: 1 (Highest)\r\n",
    "3": b"Importance: low\r\nX-Priority: 5 (Lowest)\r\n",
}


@frozen
class Notice:
    """A notice of the message whose header is ``header``.

    ``owner`` is whose script asks for it; ``message`` overrides every other subject.
    ``message_id`` has its angle brackets, ``date`` is in wall seconds.
    """

    header: bytes
    uri: Mailto
    authors: Sequence[Mailbox]
    owner: Address
    message_id: str
    date: float
    message: str | None = None
    importance: str = "2"
    zone: int = 0


def compose_notice(notice: Notice) -> bytes:
    """Give the whole message, with CRLF."""
    uri = notice.uri
    fields = [
        compose.structured("Auto-Submitted", f"auto-notified; {_owner(notice.owner)}"),
        *_traces(notice.header),
        b"Date: " + dates.render(notice.date, notice.zone) + b"\r\n",
        compose.structured("Message-ID", notice.message_id),
        *authorship(notice.authors),
    ]
    if uri.to or not uri.cc:
        to = ", ".join(uri.to) or "undisclosed-recipients:;"
        fields.append(compose.structured("To", to))
    if uri.cc:
        fields.append(compose.structured("Cc", ", ".join(uri.cc)))
    fields.append(compose.unstructured("Subject", _subject(notice)))
    if told := threads.references(notice.header):
        fields.append(compose.structured("References", " ".join(told)))
    fields += [_other(name, value) for name, value in uri.headers]
    fields.append(_PRIORITIES.get(notice.importance, b""))
    return compose.message(fields, compose.text_part(_body(notice)))


def _owner(owner: Address) -> str:
    """The parameter that leads to the script's owner (RFC 5436 §2.7.1)."""
    quoted = str(owner).replace("\\", "\\\\").replace('"', '\\"')
    return f'owner-email="{quoted}"'


def _traces(header: bytes) -> list[bytes]:
    """The fields that tell which way the message came, as they are."""
    found = headers.select(header[: 2 * TRACE_OCTETS], [b"received"])
    kept = [whole for _, whole in headers.fields(found[:TRACE_OCTETS])][:TRACES]
    return [one for one in kept if one.endswith(b"\n")]


def _subject(notice: Notice) -> str:
    if notice.message:
        return notice.message
    if notice.uri.subject is not None:
        return notice.uri.subject
    return _field(notice.header, b"subject") or FIXED_SUBJECT


def _field(header: bytes, name: bytes) -> str:
    return compose.clean(words.decode(headers.value(header, name) or b""))


def _other(name: str, value: str) -> bytes:
    """A field that the URI asks for, its first letter a capital."""
    return compose.unstructured(name[0].upper() + name[1:], value)


def _body(notice: Notice) -> str:
    if notice.uri.body is not None:
        return notice.uri.body
    author = _field(notice.header, b"from")
    subject = _field(notice.header, b"subject")
    return f"From: {author}\r\nSubject: {subject}\r\n"

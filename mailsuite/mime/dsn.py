"""Delivery status notifications (RFC 3464 in the multipart/report of RFC 6522).

With SMTPUTF8 the types of RFC 6533, 8-bit; otherwise all of it is 7-bit, whatever is
reported. Whoever sends it gives the null reverse-path (RFC 3464 §2). Texts come from
strangers: line ends and control characters in them become spaces here.
"""

import re
import textwrap
from binascii import b2a_qp
from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from mailsuite.mime import dates, headers, xtext
from mailsuite.mime.reasons import advice, meaning, subject
from mailsuite.model.address import Address

HEADER_OCTETS = 65_536  # of the original header that are returned
TEXT_CHARACTERS = 800  # of a diagnostic or a name that are told
DOMAIN_CHARACTERS = 255  # RFC 5321 §4.5.3.1.2

_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_BARE = re.compile(rb"\r?\n|\r")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_REPLY = re.compile(r"[2-5]\d\d(?: |$)")
_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,250}>")
_ACTIONS = frozenset(("failed", "delayed", "delivered", "relayed", "expanded"))
_WIDTH = 76
_DEFAULT_STATUS = {"failed": "5.0.0", "delayed": "4.0.0"}


@frozen
class Recipient:
    """What became of one recipient.

    ``orcpt`` is RFC 3461's parameter in its wire form, ``action`` a word of RFC
    3464 §2.3.3, ``status`` an RFC 3463 code. ``diagnostic`` is an SMTP reply of
    ``remote_mta``, or our own words. Times are wall seconds, 0 when unknown.
    """

    address: Address
    action: str
    status: str
    orcpt: str = ""
    remote_mta: str = ""
    diagnostic: str = ""
    last_attempt: float = 0.0
    retry_until: float = 0.0

    @property
    def replied(self) -> bool:
        """Whether the other server said that (RFC 3464 §2.3.6)."""
        return bool(self.remote_mta and _REPLY.match(self.diagnostic))


@frozen
class Report:
    """Everything that a notice tells.

    ``sender`` is the text of From, ``to`` who gets the notice; ``message_id``
    includes its angle brackets; ``arrival`` and ``date`` are wall seconds;
    ``envid`` is RFC 3461's parameter in its wire form. ``original_header`` is
    returned up to 64 KiB; ``smtputf8`` says that the original was sent with it.
    """

    reporting_mta: str
    arrival: float
    sender: str
    to: Address
    recipients: Sequence[Recipient]
    original_header: bytes
    message_id: str
    date: float
    boundary: str
    envid: str = ""
    smtputf8: bool = False

    @property
    def utf8(self) -> bool:
        """Whether the notice needs SMTPUTF8 to be sent."""
        return self.smtputf8 or not (self.to.ascii and self.sender.isascii())


def compose(report: Report) -> bytes:
    """Give the whole notice, with CRLF."""
    human = "\r\n".join(_human(report))
    status = b"\r\n\r\n".join(_status(report))
    returned = _returned(report.original_header)
    told = human.encode("utf-8", "replace")
    boundary = _boundary(report.boundary, told + status + returned)
    parts = (
        _text_part(b"text/plain; charset=utf-8", told),
        _part(b"delivery-status", status + b"\r\n", utf8=report.utf8),
        _header_part(returned, utf8=report.utf8),
        b"",
    )
    delimiter = b"\r\n--" + boundary
    body = b"".join([delimiter + b"\r\n" + part for part in parts[:-1]])
    return b"%b\r\nThis is a report in MIME format.\r\n%b--\r\n" % (
        _header(report, boundary),
        body + delimiter,
    )


def _boundary(asked: str, content: bytes) -> bytes:
    """Give a boundary that no line of the content begins with."""
    boundary = re.sub(rb"[^A-Za-z0-9'+_./=-]", b"", asked.encode("ascii", "ignore"))
    boundary = boundary[:60] or b"report"
    number = 0
    while b"--" + boundary in content:
        number += 1
        boundary = b"%b.%d" % (boundary[:60], number)
    return boundary


def _header(report: Report, boundary: bytes) -> bytes:
    actions = [one.action for one in report.recipients]
    original = _MESSAGE_ID.search(
        headers.value(report.original_header, b"message-id") or b""
    )
    fields = [
        ("From", report.sender),
        ("To", str(report.to)),
        ("Subject", subject(actions)),
        ("Date", dates.render(report.date).decode("ascii")),
        ("Message-ID", report.message_id),
    ]
    if original:
        fields.append(("References", original[0].decode("ascii")))
    fields += [("Auto-Submitted", "auto-replied"), ("MIME-Version", "1.0")]
    lines = [_field(name, value) for name, value in fields]
    lines.append(
        b"Content-Type: multipart/report; report-type=delivery-status;\r\n"
        b'\tboundary="%b"' % boundary
    )
    return b"\r\n".join(lines) + b"\r\n"


def _clean(text: str) -> str:
    """Take what could end a line, a field or a string of UTF-8 out of a text."""
    text = _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", text[:TEXT_CHARACTERS]))
    return text.strip()


def _field(name: str, value: str) -> bytes:
    """Render one field, folded at spaces."""
    text = f"{name}: {_clean(value)}"
    lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\r\n ".join(lines).encode()


def _human(report: Report) -> Iterator[str]:
    yield f"This is the mail server {_clean(report.reporting_mta)}."
    for one in report.recipients:
        yield ""
        yield f"<{_clean(str(one.address))}>"
        for sentence in (meaning(one.action), *_reason(one)):
            yield from textwrap.wrap(
                sentence, _WIDTH, initial_indent="  ", subsequent_indent="  "
            )
    yield ""
    yield from textwrap.wrap(
        "The technical details are in the second part of this message; the header"
        " of your message is in the third. Nobody reads replies to this notice.",
        _WIDTH,
    )
    yield ""


def _reason(one: Recipient) -> Iterator[str]:
    if one.action == "delayed" and one.retry_until:
        until = dates.render(one.retry_until).decode("ascii")
        yield f"The server goes on trying until {until}."
    if one.diagnostic:
        said = _clean(one.diagnostic)
        host = _clean(one.remote_mta)
        yield f"{host} answered: {said}" if one.replied else f"The reason: {said}"
    yield from filter(None, [advice(one.action, one.status)])


def _status(report: Report) -> Iterator[bytes]:
    """Give the fields of the message and of each recipient (RFC 3464 §2)."""
    fields = []
    if report.envid:
        envid = xtext.decode(report.envid)
        fields.append(("Original-Envelope-Id", _seven(envid, utf8=report.utf8)))
    fields.append(("Reporting-MTA", f"dns; {_host(report.reporting_mta)}"))
    if report.arrival:
        fields.append(("Arrival-Date", dates.render(report.arrival).decode("ascii")))
    yield _fields(fields)
    for one in report.recipients:
        yield _fields(_recipient(one, utf8=report.utf8))


def _fields(fields: Iterable[tuple[str, str]]) -> bytes:
    return b"\r\n".join([_field(name, value) for name, value in fields])


def _host(name: str) -> str:
    """Spell a domain in ASCII: these fields hold nothing else."""
    name = _clean(name)[:DOMAIN_CHARACTERS]
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name.encode("ascii", "replace").decode("ascii")


def _recipient(one: Recipient, *, utf8: bool) -> Iterator[tuple[str, str]]:
    if one.orcpt:
        yield "Original-Recipient", _original(one.orcpt, utf8=utf8)
    yield "Final-Recipient", _typed("rfc822", str(one.address), utf8=utf8)
    action = one.action if one.action in _ACTIONS else "failed"
    yield "Action", action
    known = _STATUS.fullmatch(one.status)
    yield "Status", one.status if known else _DEFAULT_STATUS.get(action, "2.0.0")
    if one.replied:
        yield "Remote-MTA", f"dns; {_host(one.remote_mta)}"
    if one.diagnostic:
        kind = "smtp" if one.replied else "x-mailsuite"
        said = one.diagnostic.encode("ascii", "replace").decode("ascii")
        yield "Diagnostic-Code", f"{kind}; {said}"
    if one.last_attempt:
        yield "Last-Attempt-Date", dates.render(one.last_attempt).decode("ascii")
    if one.action == "delayed" and one.retry_until:
        yield "Will-Retry-Until", dates.render(one.retry_until).decode("ascii")


def _original(orcpt: str, *, utf8: bool) -> str:
    """Undo the parameter's encoding, as RFC 3464 §2.3.1 and RFC 6533 §3 say."""
    kind, semicolon, address = orcpt.partition(";")
    if not semicolon:
        kind, address = "rfc822", orcpt
    kind = re.sub(r"[^A-Za-z0-9-]", "", kind) or "rfc822"
    if kind.lower() == "utf-8":
        return _typed(kind, xtext.from_unitext(address), utf8=utf8)
    return _typed(kind, xtext.decode(address), utf8=utf8)


def _typed(kind: str, address: str, *, utf8: bool) -> str:
    if not address.isascii():
        kind = "utf-8"
    return f"{kind}; {_seven(address, utf8=utf8)}"


def _seven(text: str, *, utf8: bool) -> str:
    """Give the 7-bit form of RFC 6533 §3 where the notice is to be 7-bit."""
    if utf8 or text.isascii():
        return text
    return xtext.unitext(_clean(text))


def _returned(header: bytes) -> bytes:
    """Give the original header with CRLF, without NUL and cut at a line."""
    if len(header) > HEADER_OCTETS:
        header = header[: header.rfind(b"\n", 0, HEADER_OCTETS) + 1]
    lines = _BARE.sub(b"\r\n", header.replace(b"\0", b""))
    return lines.rstrip(b"\r\n") + b"\r\n"


def _header_part(returned: bytes, *, utf8: bool) -> bytes:
    if utf8:
        returned = returned.decode("utf-8", "replace").encode()
        return _part(b"headers", returned, utf8=True)
    return _text_part(b"text/rfc822-headers", returned)


def _part(kind: bytes, content: bytes, *, utf8: bool) -> bytes:
    """Give a message/* part: with UTF-8 of the global type and 8-bit."""
    if utf8:
        head = b"Content-Type: message/global-%b\r\nContent-Transfer-Encoding: 8bit"
    else:
        head = b"Content-Type: message/%b"
    return head % kind + b"\r\n\r\n" + content


def _text_part(kind: bytes, content: bytes) -> bytes:
    """Give a text part that any transport carries."""
    long = max(map(len, content.split(b"\n"))) > 990
    if content.isascii() and not long:
        return b"Content-Type: %b\r\n\r\n%b" % (kind, content)
    coded = _BARE.sub(b"\r\n", b2a_qp(content, istext=True))
    return (
        b"Content-Type: %b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n%b"
        % (kind, coded)
    )

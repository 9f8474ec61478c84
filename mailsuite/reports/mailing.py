"""Mails of ours that carry reports (RFC 9990 §3.5.2)."""

import re
import textwrap
from base64 import encodebytes
from collections.abc import Iterable

from attrs import frozen

from mailsuite.mime import dates
from mailsuite.model.address import Address
from mailsuite.reports.texts import clipped

_WIDTH = 76
_TEXT_CHARACTERS = 800


@frozen
class Mail:
    """One mail with an aggregate report; times are wall seconds.

    ``submitter`` is the domain that reports; ``id`` of letters and digits alone, as
    it is part of the file's name too.
    """

    sender: Address
    organization: str
    to: Address
    domain: str
    submitter: str
    id: str
    begins: int
    ends: int
    date: float
    content: bytes

    @property
    def filename(self) -> str:
        """The name that says everything (RFC 9990 §3.5.2)."""
        times = f"{self.begins}!{self.ends}"
        return f"{self.submitter}!{self.domain}!{times}!{self.id}.xml.gz"


def compose(mail: Mail) -> bytes:
    """Give the whole mail with CRLF; the same report makes the same Message-ID."""
    boundary = f"=_{mail.id}"
    subject = (
        f"Report Domain: {mail.domain} Submitter: {mail.submitter}"
        f" Report-ID: <{mail.id}>"
    )
    text = (
        f"This is a DMARC aggregate report about {mail.domain} from {mail.submitter}"
        f" for the day that ended at {dates.render(mail.ends + 1).decode()}. Its DMARC"
        " record asks for it (RFC 9990). The attachment is for programs; nobody reads"
        " replies."
    )
    lines = [
        *header(
            ("From", f"{_display(mail.organization)} <{mail.sender}>"),
            ("To", str(mail.to)),
            ("Subject", subject),
            ("Date", dates.render(mail.date).decode("ascii")),
            ("Message-ID", f"<{mail.id}.{mail.to.domain}@{mail.submitter}>"),
            ("Auto-Submitted", "auto-generated"),
            ("MIME-Version", "1.0"),
        ),
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        *("", f"--{boundary}", "Content-Type: text/plain; charset=utf-8", ""),
        *wrapped(text),
        *("", f"--{boundary}", "Content-Type: application/gzip"),
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment;\r\n\tfilename="{mail.filename}"',
        "",
    ]
    packed = encodebytes(mail.content).replace(b"\n", b"\r\n")
    return b"".join(
        (
            *("\r\n".join(lines).encode(), b"\r\n", packed),
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )


def header(*fields: tuple[str, str]) -> list[str]:
    """Give fields, folded at spaces; no value can begin a field of its own."""
    return ["\r\n ".join(_folded(name, value)) for name, value in fields]


def _folded(name: str, value: str) -> list[str]:
    text = f"{name}: {clipped(value, _TEXT_CHARACTERS)}"
    return textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def wrapped(*texts: str) -> Iterable[str]:
    """Give paragraphs as lines of a mail."""
    for text in texts:
        yield from textwrap.wrap(clipped(text, 2 * _TEXT_CHARACTERS), _WIDTH)
        yield ""


def _display(name: str) -> str:
    """Quote a display name; ASCII, since reports go to any server."""
    text = clipped(name, 100).encode("ascii", "replace").decode("ascii")
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'

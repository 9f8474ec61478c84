"""A little mail for a demonstration: plain, with a picture, and in other scripts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
"""A PNG of one point."""

_WELCOME = """\
Welcome to this demonstration.

Everything here is a real mail server that only this machine can reach: write to
the other users, look at the Maildir on the disk, stop it in the middle of a
message and start it again.
"""
_AGENDA = """\
- the journal, and why 250 waits for it
- folders and their special use
- lunch
"""
_GREETING = """\
Grüße aus Köln, Pozdrowienia z Łodzi, Χαιρετισμούς από την Αθήνα,
Привет из Минска, 東京からこんにちは。
"""


def _message(subject: str, text: str, to: str, at: datetime) -> EmailMessage:
    message = EmailMessage()
    domain = to.rpartition("@")[2]
    message["From"] = f"Demonstration <postmaster@{domain}>"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{at.timestamp():.0f}.{to.partition('@')[0]}@{domain}>"
    message.set_content(text, cte="quoted-printable" if not text.isascii() else "7bit")
    return message


def messages(address: str, now: float) -> Sequence[tuple[bytes, float]]:
    """Give some messages to ``address``, each with its date (wall seconds)."""
    today = datetime.fromtimestamp(int(now), UTC)
    dates = [today - timedelta(days=2), today - timedelta(days=1), today]
    welcome = _message("Welcome", _WELCOME, address, dates[0])
    agenda = _message("Agenda, with a picture", _AGENDA, address, dates[1])
    agenda.add_attachment(PIXEL, maintype="image", subtype="png", filename="point.png")
    greeting = _message("Grüße, 挨拶, Приветы", _GREETING, address, dates[2])
    greeting.add_alternative(
        f"<p>{_GREETING}</p>", subtype="html", cte="quoted-printable"
    )
    octets = (
        message.as_bytes().replace(b"\r\n", b"\n")
        for message in (welcome, agenda, greeting)
    )
    return [
        (content.replace(b"\n", b"\r\n"), date.timestamp())
        for content, date in zip(octets, dates, strict=True)
    ]

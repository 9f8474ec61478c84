"""Messages as scripts look at them: the header at once, the rest if it is asked for."""

from collections.abc import Mapping
from functools import lru_cache
from time import localtime
from types import MappingProxyType

from attrs import define, field, frozen

from mailsuite.interfaces.mailboxes import IAccount
from mailsuite.interfaces.queueing import Lease
from mailsuite.model.address import Address
from mailsuite.model.envelope import JUNK, Blob, Once, Recipient
from mailsuite.model.errors import Damaged
from mailsuite.sieve.errors import Question, Wanted
from mailsuite.sieve.message import Message
from mailsuite.sieve.run import Letter

HEADER_OCTETS = 1 << 20  # looked at where no end of the header is found
USUAL_OCTETS = 8 * 1024  # most headers end before that
CONTENT = Question("content")
"""The octets behind the header, of a message that lies in a file."""
_NONE: Mapping[str, str] = MappingProxyType({})
_BLANK = b"\r\n\r\n"


@frozen(eq=False)
class Event:
    """Why scripts look at a message that lies in a mailbox (RFC 6785).

    ``items`` are of the test ``environment``, ``flags`` those of the message.
    """

    cause: str
    items: Mapping[str, str]
    flags: tuple[str, ...]


@frozen(eq=False)
class Case:
    """One recipient's copy of a message, on its way into an account.

    ``blob`` is what is stored: with Return-Path. With an ``event`` it is there already,
    the number of the recipient is its UID, and ``blob`` nothing.
    """

    lease: Lease
    recipient: Recipient
    account: IAccount
    detail: str
    blob: Blob
    event: Event | None = None
    date: float = 0.0
    """INTERNALDATE of its copies (wall seconds), 0: now."""

    @property
    def sender(self) -> Address | None:
        """The reverse-path; None is null."""
        return self.recipient.sender or self.lease.envelope.sender

    @property
    def junk(self) -> bool:
        """Whether reception judged it to be junk."""
        return JUNK in self.recipient.marks

    def once(self, action: int) -> Once:
        """Name an action of this delivery."""
        lease = self.lease
        return Once(lease.id, self.recipient.n, action, lease.awaited)


@define(eq=False)
class Content:
    """What stands behind the header of a message in a file."""

    octets: bytes | None = field(default=None, repr=False)

    def __call__(self) -> bytes:
        """Give it. :raises Wanted: it is not read yet."""
        if self.octets is None:
            raise Wanted(CONTENT)
        return self.octets


@frozen(eq=False)
class Opened:
    """A message to be looked at; ``content`` if it lies in a file."""

    message: Message
    content: Content | None = None


def opened(blob: Blob) -> Opened:
    """Open a message. Blocks if it is in a file. :raises Damaged: unreadable."""
    if blob.octets is not None:
        return _in_memory(blob.prefix, blob.octets)
    try:
        with open(blob.path, "rb") as file:
            start = blob.prefix + file.read(HEADER_OCTETS)
    except OSError as error:
        raise Damaged(f"{blob.key}: {error}") from error
    content = Content()
    return Opened(Message(start[: cut_at(start)], blob.size, content), content)


def _in_memory(prefix: bytes, octets: bytes) -> Opened:
    """As ``opened``; a large message is not copied."""
    start = prefix + octets[:USUAL_OCTETS]
    if _BLANK not in start:
        start = prefix + octets[:HEADER_OCTETS]
    cut = cut_at(start)
    behind = cut - len(prefix)

    def content() -> bytes:
        return octets[behind:] if behind >= 0 else (prefix + octets)[cut:]

    return Opened(Message(start[:cut], len(prefix) + len(octets), content))


def cut_at(octets: bytes) -> int:
    """Where the body begins; a prefix of ours stands before what has no header."""
    end = octets.find(_BLANK, 0, HEADER_OCTETS)
    return min(len(octets), HEADER_OCTETS) if end < 0 else end + len(_BLANK)


def letter(case: Case, message: Message, script: str, hostname: str) -> Letter:
    """What a script is told of a delivery; the same at each attempt."""
    recipient, now, event = case.recipient, case.lease.accepted, case.event
    items = _environment(hostname)
    return Letter(
        message,
        str(case.sender or ""),
        str(recipient.address),
        _parameters(case),
        items if event is None else {**items, **event.items},
        now,
        localtime(now).tm_gmtoff // 60,
        script,
        recipient.marks,
        "" if event is None else event.cause,
        None if event is None else event.flags,
    )


def _parameters(case: Case) -> Mapping[str, str]:
    """Parameters of MAIL and RCPT, as far as they came with the message."""
    recipient, marks = case.recipient, case.lease.envelope.marks
    if not (marks or recipient.notify or recipient.orcpt):
        return _NONE
    told = {
        "NOTIFY": recipient.notify,
        "ORCPT": recipient.orcpt,
        "ENVID": marks.get("envid", ""),
        "RET": marks.get("ret", ""),
        "BY": _by(marks.get("by", ""), case.lease.accepted),
    }
    return {name: value for name, value in told.items() if value}


def _by(mark: str, now: float) -> str:
    """BY as it was when the message came; the mark has the time until which."""
    until, semicolon, mode = mark.partition(";")
    return f"{int(until) - int(now)};{mode}" if semicolon else ""


@lru_cache(10)
def _environment(hostname: str) -> Mapping[str, str]:
    """Items of RFC 5183 that are the same for all deliveries."""
    return {"domain": hostname.partition(".")[2], "host": hostname}

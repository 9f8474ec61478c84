"""Lists of mailboxes and groups (RFC 5322 §3.4, with §4.4), read tolerantly.

What a correct reader refuses still names somebody in practice: bare words, missing
domains, semicolons between mailboxes, unclosed quotes. Each of these gives the most
that can be said, and none of them an error.
"""

import re
from typing import NamedTuple

from attrs import define, field

from mailsuite.mime import comments, words
from mailsuite.mime.limits import ADDRESS_TOKENS, Budget
from mailsuite.mime.quoting import unfolded

MISSING_MAILBOX = b"MISSING_MAILBOX"
MISSING_DOMAIN = b"MISSING_DOMAIN"
"""Stands for a host that is not there: NIL, and to some clients the empty string
too, would turn a mailbox into the start of a group (RFC 3501 §7.4.2)."""


class Raw(NamedTuple):
    """An address as ENVELOPE has it, undecoded.

    A group begins with only ``mailbox`` (its name) and ends with nothing at all.
    """

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


class Mailbox(NamedTuple):
    """One mailbox, decoded; ``domain`` is empty when there is none."""

    display: str
    local: str
    domain: str
    group: str = ""


GROUP_END = Raw(None, None, None, None)

_TOKEN = re.compile(
    rb"[ \t\r\n]*+(?:"
    rb'("[^"\\]*+(?:\\.[^"\\]*+)*+["\\]?)|'
    rb"([<>,;:@()])|"
    rb'(\[[^\[\]<>,;" \t\r\n]*+\]?|\]|[^ \t\r\n"\[\]<>,;:@()]++))',
    re.DOTALL,
)


_ATOM = rb"[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]++"
_DOTTED = _ATOM + rb"(?>(?:\." + _ATOM + rb")*)"
_USUAL = re.compile(
    rb'(?:("[ !#-\[\]-~]*+"|' + _ATOM + rb"(?>(?: " + _ATOM + rb")*)) ?<|(<)|)"
    rb"(" + _DOTTED + rb")@(" + _DOTTED + rb")(?(1)>|(?(2)>|))"
)
"""One mailbox as most are written; :func:`read` makes the same of it."""


def parse(value: bytes) -> list[Mailbox]:
    """Give the mailboxes of a field's value, groups opened."""
    value = unfolded(value)
    usual = len(value) <= ADDRESS_TOKENS and _USUAL.fullmatch(value)
    if usual:
        name, _, local, domain = usual.groups()
        display = words.decode((name or b"").strip(b'"'))
        return [Mailbox(display, local.decode(), domain.decode())]
    return several(value)


def several(value: bytes) -> list[Mailbox]:
    """As ``parse``, of anything that is unfolded."""
    found = []
    group = ""
    for raw in read(value, Budget()):
        if raw.host is not None and raw.mailbox is not None:
            domain = b"" if raw.host == MISSING_DOMAIN else raw.host
            local = b"" if raw.mailbox == MISSING_MAILBOX else raw.mailbox
            name = words.decode(raw.name or b"")
            found.append(Mailbox(name, _text(local), _text(domain), group))
        else:
            group = words.decode(raw.mailbox or b"")
    return found


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def read(value: bytes, budget: Budget) -> list[Raw]:
    """Give the addresses of an unfolded value; a group that begins also ends."""
    reading = _Reading()
    match = _TOKEN.match
    at = 0
    while budget.tokens > 0 and (token := match(value, at)):
        budget.tokens -= 1
        at = token.end()
        quoted, special, word = token.groups()
        if word is not None:
            reading.word(word)
        elif quoted is not None:
            reading.word(_inside(quoted))
        elif special == b"(":
            closed = comments.end(value, at - 1)
            budget.tokens -= value.count(b"(", at, closed)
            reading.comment = value[at : closed - (value[closed - 1] == _CLOSING)]
            at = closed
        else:
            reading.special(special)
    reading.finish(last=True)
    return reading.found


_CLOSING = ord(")")


def _inside(quoted: bytes) -> bytes:
    text = quoted[1:-1] if quoted[-1:] == b'"' and len(quoted) > 1 else quoted[1:]
    return comments.unescaped(text)


@define(eq=False)
class _Reading:
    """The address under way, fed token by token."""

    found: list[Raw] = field(factory=list)
    comment: bytes | None = None
    _phrase: list[bytes] = field(factory=list)
    _local: list[bytes] = field(factory=list)
    _domain: list[bytes] = field(factory=list)
    _route: bytes | None = None
    _angle: bool = False
    _closed: bool = False
    _at: bool = False
    _group: bool = False

    def word(self, text: bytes) -> None:
        if self._closed:
            return
        if self._at:
            self._domain.append(text)
        elif self._angle:
            self._local.append(text)
        else:
            self._phrase.append(text)

    def special(self, octet: bytes) -> None:
        """Take a separator."""
        if octet == b",":
            if self._route is not None and not self._local:
                self._route += b"".join(self._domain) + b","
                self._domain.clear()
            else:
                self.finish()
        elif octet == b"@":
            self._domain_follows()
        elif octet == b"<":
            self._angle_opens()
        elif octet == b">":
            self._closed = self._angle
        elif octet == b":":
            self._colon()
        elif octet == b";":
            self.finish(last=True)

    def _domain_follows(self) -> None:
        if self._angle and not self._local and not self._closed:
            self._route = (self._route or b"") + b"@"
            self._at = True
        elif self._at and self._route is None:
            self._domain.append(b"@")
        elif not self._closed:
            self._at = True
            if not self._angle:
                self._local = _last_local(self._phrase)

    def _angle_opens(self) -> None:
        if self._closed or self._angle:
            return
        if self._at:  # the phrase holds an unquoted address
            self._phrase += [b"".join(self._local) + b"@" + b"".join(self._domain)]
            self._local.clear()
            self._domain.clear()
            self._at = False
        self._angle = True

    def _colon(self) -> None:
        if self._route is not None and not self._local:
            self._route += b"".join(self._domain)
            self._domain.clear()
            self._at = False
        elif not (self._angle or self._at or self._group):
            self._group = True
            self.found.append(Raw(None, None, b" ".join(self._phrase), None))
            self._clear()

    def finish(self, *, last: bool = False) -> None:
        """Take what has come for a mailbox; the ``last`` one of its group."""
        if self._phrase or self._angle or self._at:
            self._mailbox()
        self.comment = None
        if last and self._group:
            self._group = False
            self.found.append(GROUP_END)

    def _mailbox(self) -> None:
        local, host = b"".join(self._local), _adjacent(self._domain)
        name: bytes | None = b" ".join(self._phrase)
        if not (self._angle or self._at):
            local, name = name or b"", b""
        if self._route is not None and not self._local and self._domain:
            self._route = None  # ``<@host>``: no route without a colon
        if not name and self.comment:
            name = comments.unescaped(self.comment).strip()
        local, host = local or MISSING_MAILBOX, host or MISSING_DOMAIN
        self.found.append(Raw(name or None, self._route, local, host))
        self._clear()

    def _clear(self) -> None:
        self.comment = self._route = None
        self._phrase.clear()
        self._local = []
        self._domain.clear()
        self._angle = self._closed = self._at = False


def _last_local(phrase: list[bytes]) -> list[bytes]:
    """Take the local part from a phrase's end, with dots that stand apart."""
    local: list[bytes] = []
    while phrase and (not local or local[0][:1] == b"." or phrase[-1][-1:] == b"."):
        local.insert(0, phrase.pop())
    return local


def _adjacent(domain: list[bytes]) -> bytes:
    """Join what dots hold together; what follows after a space is no domain."""
    host = b""
    for piece in domain:
        if host and host[-1:] not in {b".", b"@"} and piece[:1] not in {b".", b"@"}:
            break
        host += piece
    return host

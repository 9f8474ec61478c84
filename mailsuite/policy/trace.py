"""Trace fields and what submission completes (RFC 5321 §4.4, RFC 6409 §8)."""

import re
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache

from attrs import define, field

from mailsuite.model.address import Address
from mailsuite.policy.view import View

SOURCES = 1_000
"""Clauses of who sent and how that stay written; a name is at most 255 octets."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]+|\[[A-Za-z0-9.:]+\]")


@define(eq=False, repr=False)
class Dates:
    """RFC 5322 §3.3 dates of now, rendered once a second."""

    _wall: Callable[[], float]
    _second: int = field(default=-1, init=False)
    _text: str = field(default="", init=False)

    def now(self) -> str:
        """The date in UTC."""
        second = int(self._wall())
        if second != self._second:
            self._second = second
            self._text = formatdate(second).removesuffix("-0000") + "+0000"
        return self._text


@lru_cache
def _protocol(
    role: str, extended: bool, utf8: bool, secure: bool, authenticated: bool
) -> str:
    """The ``with`` clause: RFC 3848, RFC 6531 §4.3, RFC 2033."""
    if not extended:
        return "SMTP"
    name = "LMTP" if role == "lmtp" else "SMTP"
    if utf8:
        name = f"UTF8{name}"
    elif name == "SMTP":
        name = "ESMTP"
    return name + "S" * secure + "A" * authenticated


@lru_cache(SOURCES)
def _source(greeting: str, host: str) -> str:
    """The ``from`` clause; no host means a Unix socket."""
    if not _PLAIN_NAME.fullmatch(greeting):
        greeting = "unknown"
    if not host:
        return greeting
    literal = f"[IPv6:{host}]" if ":" in host else f"[{host}]"
    return f"{greeting} ({literal})"


def received(view: View, host: str, ident: str, date: str) -> bytes:
    """The Received field; the one recipient is named, several are not.

    RFC 5321 §4.4: naming more could disclose blind copies (§7.2).
    """
    peer, known = view.peer, view.principal is not None
    source = _source(view.greeting, peer.host)
    utf8 = "SMTPUTF8" in view.parameters
    way = _protocol(view.role, view.extended, utf8, peer.secure, known)
    only = f"\r\n\tfor <{view.recipients[0]}>" if len(view.recipients) == 1 else ""
    return (
        f"Received: from {source}\r\n\tby {host} with {way}"
        f" id {ident}{only};\r\n\t{date}\r\n"
    ).encode()


def return_path(sender: Address | None) -> bytes:
    """The field of final delivery (RFC 5321 §4.4)."""
    return f"Return-Path: <{sender or ''}>\r\n".encode()

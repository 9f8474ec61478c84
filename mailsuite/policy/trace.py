"""Trace fields and what submission completes (RFC 5321 §4.4, RFC 6409 §8)."""

import re
from collections.abc import Callable
from email.utils import formatdate

from attrs import define, field

from mailsuite.model.address import Address
from mailsuite.policy.view import View

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


def protocol(view: View, *, utf8: bool) -> str:
    """The ``with`` clause: RFC 3848, RFC 6531 §4.3, RFC 2033."""
    if not view.extended:
        return "SMTP"
    name = "LMTP" if view.role == "lmtp" else "SMTP"
    if utf8:
        name = f"UTF8{name}"
    elif name == "SMTP":
        name = "ESMTP"
    return name + "S" * view.peer.secure + "A" * (view.principal is not None)


def received(view: View, host: str, ident: str, date: str) -> bytes:
    """The Received field; the one recipient is named, several are not.

    RFC 5321 §4.4: naming more could disclose blind copies (§7.2).
    """
    utf8 = "SMTPUTF8" in view.parameters
    greeting = view.greeting if _PLAIN_NAME.fullmatch(view.greeting) else "unknown"
    source = f"{greeting} ({_literal(view.peer.host)})" if view.peer.host else greeting
    only = f"\r\n\tfor <{view.recipients[0]}>" if len(view.recipients) == 1 else ""
    return (
        f"Received: from {source}\r\n\tby {host} with {protocol(view, utf8=utf8)}"
        f" id {ident}{only};\r\n\t{date}\r\n"
    ).encode()


def return_path(sender: Address | None) -> bytes:
    """The field of final delivery (RFC 5321 §4.4)."""
    return f"Return-Path: <{sender or ''}>\r\n".encode()


def _literal(host: str) -> str:
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"

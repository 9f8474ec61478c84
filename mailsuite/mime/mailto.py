"""``mailto`` URIs (RFC 6068), of which a notice is made (RFC 5436)."""

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from attrs import frozen

RECIPIENTS = 8  # that one URI may name
HEADERS = 16  # that one URI may hold
URI_CHARACTERS = 8_000

_URI = re.compile(r"mailto:([^?]*)(?:\?([^?]*))?", re.IGNORECASE)
_CHARACTERS = re.compile(r"(?>(?:[A-Za-z0-9._~!$'()*+,;:@/-]|%[0-9A-Fa-f]{2})*)")
_NAME = re.compile(r"[!-9;-~]{1,76}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029]")
_BODY_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

UNSAFE = re.compile(
    r"from|sender|date|message-id|received|return-path|auto-submitted|mime-version"
    r"|bcc|errors-to|precedence|references|x-sieve.*|x-auto-response.*|dkim-.*|arc-.*"
    r"|authentication-results|resent-.*|content-.*|list-.*|domainkey.*|apparently-to"
    r"|delivered-to|x-original-to|disposition-.*|return-receipt.*|envelope-.*"
)
"""Header fields that a URI may name and that are left out (RFC 5436 §2.7)."""


@frozen
class Mailto:
    """``to`` and ``cc`` are addresses as texts, of which each may be sent to.

    ``headers`` are the other fields, names as they stand there; None: not given.
    """

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    subject: str | None = None
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def parse(uri: str, valid: Callable[[str], bool]) -> Mailto:
    """Read a URI; ``valid`` says of a text whether it is an address.

    Fields that could make the notice another message are dropped.

    :raises ValueError: it is no such URI, or has what could end a line of a header.
    """
    found = _URI.fullmatch(uri) if len(uri) <= URI_CHARACTERS else None
    if found is None:
        raise ValueError("it is no mailto URI")
    to = list(_addresses(found[1], valid))
    cc: list[str] = []
    texts: dict[str, str] = {}
    others: list[tuple[str, str]] = []
    pairs = found[2].split("&") if found[2] else []
    if len(pairs) > HEADERS:
        raise ValueError(f"it has more than {HEADERS} header fields")
    for pair in pairs:
        name, raw = _pair(pair)
        if name.lower() in {"to", "cc"}:
            (to if name.lower() == "to" else cc).extend(_addresses(raw, valid))
        elif name.lower() in {"subject", "body"}:
            texts.setdefault(name.lower(), _text(raw, body=name.lower() == "body"))
        else:
            value = _text(raw)
            if not UNSAFE.fullmatch(name.lower()):
                others.append((name, value))
    if len(to) + len(cc) > RECIPIENTS:
        raise ValueError(f"it has more than {RECIPIENTS} recipients")
    return Mailto(
        tuple(dict.fromkeys(to)),
        tuple(dict.fromkeys(cc)),
        texts.get("subject"),
        texts.get("body"),
        tuple(others),
    )


def _pair(pair: str) -> tuple[str, str]:
    name, equals, raw = pair.partition("=")
    name = _text(name)
    if not equals or not _NAME.fullmatch(name):
        raise ValueError(f"{pair[:40]!r} is no header field")
    return name, raw


def _addresses(raw: str, valid: Callable[[str], bool]) -> list[str]:
    """Addresses between commas; one that is encoded is part of an address."""
    found = [_text(one) for one in raw.split(",")] if raw else []
    for one in found:
        if not valid(one):
            raise ValueError(f"{one[:100]!r} is no address")
    return found


def _text(raw: str, *, body: bool = False) -> str:
    """Undo the encoding. :raises ValueError: it is none, or could inject a line."""
    if not _CHARACTERS.fullmatch(raw):
        raise ValueError(f"{raw[:40]!r} is not encoded as URIs are")
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise ValueError(f"{raw[:40]!r} is not UTF-8") from None
    if (_BODY_CONTROLS if body else _CONTROLS).search(text):
        raise ValueError(f"{raw[:40]!r} holds control characters")
    return text

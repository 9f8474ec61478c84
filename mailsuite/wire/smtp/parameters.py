"""Parameters of MAIL and RCPT (RFC 5321 §4.1.2) that the session offers."""

import re
from collections.abc import Mapping

from mailsuite.model.errors import Refusal
from mailsuite.wire.smtp import replies

Parameters = Mapping[str, str]
"""Shared by all who gave the same: nobody changes them."""

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u0080-\U0010ffff]+))?")
_XTEXT = re.compile(r"(?:[^+]|\+[0-9A-Fa-f]{2})+")  # RFC 3461 §4
_SIZE_DIGITS = 20  # RFC 1870 §4
_PARAMETERS = 16  # of one command; none has more
MAIL = frozenset({"SIZE", "BODY", "SMTPUTF8"})
RCPT = frozenset[str]()


def read(text: str, known: frozenset[str]) -> Parameters:
    """Read `` KEY=value KEY`` with upper-case keys.

    :raises Refusal: bad syntax (501), unknown (555), twice, or a bad value.
    """
    if not text or text.isspace():
        return {}
    if not text.startswith(" "):
        raise Refusal(replies.BAD_ARGUMENT)
    result: dict[str, str] = {}
    words = text.split()
    if len(words) > _PARAMETERS:
        raise Refusal(replies.BAD_ARGUMENT)
    for word in words:
        found = _PARAMETER.fullmatch(word)
        if found is None:
            raise Refusal(replies.BAD_ARGUMENT)
        key = found[1].upper()
        if key not in known:
            raise Refusal(replies.BAD_PARAMETER)
        if key in result:
            raise Refusal(replies.BAD_ARGUMENT)
        result[key] = _value(key, found[2])
    return result


def _value(key: str, value: str | None) -> str:
    if key == "SMTPUTF8":  # RFC 6531 §3.1: it takes none
        good = value is None
    elif value is None:
        good = False
    elif key == "SIZE":
        good = len(value) <= _SIZE_DIGITS and value.isascii() and value.isdigit()
    elif key == "BODY":  # RFC 6152 §2
        value = value.upper()
        good = value in {"7BIT", "8BITMIME"}
    else:  # AUTH: RFC 4954 §5
        good = value.isascii() and _XTEXT.fullmatch(value) is not None
    if not good:
        raise Refusal(replies.BAD_ARGUMENT)
    return value or ""

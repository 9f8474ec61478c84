"""Octets of a script become tokens (RFC 5228 §2.1-§2.4, §8.1)."""

import re
from enum import Enum

from mailsuite.sieve.errors import BadScript
from mailsuite.sieve.limits import NUMBER, SCRIPT_OCTETS, TOKENS
from mailsuite.sieve.tree import place


class Kind(Enum):
    """What a token is; the value is what errors call it."""

    WORD = "a name"
    TAG = "a tag"
    NUMBER = "a number"
    TEXT = "a string"
    MARK = "a mark"
    END = "the end of the script"


Token = tuple[Kind, str | int, int]
"""Its kind, its meaning (lower-case names, a whole number, a string), its place."""

_SKIPPED = r"(?>(?:[ \t\r\n]++|\#[^\n]*+|/\*[\s\S]*?\*/)*)"
_TOKEN = re.compile(
    _SKIPPED
    + r"(?:([;,(){}\[\]])"
    + r"|(text:[ \t]*+(?:\#[^\r\n]*+)?\r?\n)"
    + r"|([A-Za-z_][A-Za-z0-9_]*+)"
    + r"|:([A-Za-z_][A-Za-z0-9_]*+)"
    + r'|"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
    + r"|([0-9]++[KMGkmg]?(?![A-Za-z0-9_])))",
    re.DOTALL | re.IGNORECASE | re.ASCII,
)
_MARK, _WORD, _TAG, _TEXT, _NUMBER, _MULTILINE = 1, 3, 4, 5, 6, 2  # groups
_skip = re.compile(_SKIPPED).match
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_END_OF_TEXT = re.compile(r"^\.\r?(?:\n|\Z)", re.MULTILINE)
_STUFFED = re.compile(r"^\.\.", re.MULTILINE)
BYTE_ORDER_MARK = "\ufeff"  # some editors write it; it means nothing
_QUANTIFIERS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def decoded(octets: bytes) -> str:
    """The text of a script. :raises BadScript: too long, no UTF-8, or NUL in it."""
    if len(octets) > SCRIPT_OCTETS:
        hint = f"at most {SCRIPT_OCTETS} octets are allowed"
        raise BadScript(1, 1, f"the script has {len(octets)} octets", hint)
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        before = octets[: error.start].decode("utf-8")
        raise BadScript(
            *place(before, len(before)),
            "the script is not in UTF-8 here",
            "save it in UTF-8",
        ) from None
    if "\0" in text:
        raise BadScript(*place(text, text.index("\0")), "the script holds a NUL")
    return text


def tokens(text: str) -> list[Token]:
    """All tokens, the end among them. :raises BadScript: what is there is none."""
    found: list[Token] = []
    add, match = found.append, _TOKEN.match
    at = 1 if text.startswith(BYTE_ORDER_MARK) else 0
    while one := match(text, at):
        which, at = one.lastindex, one.end()
        if which == _MARK:
            add((Kind.MARK, one[_MARK], at - 1))
        elif which == _WORD:
            add((Kind.WORD, one[_WORD].lower(), one.start(_WORD)))
        elif which == _TAG:
            add((Kind.TAG, one[_TAG].lower(), one.start(_TAG) - 1))
        elif which == _TEXT:
            add((Kind.TEXT, _unquoted(one[_TEXT]), one.start(_TEXT) - 1))
        elif which == _NUMBER:
            add(_number(text, one[_NUMBER], one.start(_NUMBER)))
        else:
            begin = one.start(_MULTILINE)
            value, at = _multiline(text, at, begin)
            add((Kind.TEXT, value, begin))
        if len(found) > TOKENS:
            hint = f"at most {TOKENS} words and marks are allowed"
            raise BadScript(*place(text, at), "the script is too long", hint)
    rest = _skip(text, at)
    at = rest.end() if rest else at
    if at < len(text):
        raise _stranger(text, at)
    add((Kind.END, "", at))
    return found


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _number(text: str, value: str, at: int) -> Token:
    factor = _QUANTIFIERS.get(value[-1].lower())
    digits = value if factor is None else value[:-1]
    number = int(digits) * (factor or 1) if len(digits) < 20 else NUMBER + 1
    if number > NUMBER:
        hint = f"the largest is {NUMBER}"
        raise BadScript(*place(text, at), f"the number {value[:40]} is too large", hint)
    return Kind.NUMBER, number, at


def _multiline(text: str, at: int, begin: int) -> tuple[str, int]:
    """The lines up to the one that is a dot alone, and what is behind it."""
    end = _END_OF_TEXT.search(text, at)
    if end is None:
        raise BadScript(
            *place(text, begin),
            "this text: has no end",
            "a line with a dot alone ends it",
        )
    return _STUFFED.sub(".", text[at : end.start()]), end.end()


def _stranger(text: str, at: int) -> BadScript:
    where = place(text, at)
    if text[at] == '"':
        return BadScript(*where, "this string has no end", 'close it with "')
    if text.startswith("/*", at):
        return BadScript(*where, "this comment has no end", "close it with */")
    if text[at].isdigit():
        return BadScript(*where, "this is no number", "put a space behind it")
    return BadScript(*where, f"{text[at]!r} has no meaning here")

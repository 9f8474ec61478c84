"""Octets of a script become tokens (RFC 5228 §2.1-§2.4, §8.1)."""

import re
from enum import Enum
from typing import NamedTuple

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


class Token(NamedTuple):
    """``value`` is the meaning: lower-case names, a whole number, a string."""

    kind: Kind
    value: str | int
    at: int


_SKIPPED = r"(?:[ \t\r\n]++|\#[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+"
_TOKEN = re.compile(
    _SKIPPED
    + r"(?:(?P<mark>[;,(){}\[\]])"
    + r"|(?P<multiline>text:[ \t]*+(?:\#[^\r\n]*+)?\r?\n)"
    + r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*+)"
    + r"|:(?P<tag>[A-Za-z_][A-Za-z0-9_]*+)"
    + r'|"(?P<text>[^"\\]*+(?:\\.[^"\\]*+)*+)"'
    + r"|(?P<number>[0-9]++[KMGkmg]?(?![A-Za-z0-9_])))",
    re.DOTALL | re.IGNORECASE,
)
_skip = re.compile(_SKIPPED).match
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_END_OF_TEXT = re.compile(r"^\.\r?(?:\n|\Z)", re.MULTILINE)
_STUFFED = re.compile(r"^\.\.", re.MULTILINE)
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
    at = 0
    while match := _TOKEN.match(text, at):
        kind, at = match.lastgroup, match.end()
        assert kind is not None
        begin = match.start(kind)
        if kind == "multiline":
            value, at = _multiline(text, at, begin)
            found.append(Token(Kind.TEXT, value, begin))
        else:
            found.append(_READ[kind](text, match[kind], begin))
        if len(found) > TOKENS:
            raise BadScript(*place(text, begin), "the script is too long")
    rest = _skip(text, at)
    at = rest.end() if rest else at
    if at < len(text):
        raise _stranger(text, at)
    found.append(Token(Kind.END, "", at))
    return found


def _mark(_: str, value: str, at: int) -> Token:
    return Token(Kind.MARK, value, at)


def _word(_: str, value: str, at: int) -> Token:
    return Token(Kind.WORD, value.lower(), at)


def _tag(_: str, value: str, at: int) -> Token:
    return Token(Kind.TAG, value.lower(), at - 1)


def _quoted(_: str, value: str, at: int) -> Token:
    return Token(Kind.TEXT, _ESCAPED.sub(r"\1", value), at - 1)


def _number(text: str, value: str, at: int) -> Token:
    factor = _QUANTIFIERS.get(value[-1].lower())
    digits = value if factor is None else value[:-1]
    number = int(digits) * (factor or 1) if len(digits) < 20 else NUMBER + 1
    if number > NUMBER:
        raise BadScript(*place(text, at), f"the number {value[:40]} is too large")
    return Token(Kind.NUMBER, number, at)


_READ = {
    "mark": _mark,
    "word": _word,
    "tag": _tag,
    "text": _quoted,
    "number": _number,
}


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

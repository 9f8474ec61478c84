"""What an Authentication-Results field claims (RFC 8601 §2.2), read in linear time.

Tolerant as RFC 5322 asks: comments and folds stand between any two words, and a
result that is malformed is left out while the others count. Strict where it
decides: without a readable authentication service there are no claims.
ARC-Authentication-Results has the same words after its instance (RFC 8617 §4.1.1).
"""

import re

from attrs import define, frozen

VALUE_OCTETS = 65_536  # of one field that are read
FINDINGS = 100  # of one field that are read; 50 signatures are looked at elsewhere
PROPERTIES = 50  # of one finding; a finding with more is malformed
COMMENTS = 1_000  # of one field; what lies behind them is not read
NESTING = 50  # of comments; what is deeper ends the field

Properties = tuple[tuple[str, str], ...]

_SPACE = re.compile(r"[ \t\r\n]*+")
_PARENTHESIS = re.compile(r"[^()\\]*+(?:\\.[^()\\]*+)*+([()])", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_SERVICE = re.compile(r'[^ \t\r\n;()"=<>,]++')
_DIGITS = re.compile(r"[0-9]{1,9}+")
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*+")
_RUN = re.compile(r'[^ \t\r\n;()"]++')
_UNTIL = re.compile(r'[^;"(]*+')


@frozen
class Finding:
    """One method's result; ``properties`` as ``("smtp.mailfrom", value)``."""

    method: str
    result: str
    properties: Properties = ()
    reason: str = ""
    comment: str = ""
    """Written behind the result; never read."""

    def value(self, name: str) -> str | None:
        """Give the first value of a property."""
        return next((value for key, value in self.properties if key == name), None)


@frozen
class Claims:
    """``service``: the authserv-id, as it stands there without quotes."""

    service: str
    version: int = 1
    findings: tuple[Finding, ...] = ()


class _MalformedError(ValueError):
    """The words do not follow the grammar at this place."""


@define(eq=False)
class _Cursor:
    text: str
    at: int = 0
    comments: int = 0

    @property
    def sign(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.at : self.at + 1]

    def skip(self) -> str:
        """Pass white space and comments; give the character that follows."""
        while True:
            self.at = self._end(_SPACE)
            if self.sign != "(":
                return self.sign
            self._comment()

    def word(self, pattern: re.Pattern[str]) -> str:
        """Take what the pattern matches here."""
        found = pattern.match(self.text, self.at)
        if not found:
            raise _MalformedError
        self.at = found.end()
        return found[0]

    def expect(self, sign: str) -> None:
        """Pass one character."""
        if self.skip() != sign:
            raise _MalformedError
        self.at += 1

    def quoted(self) -> str:
        """Take a quoted string; give what it says."""
        inside = self.word(_QUOTED)[1:-1]
        return _PAIR.sub(r"\1", _FOLD.sub("", inside))

    def value(self) -> str:
        """Take a ``pvalue``; an address keeps the quotes of its local part."""
        if self.skip() != '"':
            return self.word(_RUN)
        start = self.at
        said = self.quoted()
        if self.sign != "@":
            return said
        self.word(_RUN)
        return _FOLD.sub("", self.text[start : self.at])

    def recover(self) -> None:
        """Pass everything up to the next semicolon outside of quotes."""
        while True:
            self.at = self._end(_UNTIL)
            if self.sign == "(":
                self._comment()
            elif self.sign == '"' and _QUOTED.match(self.text, self.at):
                self.at = self._end(_QUOTED)
            else:
                break
        if self.sign != ";":
            self.at = len(self.text)

    def _end(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.at)
        return found.end() if found else self.at

    def _comment(self) -> None:
        """Pass a comment; one that does not end reaches to the field's end."""
        depth = 0
        while self.comments < COMMENTS and depth <= NESTING:
            found = _PARENTHESIS.match(self.text, self.at)
            if found is None:
                break
            self.at = found.end()
            self.comments += 1
            depth += 1 if found[1] == "(" else -1
            if not depth:
                return
        self.at = len(self.text)


def parse(value: bytes) -> Claims | None:
    """Read a field's value, what stands behind its colon.

    None: no service can be read, so that nobody claims anything.
    """
    cursor = _Cursor(value[:VALUE_OCTETS].decode("utf-8", "replace"))
    try:
        service, version = _service(cursor)
    except _MalformedError:
        return None
    findings = []
    for _ in range(FINDINGS):
        if cursor.skip() != ";":
            break
        cursor.at += 1
        try:
            found = _finding(cursor)
            if found is not None:
                findings.append(found)
        except _MalformedError:
            cursor.recover()
    return Claims(service, version, tuple(findings))


def service_of(value: bytes) -> Claims | None:
    """Read the service and its version only; None as in :func:`parse`."""
    cursor = _Cursor(value[:VALUE_OCTETS].decode("utf-8", "replace"))
    try:
        return Claims(*_service(cursor))
    except _MalformedError:
        return None


def _service(cursor: _Cursor) -> tuple[str, int]:
    sign = cursor.skip()
    service = cursor.quoted() if sign == '"' else cursor.word(_SERVICE)
    version = 1
    if cursor.skip() and cursor.sign.isdigit():
        version = int(cursor.word(_DIGITS))
        cursor.skip()
    if not service or cursor.sign not in {"", ";"}:
        raise _MalformedError
    return service, version


def _finding(cursor: _Cursor) -> Finding | None:
    """Read one ``resinfo``; None for ``none`` and for versions that are not ours."""
    cursor.skip()
    method = cursor.word(_KEYWORD).lower()
    sign = cursor.skip()
    if method == "none" and sign in {"", ";"}:
        return None
    version = 1
    if sign == "/":
        cursor.at += 1
        cursor.skip()
        version = int(cursor.word(_DIGITS))
    cursor.expect("=")
    cursor.skip()
    result = cursor.word(_KEYWORD).lower()
    reason, properties = _properties(cursor)
    if version != 1:
        return None
    return Finding(method, result, properties, reason)


def _properties(cursor: _Cursor) -> tuple[str, Properties]:
    reason = ""
    properties: list[tuple[str, str]] = []
    for _ in range(PROPERTIES):
        if cursor.skip() in {"", ";"}:
            return reason, tuple(properties)
        key = cursor.word(_KEYWORD).lower()
        if key == "reason" and cursor.skip() == "=":
            cursor.at += 1
            reason = cursor.value()
            continue
        cursor.expect(".")
        cursor.skip()
        name = cursor.word(_KEYWORD).lower()
        cursor.expect("=")
        properties.append((f"{key}.{name}", cursor.value()))
    raise _MalformedError

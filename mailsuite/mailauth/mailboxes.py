"""The strict grammar of a list of mailboxes (RFC 5322 §3.4 and §4.4, RFC 6854).

:mod:`mailsuite.mime.addresses` gives the most that can be said of any value; here
whatever a correct reader could not have meant is refused, because forgers live on
readers that differ. Obsolete forms are correct; comments nest without recursion.
"""

import re

from attrs import define

TOKENS = 20_000  # of one value; more is malformed
NESTING = 50  # of comments, as in mailsuite.mime.limits

_TOKEN = re.compile(
    r"[ \t]*+(?:"
    r"(?P<atom>[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]++)|"
    r"(?P<special>[<>,;:@.])|"
    r"\"(?P<quoted>[^\"\\\x00\r\n]*+(?:\\[^\x00\r\n][^\"\\\x00\r\n]*+)*+)\"|"
    r"(?P<literal>\[[^\[\]\\\x00-\x1f\x7f]*+\])|"
    r"(?P<comment>\()|"
    r"(?P<end>\Z))"
)
_IN_COMMENT = re.compile(r"[^()\\\x00]*+(?:\\[^\x00][^()\\\x00]*+)*+([()])", re.DOTALL)
_PAIR = re.compile(r"\\(.)")


class Malformed(Exception):  # noqa: N818 - an answer about the peer's text
    """The value is no list of mailboxes; the text says where it stops to be one."""


def mailboxes(value: str) -> list[tuple[str, str]]:
    """Give local part (unquoted) and domain of each mailbox, groups opened.

    A domain is joined from its labels; an address literal keeps its brackets. A
    group may be empty. A semicolon may stand for a comma, as some clients write.

    :raises Malformed: a correct reader could not take it for that.
    """
    return _Reading(_tokens(value)).all()


def _tokens(value: str) -> list[tuple[str, str]]:
    """Give (kind, text) without comments and white space."""
    tokens: list[tuple[str, str]] = []
    at = 0
    match = _TOKEN.match
    while len(tokens) < TOKENS:
        token = match(value, at)
        if token is None:
            raise Malformed(f"at {value[at : at + 20]!r}")
        kind = str(token.lastgroup)
        at = token.end()
        if kind == "comment":
            at = _commented(value, at)
            continue
        if kind == "special":
            kind = token[kind]
        tokens.append((kind, token[str(token.lastgroup)]))
        if kind == "end":
            return tokens
    raise Malformed(f"more than {TOKENS} words")


def _commented(value: str, at: int) -> int:
    depth = 1
    while depth:
        mark = _IN_COMMENT.match(value, at)
        if mark is None:
            raise Malformed("a comment is not closed")
        at = mark.end()
        depth += 1 if mark[1] == "(" else -1
        if depth > NESTING:
            raise Malformed(f"comments nest deeper than {NESTING}")
    return at


@define(eq=False)
class _Reading:
    _tokens: list[tuple[str, str]]
    _at: int = 0
    _group: bool = False

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    def _take(self) -> str:
        text = self._tokens[self._at][1]
        self._at += 1
        return text

    def _expect(self, kind: str) -> None:
        if self._kind != kind:
            raise Malformed(f"{self._tokens[self._at][1] or 'end'!r} for {kind!r}")
        self._at += 1

    def all(self) -> list[tuple[str, str]]:
        """Read to the end."""
        found: list[tuple[str, str]] = []
        while True:
            start = self._at
            words = self._words()
            kind = self._kind
            if kind == "@":
                found.append((self._local(words), self._domain()))
            elif kind == "<":
                self._phrase(words)
                found.append(self._angle())
            elif kind == ":" and words and not self._group:
                self._phrase(words)
                self._group = True
                self._at += 1
                continue
            elif self._at != start:
                raise Malformed(f"{words[0][1][:40]!r} without an address")
            if self._separated():
                return found

    def _separated(self) -> bool:
        """Pass over what ends a mailbox; whether that is the value's end."""
        kind = self._kind
        if kind == "end":
            if self._group:
                raise Malformed("a group is not closed")
            return True
        if kind == ";":
            self._group = False
        elif kind != ",":
            raise Malformed(f"{self._tokens[self._at][1]!r} after a mailbox")
        self._at += 1
        return False

    def _words(self) -> list[tuple[str, str]]:
        start = self._at
        while self._kind in {"atom", "quoted", "."}:
            self._at += 1
        return self._tokens[start : self._at]

    def _phrase(self, words: list[tuple[str, str]]) -> None:
        if words and words[0][0] == ".":
            raise Malformed("a name begins with a dot")

    def _local(self, words: list[tuple[str, str]]) -> str:
        dots = [kind == "." for kind, _ in words]
        if dots != [bool(n % 2) for n in range(len(words))] or len(words) % 2 == 0:
            raise Malformed("a local part is none")
        parts = [
            _PAIR.sub(r"\1", text) if kind == "quoted" else text for kind, text in words
        ]
        return "".join(parts)

    def _domain(self) -> str:
        """Read ``@`` and what follows it."""
        self._expect("@")
        if self._kind == "literal":
            return self._take()
        labels = []
        while True:
            if self._kind != "atom":
                raise Malformed("a domain is none")
            labels.append(self._take())
            if self._kind != ".":
                return ".".join(labels)
            self._at += 1

    def _angle(self) -> tuple[str, str]:
        self._expect("<")
        if self._kind in {"@", ","}:  # the obsolete route, RFC 5322 §4.4
            while self._kind in {"@", ","}:
                if self._kind == "@":
                    self._domain()
                else:
                    self._at += 1
            self._expect(":")
        found = (self._local(self._words()), self._domain())
        self._expect(">")
        return found

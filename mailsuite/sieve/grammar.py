"""Tokens become a tree (RFC 5228 §8.2). What the names mean is not looked at."""

from attrs import define

from mailsuite.sieve.errors import BadScript
from mailsuite.sieve.lexer import Kind, Token, decoded, tokens
from mailsuite.sieve.limits import BLOCKS, NODES, TESTS
from mailsuite.sieve.tree import (
    Argument,
    Command,
    Number,
    Script,
    Tag,
    Test,
    Text,
    Texts,
    place,
)


def parse(octets: bytes) -> Script:
    """Read a script. :raises BadScript: where and why it is none."""
    text = decoded(octets)
    return Script(_Reader(text, tokens(text)).commands(), text)


@define(eq=False)
class _Reader:
    """Looks at one token at a time; ``_at`` is the place of the next one."""

    _text: str
    _tokens: list[Token]
    _at: int = 0
    _left: int = NODES

    def commands(self) -> tuple[Command, ...]:
        """The whole script."""
        found = self._commands(0)
        if self._tokens[self._at][0] is not Kind.END:
            closing = self._marked("}")
            self._at -= closing
            hint = "no block is open that it could close" if closing else ""
            raise self._unexpected("a command", hint)
        return found

    def _commands(self, depth: int) -> tuple[Command, ...]:
        found = []
        while self._tokens[self._at][0] is Kind.WORD:
            found.append(self._command(depth))
        return tuple(found)

    def _command(self, depth: int) -> Command:
        _, name, at = self._tokens[self._at]
        self._next()
        arguments, tests, listed = self._arguments(0)
        block = None
        if self._marked("{"):
            if depth >= BLOCKS:
                self._at -= 1
                raise self._error(f"blocks are nested deeper than {BLOCKS}")
            block = self._commands(depth + 1)
            self._mark("}", "a command or }", at)
        elif not self._marked(";"):
            raise self._unended(bool(tests))
        return Command(str(name), arguments, tests, listed, block, at)

    def _arguments(
        self, depth: int
    ) -> tuple[tuple[Argument, ...], tuple[Test, ...], bool]:
        found: list[Argument] = []
        while True:
            kind, value, at = self._tokens[self._at]
            if kind is Kind.TEXT:
                found.append(Text(str(value), at))
            elif kind is Kind.TAG:
                found.append(Tag(str(value), at))
            elif kind is Kind.NUMBER:
                found.append(Number(int(value), at))
            elif kind is Kind.WORD:
                return tuple(found), (self._test(depth + 1),), False
            elif value == "[":
                found.append(self._texts(at))
                continue
            elif value == "(":
                return tuple(found), self._tests(depth + 1), True
            else:
                return tuple(found), (), False
            self._at += 1

    def _texts(self, begin: int) -> Texts:
        found = []
        listed = self._tokens
        while True:
            self._at += 1
            kind, value, at = listed[self._at]
            if kind is not Kind.TEXT:
                raise self._unexpected("a string")
            found.append(Text(str(value), at))
            self._at += 1
            kind, value, _ = listed[self._at]
            if value != "," or kind is not Kind.MARK:
                break
        self._mark("]", ", or ]")
        return Texts(tuple(found), begin)

    def _test(self, depth: int) -> Test:
        kind, name, at = self._tokens[self._at]
        if kind is not Kind.WORD:
            raise self._unexpected("a test")
        if depth > TESTS + 1:  # the innermost holds none
            raise self._error(f"tests are nested deeper than {TESTS}")
        self._next()
        arguments, tests, listed = self._arguments(depth)
        return Test(str(name), arguments, tests, listed, at)

    def _tests(self, depth: int) -> tuple[Test, ...]:
        self._at += 1
        found = [self._test(depth)]
        while self._marked(","):
            found.append(self._test(depth))
        self._mark(")", ", or )")
        return tuple(found)

    def _next(self) -> None:
        """Go behind the name of a command or test, which are counted."""
        self._left -= 1
        if self._left < 0:
            hint = f"at most {NODES} commands and tests are allowed"
            raise self._error("the script is too long", hint)
        self._at += 1

    def _marked(self, mark: str) -> bool:
        """Whether this mark comes next; if so it is taken."""
        kind, value, _ = self._tokens[self._at]
        if value != mark or kind is not Kind.MARK:
            return False
        self._at += 1
        return True

    def _mark(self, mark: str, wanted: str, begun: int | None = None) -> None:
        if not self._marked(mark):
            line = 0 if begun is None else place(self._text, begun)[0]
            hint = f"the block of line {line} is still open" if line else ""
            raise self._unexpected(wanted, hint)

    def _unended(self, tested: bool) -> BadScript:
        """What follows a command is neither ``;`` nor ``{``."""
        kind, value, _ = self._tokens[self._at]
        if kind is Kind.END or value == "}":
            what = kind.value if kind is Kind.END else value
            return self._error(f"; is missing before {what}", at=self._behind())
        return self._unexpected("; or {" if tested else "; or { or an argument")

    def _unexpected(self, wanted: str, hint: str = "") -> BadScript:
        kind, value, _ = self._tokens[self._at]
        what = kind.value
        if kind in {Kind.MARK, Kind.WORD, Kind.TAG}:
            what = f":{value}" if kind is Kind.TAG else str(value)
        return self._error(f"{what} stands where {wanted} should", hint)

    def _behind(self) -> int:
        """Where something is missing: the token before, if the next is lines below."""
        before, after = (self._tokens[self._at - back][2] for back in (1, 0))
        return before if "\n" in self._text[before:after] else after

    def _error(
        self, message: str, hint: str = "", *, at: int | None = None
    ) -> BadScript:
        at = self._tokens[self._at][2] if at is None else at
        return BadScript(*place(self._text, at), message, hint)

"""Tokens become a tree (RFC 5228 §8.2). What the names mean is not looked at."""

from attrs import define

from mailsuite.sieve.errors import BadScript
from mailsuite.sieve.lexer import Kind, Token, decoded, tokens
from mailsuite.sieve.limits import BLOCKS, TESTS
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
    """Looks at one token at a time."""

    _text: str
    _tokens: list[Token]
    _at: int = 0

    def commands(self) -> tuple[Command, ...]:
        """The whole script."""
        found = self._commands(0)
        if (token := self._token).kind is not Kind.END:
            raise self._unexpected(token, "a command")
        return found

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _commands(self, depth: int) -> tuple[Command, ...]:
        found = []
        while self._token.kind is Kind.WORD:
            found.append(self._command(depth))
        return tuple(found)

    def _command(self, depth: int) -> Command:
        name = self._take()
        arguments, tests, listed = self._arguments(0)
        block = None
        token = self._token
        if token.value == "{" and token.kind is Kind.MARK:
            if depth >= BLOCKS:
                raise self._error(token, f"blocks are nested deeper than {BLOCKS}")
            self._take()
            block = self._commands(depth + 1)
            self._mark("}", "a command or }")
        else:
            self._mark(";", "; or { or an argument")
        return Command(str(name.value), arguments, tests, listed, block, name.at)

    def _arguments(
        self, depth: int
    ) -> tuple[tuple[Argument, ...], tuple[Test, ...], bool]:
        found: list[Argument] = []
        while (argument := self._argument()) is not None:
            found.append(argument)
        token = self._token
        if token.kind is Kind.WORD:
            return tuple(found), (self._test(depth + 1),), False
        if token.kind is Kind.MARK and token.value == "(":
            return tuple(found), self._tests(depth + 1), True
        return tuple(found), (), False

    def _argument(self) -> Argument | None:
        kind, value, at = self._token
        match kind:
            case Kind.TAG:
                made: Argument = Tag(str(value), at)
            case Kind.NUMBER:
                made = Number(int(value), at)
            case Kind.TEXT:
                made = Text(str(value), at)
            case Kind.MARK if value == "[":
                return self._texts()
            case _:
                return None
        self._take()
        return made

    def _texts(self) -> Texts:
        begin = self._take()
        found = []
        while True:
            token = self._token
            if token.kind is not Kind.TEXT:
                raise self._unexpected(token, "a string")
            found.append(Text(str(self._take().value), token.at))
            if self._token.value != "," or self._token.kind is not Kind.MARK:
                break
            self._take()
        self._mark("]", ", or ]")
        return Texts(tuple(found), begin.at)

    def _test(self, depth: int) -> Test:
        token = self._token
        if token.kind is not Kind.WORD:
            raise self._unexpected(token, "a test")
        if depth > TESTS:
            raise self._error(token, f"tests are nested deeper than {TESTS}")
        self._take()
        arguments, tests, listed = self._arguments(depth)
        return Test(str(token.value), arguments, tests, listed, token.at)

    def _tests(self, depth: int) -> tuple[Test, ...]:
        self._take()
        found = [self._test(depth)]
        while self._token.kind is Kind.MARK and self._token.value == ",":
            self._take()
            found.append(self._test(depth))
        self._mark(")", ", or )")
        return tuple(found)

    def _take(self) -> Token:
        token = self._token
        self._at += 1
        return token

    def _mark(self, mark: str, wanted: str) -> None:
        token = self._token
        if token.kind is not Kind.MARK or token.value != mark:
            raise self._unexpected(token, wanted)
        self._take()

    def _unexpected(self, token: Token, wanted: str) -> BadScript:
        what = token.kind.value
        if token.kind in {Kind.MARK, Kind.WORD, Kind.TAG}:
            colon = ":" if token.kind is Kind.TAG else ""
            what = f"{colon}{token.value}"
        return self._error(token, f"{what} stands where {wanted} should")

    def _error(self, token: Token, message: str) -> BadScript:
        return BadScript(*place(self._text, token.at), message)

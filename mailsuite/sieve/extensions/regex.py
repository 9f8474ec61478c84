r"""``:regex`` (draft-ietf-sieve-regex): extended regular expressions, in linear time.

RE2 matches them, or nothing does: without the package ``google-re2`` the capability
is not offered. Its rules are those of POSIX (leftmost and longest; bracket
expressions, no collating elements), and what RE2 has beyond them is let through:
``\d \s \w \b``. Back references are no regular expressions and are refused.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from mailsuite.sieve.binding import Bound
from mailsuite.sieve.comparators import Comparator
from mailsuite.sieve.errors import Trouble
from mailsuite.sieve.extensions.variables import MATCHES, modifying
from mailsuite.sieve.matching import Matcher
from mailsuite.sieve.octets import plain
from mailsuite.sieve.program import Values, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import Extension, Modifier, Tagged

try:
    import re2
except ImportError:
    AVAILABLE = False
else:
    AVAILABLE = True

PATTERN_CHARACTERS = 2_000
INSTRUCTIONS = 2_000  # of a compiled expression
EXPRESSIONS = 256  # of one script, 20 ms to compile; kept for all accounts together
EXPRESSION_OCTETS = 256 * 1024  # of memory each, at most
COMPILING = 100_000  # octets of work; about 0.4 ms
INSTRUCTION_WORK = 2.75
"""Octets of work for each instruction and octet of text: in its slowest manner RE2
takes 11 ns for that, and an octet of work stands for 4."""
_SPECIAL = re.compile(r"[][.\\()*+?{}^$|]")


class Expression:
    """A compiled expression and what an octet of text costs."""

    def __init__(self, pattern: str, *, sensitive: bool, captures: bool) -> None:
        options = re2.Options()
        options.posix_syntax = options.longest_match = True
        options.perl_classes = options.word_boundary = options.one_line = True
        options.dot_nl = True
        options.log_errors = False
        options.max_mem = EXPRESSION_OCTETS
        options.case_sensitive = sensitive
        options.never_capture = not captures
        try:
            made = re2.compile(plain(pattern).encode(), options)
        except re2.error as error:
            told = error.args[0] if error.args else b""
            what = told.decode("utf-8", "replace") if isinstance(told, bytes) else told
            raise ValueError(f"this is no regular expression: {what}") from None
        if made.programsize > INSTRUCTIONS or made.groups > MATCHES:
            raise ValueError("this regular expression is too large")
        self._search = made.search
        self._work = 1 + made.programsize * INSTRUCTION_WORK

    def match(self, run: Run, value: str) -> Sequence[str] | None:
        """What it matched and what its parentheses did; None: nothing."""
        octets = plain(value).encode()
        run.work(int(len(octets) * self._work) + 1)
        found = self._search(octets)
        if found is None:
            return None
        parts = (found.group(0) or b"", *found.groups(b""))
        return [part.decode("utf-8", "replace") for part in parts]


@lru_cache(EXPRESSIONS)
def expression(pattern: str, *, sensitive: bool, captures: bool) -> Expression:
    """Compile an expression. :raises ValueError: it is none, or too large."""
    if len(pattern) > PATTERN_CHARACTERS:
        raise ValueError(f"expressions have at most {PATTERN_CHARACTERS} characters")
    return Expression(pattern, sensitive=sensitive, captures=captures)


def _counted(bound: Bound, made: tuple[str, bool, bool]) -> None:
    """:raises ValueError: one more than a script may have; equal ones are one."""
    known: set[tuple[str, bool, bool]] = bound.scope.memory.setdefault("regex", set())
    known.add(made)
    if len(known) > EXPRESSIONS:
        raise ValueError(
            f"a script has at most {EXPRESSIONS} regular expressions: join some of"
            " them with |"
        )


def regular(bound: Bound, comparator: Comparator, keys: Values) -> Matcher:
    """``:regex``."""
    if not comparator.substrings:
        raise bound.error(None, f"{comparator.name} cannot be used with :regex")
    sensitive = comparator.fold("A") == "A"
    captures = "variables" in bound.requires
    for key in keys:
        if isinstance(key, str):
            try:
                _counted(bound, (key, sensitive, captures))
                expression(key, sensitive=sensitive, captures=captures)
            except ValueError as error:
                raise bound.error(-1, str(error)) from None

    def match(run: Run, values: Sequence[str]) -> bool:
        wanted = []
        for key, pattern in zip(keys, texts(run, keys), strict=True):
            try:
                if not isinstance(key, str):
                    run.work(COMPILING)
                made = expression(pattern, sensitive=sensitive, captures=captures)
            except ValueError as error:
                raise Trouble(f"line {bound.line}: {error}") from None
            wanted.append(made)
        for value in values:
            for one in wanted:
                found = one.match(run, value)
                if found is not None:
                    if captures:
                        run.matched = found
                    return True
        return False

    return match


def quoted(value: str) -> str:
    """The value with a backslash before whatever has a meaning in expressions."""
    return _SPECIAL.sub(r"\\\g<0>", value)


_EXTENSION = Extension(
    "regex",
    tags={
        "@match": (Tagged("regex", group="match"),),
        "set": (modifying("quoteregex", 20, "regex"),),
    },
    matches={"regex": regular},
    modifiers={"quoteregex": Modifier(20, quoted)},
)
EXTENSIONS: tuple[Extension, ...] = (_EXTENSION,) if AVAILABLE else ()
"""Empty where RE2 is missing."""

"""What can be wrong with a script, when it is checked and when it runs."""

from attrs import field, frozen
from typing_extensions import override

TOLD = 200  # characters of a message; what scripts hold may be longer


def _short(text: str) -> str:
    """On one line, and not longer than somebody reads."""
    if len(text) > TOLD:
        text = text[: TOLD - 1] + "\u2026"
    return text if text.isprintable() else " ".join(text.split())


@frozen
class BadScript(Exception):  # noqa: N818 - the language's own word is "invalid"
    """The script cannot be used; ``line`` and ``column`` begin at 1.

    ``hint`` says what to do, or is empty.
    """

    line: int
    column: int
    message: str = field(converter=_short)
    hint: str = field(default="", converter=_short)

    @override
    def __str__(self) -> str:
        text = f"line {self.line}, column {self.column}: {self.message}"
        return f"{text}; {self.hint}" if self.hint else text


@frozen
class Unsupported(BadScript):
    """It asks for something that this server has not, or that it must ask for."""


class Trouble(Exception):  # noqa: N818 - a finding at run time
    """A valid script cannot go on: implicit keep, and the owner is told."""


class Exhausted(Trouble):
    """The script does more than one run may do."""


@frozen
class Wanted(Exception):  # noqa: N818 - no error: a question
    """An answer is needed that only the world has.

    Whoever runs the script finds it out, gives it to the run's ``answers`` and runs
    the program again: until its end a run does nothing but plan.
    """

    question: "Question"


@frozen
class Question:
    """``kind`` of answer (``mailboxexists``) about ``subject``."""

    kind: str
    subject: tuple[str, ...] = ()

"""``spamtest`` with ``:percent``, and ``virustest`` (RFC 5235).

Scanners leave marks on a letter; fields of the message itself count for nothing,
because whoever sends it could write them. Without a mark nothing was tested.
"""

import re
from collections.abc import Sequence

from attrs import frozen

from mailsuite.sieve import matching
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.program import Condition
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import Extension, Kind, Tagged, TestShape

UNTESTED = "0"
CERTAIN = 100  # percent
WORST_VIRUS = 5  # RFC 5235 §3.3
CLEAN = 1  # the same
_NUMBER = re.compile(r"(\d{1,3})(?:\.\d*)?(?: (.*))?", re.DOTALL)


@frozen
class Score:
    """A number that a scanner gave, and its words."""

    number: int
    words: str = ""

    def told(self, number: int | str) -> str:
        """The result string of RFC 5235 §3.1."""
        return f"{number} {self.words}".rstrip()


def _spam(run: Run) -> Score | None:
    """Percent of certainty. What is filed as junk is so certainly."""
    marks = run.letter.marks
    found = _NUMBER.fullmatch(marks.get("spam", ""))
    if found is not None:
        return Score(min(int(found[1]), CERTAIN), found[2] or "")
    return Score(CERTAIN, marks["junk"]) if "junk" in marks else None


def _virus(run: Run) -> Score | None:
    found = _NUMBER.fullmatch(run.letter.marks.get("virus", ""))
    if found is None or not int(found[1]):
        return None
    return Score(min(int(found[1]), WORST_VIRUS), found[2] or "")


def unsafe(run: Run) -> str:
    """Why nothing in the message may be acted on, empty: nothing is known against it.

    It is junk for certain, or something was found that a virus test tells.
    """
    spam, virus = _spam(run), _virus(run)
    if spam is not None and spam.number == CERTAIN:
        return "the message was judged to be junk"
    if virus is not None and virus.number > CLEAN:
        return "the message was judged to be malicious"
    return ""


def level(percent: int) -> int:
    """RFC 5235 §3.2.1: 1 is clear of spam, 10 certainly spam."""
    if percent in {0, CERTAIN}:
        return 10 if percent else 1
    return 2 + percent * 8 // CERTAIN


def _spamtest(bound: Bound) -> Condition:
    match = matching.compiled(bound, 0)
    counted, percent = _counted(bound), bound.has("percent")

    def spamtest(run: Run) -> bool:
        run.step()
        score = _spam(run)
        if score is None:
            return match(run, _untested(counted=counted))
        number = score.number if percent else level(score.number)
        return match(run, [score.told(number)])

    return spamtest


def _virustest(bound: Bound) -> Condition:
    match = matching.compiled(bound, 0)
    counted = _counted(bound)

    def virustest(run: Run) -> bool:
        run.step()
        score = _virus(run)
        if score is None:
            return match(run, _untested(counted=counted))
        return match(run, [score.told(score.number)])

    return virustest


def _counted(bound: Bound) -> bool:
    return bound.chosen("match", "is") == "count"


def _untested(*, counted: bool) -> Sequence[str]:
    """RFC 5235 §3.1: what was not tested counts for nothing."""
    return [] if counted else [UNTESTED]


_FAMILIES = ("match", "comparator")

EXTENSIONS = (
    Extension(
        "spamtest",
        tests=(TestShape("spamtest", _spamtest, (Kind.STRING,), families=_FAMILIES),),
    ),
    Extension(
        "spamtestplus",
        implies=("spamtest",),
        tags={"spamtest": (Tagged("percent"),)},
    ),
    Extension(
        "virustest",
        tests=(TestShape("virustest", _virustest, (Kind.STRING,), families=_FAMILIES),),
    ),
)

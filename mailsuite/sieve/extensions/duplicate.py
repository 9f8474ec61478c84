"""``duplicate`` (RFC 7352): whether this was seen before.

The question ``duplicate`` about a mark is answered with yes or no from the account's
memory. What a run saw goes into its plan, so that it is remembered when, and only
when, all of the run went well.
"""

from collections.abc import Callable
from hashlib import sha256

from attrs import field, frozen

from mailsuite.sieve.binding import Bound
from mailsuite.sieve.program import Condition, text
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import Extension, Kind, Tagged, TestShape

SECONDS = 7 * 24 * 3600  # RFC 7352 §3.3: about 7 days
LONGEST = 90 * 24 * 3600  # what a script asks for beyond is cut


@frozen
class Remember:
    """Keep a mark for so many seconds from the end of this run.

    ``again``: also when it is known already; its time begins anew. Never cancels
    the implicit keep.
    """

    mark: str = field(repr=False)
    seconds: int = SECONDS
    again: bool = False
    at: int = 0


def mark(handle: str, unique: str) -> str:
    """What stands for an ID in memories, which need not hold what people wrote.

    IDs are compared as they are, with case; each handle has its own.
    """
    told = f"{len(handle)}:{handle}{unique}".encode("utf-8", "surrogatepass")
    return sha256(told).hexdigest()


def _unique(bound: Bound) -> Callable[[Run], str | None]:
    """The ID, None: the message has none (RFC 7352 §3.1)."""
    if bound.has("uniqueid"):
        given = bound.value("uniqueid")
        return lambda run: text(run, given)
    name = bound.value("header") if bound.has("header") else "message-id"

    def first(run: Run) -> str | None:
        values = run.message.values(text(run, name))
        return values[0] or None if values else None

    return first


def _duplicate(bound: Bound) -> Condition:
    unique = _unique(bound)
    handle = bound.value("handle") if bound.has("handle") else ""
    asked = bound.number("seconds") if bound.has("seconds") else SECONDS
    seconds = min(asked, LONGEST)
    again = bound.has("last")

    def duplicate(run: Run) -> bool:
        run.step()
        found = unique(run)
        if found is None or not seconds:
            return False
        run.work(len(found))
        known = mark(text(run, handle), found)
        seen = bool(run.ask("duplicate", known))
        if again or not seen:
            _remember(run, Remember(known, seconds, again, bound.line))
        return seen

    return duplicate


def _remember(run: Run, wanted: Remember) -> None:
    """Plan it; of several tests for one mark the last decides (RFC 7352 §3.3)."""
    for place, action in enumerate(run.actions):
        if isinstance(action, Remember) and action.mark == wanted.mark:
            run.actions[place] = wanted
            return
    run.act(wanted, cancels=False)


EXTENSION = Extension(
    "duplicate",
    tests=(
        TestShape(
            "duplicate",
            _duplicate,
            tags=(
                Tagged("handle", Kind.STRING),
                Tagged("header", Kind.STRING, group="id"),
                Tagged("uniqueid", Kind.STRING, group="id"),
                Tagged("seconds", Kind.NUMBER),
                Tagged("last"),
            ),
        ),
    ),
)

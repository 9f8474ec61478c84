"""Rules that have nothing to do with a message are passed over, many at a time.

Most rules ask for words that a message has not. Where all tests of some rules are of
that kind (:mod:`.constant`), one look at the words of all of them tells whether any
can be true; if none can, they are counted as if they had been tried one by one.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mailsuite.sieve.program import Step

if TYPE_CHECKING:
    from mailsuite.sieve.binding import Scope
    from mailsuite.sieve.constant import Look
    from mailsuite.sieve.run import Run
    from mailsuite.sieve.tree import Command

AT_ONCE = 10  # rules that are tried one by one if one of them may apply
WORDS = 3  # fewer are not worth a look

_MEMORY = "screens"


@frozen(eq=False)
class Glance:
    """A test that can be true only if one of the words is where it looks.

    It costs ``paid``, and ``cost`` for each octet that is there.
    """

    look: "Look"
    words: tuple[str, ...]
    paid: int
    cost: int


@frozen(eq=False)
class Screen:
    """Tests without which nothing comes of a test or command, all of which it asks.

    ``steps`` are counted beside one for each test.
    """

    glances: tuple[Glance, ...]
    steps: int = 0


def known(scope: "Scope") -> dict[Callable[..., Any], Screen]:
    """What is known of conditions and steps of the script that is checked."""
    found: dict[Callable[..., Any], Screen] = scope.memory.setdefault(_MEMORY, {})
    return found


def joined(
    scope: "Scope", parts: Sequence[Callable[..., Any]], steps: int = 0
) -> Screen | None:
    """What can be true only if one of the parts is; None: of one it is not known."""
    screens = [known(scope).get(part) for part in parts]
    there = [one for one in screens if one is not None]
    if len(there) < len(parts):
        return None
    glances = tuple(glance for one in there for glance in one.glances)
    return Screen(glances, steps + sum(one.steps for one in there))


def screened(
    scope: "Scope", commands: Sequence["Command"], steps: Sequence[Step]
) -> tuple[Step, ...]:
    """The steps of a block, those of rules that can be passed over in one."""
    screens = known(scope)
    made: list[Step] = []
    rules: list[list[Step]] = []
    for rule in _rules(commands, steps):
        quiet = all(step in screens for step in rule)
        if not quiet or len(rules) == AT_ONCE:
            made += _together(scope, rules)
            rules = []
        if quiet:
            rules.append(rule)
        else:
            made += rule
    return (*made, *_together(scope, rules))


def _rules(
    commands: Sequence["Command"], steps: Sequence[Step]
) -> Iterable[list[Step]]:
    """``if`` with all that follows it; others alone."""
    rule: list[Step] = []
    for command, step in zip(commands, steps, strict=True):
        if command.name not in {"elsif", "else"} and rule:
            yield rule
            rule = []
        rule.append(step)
    if rule:
        yield rule


def _together(scope: "Scope", rules: Iterable[list[Step]]) -> Sequence[Step]:
    steps = [step for rule in rules for step in rule]
    screen = joined(scope, steps)
    if screen is None or sum(len(one.words) for one in screen.glances) < WORDS:
        return steps
    return (_passing(tuple(steps), screen),)


def _passing(steps: tuple[Step, ...], screen: Screen) -> Step:
    words: dict[Look, dict[str, None]] = {}
    costs: dict[Look, int] = {}
    for one in screen.glances:
        words.setdefault(one.look, {}).update(dict.fromkeys(one.words))
        costs[one.look] = costs.get(one.look, 0) + one.cost
    looks = tuple((look, tuple(there), costs[look]) for look, there in words.items())
    paid = sum(one.paid for one in screen.glances)
    count = screen.steps + len(screen.glances)

    def passing(run: "Run") -> None:
        message = run.message
        octets = paid
        for look, wanted, cost in looks:
            sight = message.sights.get(look) or look.at(message)
            octets += cost * sight.octets
            text = sight.text
            for word in wanted:
                if word in text:
                    return one_by_one(run)
        if not run.passed(count, octets):
            return one_by_one(run)
        run.branched = False
        return None

    def one_by_one(run: "Run") -> None:
        for step in steps:
            step(run)

    return passing

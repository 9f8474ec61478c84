"""What to tell somebody whose script is wrong: what is meant, and what to write.

People write scripts from memory of other languages; the first thing that is wrong
seldom looks like their mistake (a missing semicolon makes the next command a test).
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from mailsuite.sieve.shapes import Kind, Tagged, Tests
from mailsuite.sieve.tree import Command, Test
from mailsuite.sieve.vocabulary import Vocabulary

LISTED = 12  # as many names are told at once
LENGTH = 40  # characters of a name that are compared
WORDS = {
    "and": "write allof (one, another)",
    "or": "write anyof (one, another)",
    "goto": "rules run from the top to the bottom, stop ends them",
    "move": "write fileinto",
    "copy": "write fileinto :copy",
    "forward": "write redirect",
    "delete": "write discard",
    "mark": "write addflag",
    "end": "blocks end with }",
    "then": "the block follows in braces",
    "from": 'write address "from"',
    "to": 'write address "to"',
    "subject": 'write header "subject"',
}
"""Names that other languages have."""


ABSENT = {"vnd.cyrus.imip": "write processcalendar, as RFC 9671 has it"}
"""Capabilities that have another name here."""


def capability(name: str, known: Iterable[str]) -> str:
    """A hint about a capability that is not there."""
    return ABSENT.get(name) or nearest(name, known)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint with the known name that is most like this one, or nothing."""
    found = get_close_matches(name[:LENGTH], list(known), 1, 0.7)
    return f"did you mean {found[0]}?" if found else ""


def unknown(node: Command | Test, vocabulary: Vocabulary) -> tuple[str, str]:
    """Message and hint about a name that is no command, or no test."""
    name, what = node.name, "command"
    known, other = vocabulary.commands, vocabulary.tests
    if isinstance(node, Test):
        what, known, other = "test", other, known
    message = f"there is no {what} {name[:LENGTH]}"
    if name in other:
        if isinstance(node, Command):
            return message, "it is a test; write if before it"
        return message, "it is a command; put it in a block in braces"
    if isinstance(node, Command) and name in {"elif", "elseif"}:
        return message, "did you mean elsif?"
    hint = WORDS.get(name) or nearest(name, [*known, *other])
    if hint.startswith("did") and hint[len("did you mean ") : -1] not in known:
        kind = "test? Write if before it" if what == "command" else "command?"
        hint = f"{hint[:-1]}, which is a {kind}"
    return message, hint


def tags(name: str, known: Mapping[str, tuple[Tagged, str]]) -> str:
    """A hint about a tag that is not there: the nearest, or what there is."""
    if hint := nearest(name, known):
        return hint.replace("mean ", "mean :")
    told = ", ".join(f":{tag}" for tag in sorted(known)[:LISTED])
    return f"there are {told}" if told else "it takes no tags"


def unasked(what: str, capability: str) -> tuple[str, str]:
    """Message and hint about a capability that require does not name."""
    message = f"{what} is not asked for"
    if what != capability:
        message = f"{what} belongs to {capability}, which is not asked for"
    return message, f'write require "{capability}"; at the beginning'


def twice(tag: str, other: str) -> tuple[str, str]:
    """Message and hint about two tags of one group."""
    if tag == other:
        return f":{tag} stands here twice", "leave one of them out"
    return f":{tag} cannot stand beside :{other}", "leave one of them out"


def counted(kinds: Sequence[Kind]) -> str:
    """How many arguments there may be."""
    if not kinds:
        return "no argument"
    only = "one argument" if len(kinds) == 1 else f"{len(kinds)} arguments"
    return f"{only} besides its tags, this is one too many"


def missing(
    node: Command | Test, kind: Kind, vocabulary: Vocabulary
) -> tuple[str, str]:
    """Message and hint about an argument that is not there."""
    message = f"{node.name} needs one more argument, {kind.value}"
    return message, _astray(node, vocabulary)


def tests(
    node: Command | Test, wanted: Tests, vocabulary: Vocabulary
) -> tuple[int, str, str]:
    """Offset, message and hint about tests that are missing or too many."""
    message = f"{node.name} takes {wanted.value}"
    if not node.tests:
        return node.at, message, ""
    first = node.tests[0]
    if wanted is Tests.ONE:
        return node.at, message, "write anyof or allof before the parentheses"
    if wanted is Tests.MANY:
        return first.at, message, f"write {node.name} ({first.name} ...)"
    if node.listed:
        return first.at, message, "a test has no parentheses around its arguments"
    return first.at, message, _astray(node, vocabulary)


def _astray(node: Command | Test, vocabulary: Vocabulary) -> str:
    """A hint about a name that stands behind arguments."""
    if not node.tests or node.listed:
        return ""
    name = node.tests[0].name
    if isinstance(node, Command) and name in vocabulary.commands:
        if node.name == "else" and name == "if":
            return "write elsif"
        return f"a ; is missing before {name}"
    if isinstance(node, Test):
        if name in vocabulary.commands:
            return f"put {name} in a block in braces"
        if name in {"and", "or"}:
            return WORDS[name]
    entries = vocabulary.tests if isinstance(node, Test) else vocabulary.commands
    if name in entries[node.name].tags:
        return f"did you mean :{name}?"
    return f"{name} has no quotes" if name not in vocabulary.tests else ""

"""A tree becomes a script again; reading it gives the same tree."""

from collections.abc import Iterator, Sequence

from mailsuite.sieve.tree import Argument, Command, Number, Script, Tag, Test, Text

INDENT = "    "
TOLD = 120  # characters of a command or test in a tale of a run


def render(script: Script) -> bytes:
    """The script in one manner: a command a line, CRLF at the ends."""
    return "".join(f"{line}\r\n" for line in _commands(script.commands, "")).encode()


def _commands(commands: Sequence[Command], indent: str) -> Iterator[str]:
    for command in commands:
        words = [command.name, *map(_argument, command.arguments)]
        head = indent + " ".join(words) + _tests(command)
        if command.block is None:
            yield head + ";"
        else:
            yield head + " {"
            yield from _commands(command.block, indent + INDENT)
            yield indent + "}"


def _tests(node: Command | Test) -> str:
    told = ", ".join(
        " ".join([test.name, *map(_argument, test.arguments)]) + _tests(test)
        for test in node.tests
    )
    if node.listed:
        return f" ({told})"
    return f" {told}" if told else ""


def told(node: Command | Test) -> str:
    """One command or test in a few words, its block and its tests left out."""
    text = " ".join([node.name, *map(_argument, node.arguments)])
    text = " ".join(text.split())
    if len(text) > TOLD:
        text = text[: TOLD - 1] + "\u2026"
    return f"{text} (\u2026)" if node.listed else text


def _argument(argument: Argument) -> str:
    match argument:
        case Tag():
            return f":{argument.name}"
        case Number():
            return str(argument.value)
        case Text():
            return quoted(argument.value)
        case _:
            return f"[{', '.join(quoted(text.value) for text in argument.values)}]"


def quoted(text: str) -> str:
    """A quoted string (RFC 5228 §2.4.2)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

"""A tree becomes a script again; reading it gives the same tree."""

from collections.abc import Iterator, Sequence

from mailsuite.sieve.tree import Argument, Command, Number, Script, Tag, Test, Text

INDENT = "    "


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

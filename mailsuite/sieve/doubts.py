"""What a valid script says that its writer may not mean (RFC 5804 §2.6, WARNINGS)."""

from collections.abc import Sequence

from attrs import define, field

from mailsuite.sieve.limits import REDIRECTS
from mailsuite.sieve.tree import Command, Script

WARNED = 10  # warnings of one script
_BRANCHES = frozenset(("elsif", "else"))
_ENDS = frozenset(("stop", "return", "error"))


def told(script: Script) -> tuple[str, ...]:
    """Warnings with their lines, no more than :data:`WARNED`."""
    counting = _Counting(script)
    counting.block(script.commands, 0)
    return tuple(counting.found[:WARNED])


@define(eq=False)
class _Counting:
    """Counts the most redirects that may stand before a command in one run."""

    _script: Script
    found: list[str] = field(factory=list)

    def block(self, commands: Sequence[Command], before: int) -> int:
        """Give the most that there are behind these commands.

        What ends the script leads nowhere: nothing is behind it.
        """
        entry, count = before, before
        for command in commands:
            if command.name in _BRANCHES:
                count = max(count, self.block(command.block or (), entry))
                continue
            entry = count
            if command.name == "redirect":
                count += 1
                self._doubt(command, count)
            elif command.block is not None:
                count = max(count, self.block(command.block, entry))
            if command.name in _ENDS:
                return 0
        return count

    def _doubt(self, command: Command, count: int) -> None:
        if count > REDIRECTS:
            line, _ = self._script.place(command.at)
            self.found.append(
                f"line {line}: a message is redirected {REDIRECTS} times at most;"
                " where this is one more, the script fails and the message is kept"
            )

"""Scripts made into programs, once for all messages; large ones on a thread.

To check a script takes about a millisecond for each KiB of it. What a thread does
holds the reactor up for no longer than the interpreter lets it.
"""

from collections import OrderedDict
from collections.abc import Sequence

from attrs import define, field

from mailsuite.interfaces.scripts import BadScriptText
from mailsuite.model.ids import AccountName
from mailsuite.net.lanes import Lane
from mailsuite.sieve.check import check
from mailsuite.sieve.errors import BadScript
from mailsuite.sieve.extensions.table import VOCABULARY
from mailsuite.sieve.program import Program
from mailsuite.sieve.vocabulary import Vocabulary

INLINE_OCTETS = 4 * 1024  # a script up to this size is checked on the reactor
KEPT_NODES = 128_000  # commands and tests of programs that are kept, 2 KiB each


@define(eq=False)
class Programs:
    """Gives the program of a text; equal texts share theirs."""

    lane: Lane
    vocabulary: Vocabulary = field(default=VOCABULARY, repr=False)
    """What scripts may ask for."""
    _known: "OrderedDict[bytes, Program]" = field(factory=OrderedDict)
    _nodes: int = 0

    def speak(self, vocabulary: Vocabulary) -> None:
        """Let another vocabulary count from now on."""
        if vocabulary is not self.vocabulary:
            self.vocabulary = vocabulary
            self._known.clear()
            self._nodes = 0

    async def program(self, content: bytes) -> Program:
        """The program of a script. :raises BadScript: it is none."""
        known = self._known.get(content)
        if known is not None:
            self._known.move_to_end(content)
            return known
        if len(content) <= INLINE_OCTETS:
            made = check(content, self.vocabulary)
        else:
            made = await self.lane.run(check, content, self.vocabulary)
        self._keep(content, made)
        return made

    def _keep(self, content: bytes, program: Program) -> None:
        before = self._known.pop(content, None)
        self._known[content] = program
        self._nodes += _weight(program) - (0 if before is None else _weight(before))
        while self._nodes > KEPT_NODES and len(self._known) > 1:
            _, gone = self._known.popitem(last=False)
            self._nodes -= _weight(gone)

    async def warnings(self, _: AccountName, content: bytes) -> Sequence[str]:
        """Look at a text that an account wants to keep.

        :raises BadScriptText: what is wrong, with its place.
        """
        try:
            program = await self.program(content)
        except BadScript as error:
            raise BadScriptText(str(error)) from error
        return program.doubts


def _weight(program: Program) -> int:
    return program.nodes + 1

"""Programs of the operator that scripts may run (``vnd.dovecot.*``).

Only those that lie in one folder, by their names; never through a shell. They learn
the envelope from their environment, as Dovecot's do: SENDER, RECIPIENT, USER.
"""

import os
import stat
from collections.abc import Sequence

from attrs import define, field
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IReactorTime

from mailsuite.delivery.letters import Case
from mailsuite.interfaces.events import IEvents
from mailsuite.net import outside
from mailsuite.net.outside import Command
from mailsuite.sieve.extensions.programs import OUTPUT_OCTETS
from mailsuite.sieve.settings import Sieve

AT_ONCE = 4  # programs that run side by side
PATH = "/usr/local/bin:/usr/bin:/bin"
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH


@define(eq=False)
class Externals:
    """Runs them; the folder may be changed."""

    _reactor: IReactorTime
    _events: IEvents
    _etc: str
    settings: Sieve
    _room: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(AT_ONCE))

    async def call(self, case: Case, subject: Sequence[str]) -> bytes | None:
        """Answer the question of a script; None: the program failed or is not there."""
        kind, _, name, given, *arguments = subject
        path = self.path(name)
        output = None
        if path:
            command = Command(
                path,
                [one.encode("utf-8", "replace") for one in arguments],
                _environment(case),
                OUTPUT_OCTETS,
                self.settings.program_seconds,
            )
            await self._room.acquire()
            try:
                output = await outside.run(
                    self._reactor, command, given.encode("latin-1")
                )
            finally:
                self._room.release()
        self._events.happened(
            "sieve.executed",
            qid=case.lease.id,
            account=case.account.name,
            program=name,
            kind=kind,
            good=int(output is not None),
        )
        return output

    def path(self, name: str) -> str:
        """Where a program lies; empty: there is none that may be run."""
        if not self.settings.programs or not name or "/" in name or name[0] == ".":
            return ""
        folder = os.path.join(self._etc, self.settings.programs)
        whole = os.path.normpath(os.path.join(folder, name))
        try:
            found, around = os.stat(whole), os.stat(folder)
        except (OSError, ValueError):
            return ""
        fit = stat.S_ISREG(found.st_mode) and os.access(whole, os.X_OK)
        safe = not (found.st_mode | around.st_mode) & _WRITABLE
        return whole if fit and safe else ""


def _environment(case: Case) -> dict[str, str]:
    recipient = case.recipient
    told = {
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "SENDER": str(case.sender or ""),
        "RECIPIENT": str(recipient.address),
        "USER": str(case.account.name),
    }
    return {name: value.replace("\0", "") for name, value in told.items()}

"""The house as twistd runs it: whoever typed the command learns how the start ended.

twistd's parent process waits for one word from the daemon. By itself twistd gives it
before the reactor runs, when databases and journal are not open yet; here it comes when
ports answer, or when it is known that they never will.
"""

import os
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from attrs import define, field
from typing_extensions import override

from mailsuite.house.house import House, log_target

PIPE = "statusPipe"
"""twistd's option that holds the descriptor to its parent process."""
WORD_OCTETS = 100  # that twistd's parent reads


@define(eq=False, slots=False, repr=False)
class Daemon(House):
    """Tells twistd's parent process, and takes its pid file away where need be."""

    twistd: MutableMapping[str, Any] = field(factory=dict)
    """twistd's own options."""
    _pipe: int | None = None

    def __attrs_post_init__(self) -> None:
        self.on_ready(lambda _: self._tell(b"0"))
        self.on_failure(self._give_notice)

    @override
    def startService(self) -> None:
        super().startService()
        self._pipe = self.twistd.get(PIPE)
        self.twistd[PIPE] = None

    def _tell(self, word: bytes) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe is None:
            pipe, self.twistd[PIPE] = self.twistd.get(PIPE), None
        if pipe is not None:
            with suppress(OSError):
                os.write(pipe, word)
            os.close(pipe)

    def _give_notice(self, reason: str) -> None:
        where = log_target(self.loaded.tree.log.target, self.places)
        told = f"; see {where}" if os.path.isabs(where) else ""
        room = WORD_OCTETS - 2 - len(os.fsencode(told))
        short = reason.encode()[: max(room, 0)]
        self._tell(b"1 " + short + os.fsencode(told))
        self._forget_pid()

    def _forget_pid(self) -> None:
        """Remove the pid file: the process ends without going back to twistd."""
        with suppress(OSError):
            os.unlink(self.twistd.get("pidfile") or "")

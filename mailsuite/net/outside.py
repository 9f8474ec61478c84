"""Programs of others, run once to their end: bounded in time, memory and output.

Each is the leader of its own session, so that what it started ends with it.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import cast

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IProcessTransport,
    IReactorProcess,
    IReactorTime,
)
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from mailsuite.net import confined

NOISE_OCTETS = 4_096  # of stderr that are shown
MEMORY_OCTETS = 1 << 30  # of address space

_log = Logger()


@frozen
class Command:
    """What to run: an absolute path and arguments, none of them seen by a shell.

    ``octets`` is the most that it may answer; ``seconds`` from start to end.
    """

    path: str
    arguments: Sequence[bytes] = ()
    environment: Mapping[str, str] = field(factory=dict)
    octets: int = 1 << 20
    seconds: float = 10.0


@define(eq=False, slots=False)
class _Child(ProcessProtocol):
    """The one process; ``answer`` fires when all of it has ended."""

    command: Command
    given: bytes
    answer: "Deferred[bytes | None]" = field(factory=Deferred)
    _pieces: list[bytes] = field(factory=list)
    _octets: int = 0
    _noise: bytes = b""
    _stopped: bool = False
    _pid: int | None = None

    @override
    def connectionMade(self) -> None:
        transport = self._process
        self._pid = transport.pid
        if self.given:
            transport.writeToChild(0, self.given)
        transport.closeStdin()

    @property
    def _process(self) -> IProcessTransport:
        return cast("IProcessTransport", self.transport)

    def stop(self) -> None:
        """End it and all that it started."""
        self._stopped = True
        if self._pid is not None:
            _kill(self._pid)

    @override
    def outReceived(self, data: bytes) -> None:
        self._octets += len(data)
        if self._octets > self.command.octets:
            self.stop()
        else:
            self._pieces.append(data)

    @override
    def errReceived(self, data: bytes) -> None:
        self._noise = (self._noise + data)[:NOISE_OCTETS]

    @override
    def processExited(self, reason: Failure) -> None:
        """What it left behind in its session ends, too."""
        if self._pid is not None:
            _kill_session(self._pid)

    @override
    def processEnded(self, reason: Failure) -> None:
        good = getattr(reason.value, "exitCode", None) == 0 and not self._stopped
        if self._noise:
            text = self._noise.decode("utf-8", "replace")
            _log.warn("{path} says: {text}", path=self.command.path, text=text)
        self.answer.callback(b"".join(self._pieces) if good else None)


def _kill(pid: int) -> None:
    _kill_session(pid)
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _kill_session(pid: int) -> None:
    """End a process group, if there is one of that number (yet, or still)."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


async def run(reactor: IReactorTime, command: Command, given: bytes) -> bytes | None:
    """Run a program on some input; None: it failed, said too much or took too long."""
    child = _Child(command, given)
    octets, seconds = MEMORY_OCTETS, int(command.seconds) + 1
    words = [sys.executable, "-I", "-S", confined.__file__, str(seconds), str(octets)]
    IReactorProcess(reactor).spawnProcess(
        child,
        sys.executable,
        [*(word.encode() for word in words), command.path.encode(), *command.arguments],
        env=dict(command.environment),
        path="/",
    )
    timer = reactor.callLater(command.seconds, child.stop)
    try:
        return await child.answer
    finally:
        if timer.active():
            timer.cancel()

"""Workers: child processes for Python work that would hold up the reactor.

A child is a fresh interpreter running a module of ours (:mod:`.child` is its
loop); it is started at the first request, serves one request at a time, and is
started again, after a growing pause, when it dies. What it had in its hands then
fails with :class:`Lost`, and the caller decides whether to ask again: a request
that kills its child must not do so for ever.
"""

import os
import sys
from collections import deque
from contextlib import suppress
from typing import Any, cast

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import (
    IDelayedCall,
    IProcessTransport,
    IReactorProcess,
    IReactorTime,
)
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

import mailsuite
from mailsuite.model.errors import Taken
from mailsuite.net import frames

FIRST_PAUSE = 0.25  # seconds before a dead child is started again
LONGEST_PAUSE = 30.0  # seconds; the pause doubles up to this
STOP_SECONDS = 5.0  # for the request in hand, before the child is killed
KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")  # of the environment
NOISE_OCTETS = 4096  # of stderr shown in one log line

Answer = tuple[dict[str, Any], bytes]

_log = Logger()


class Lost(Exception):  # noqa: N818 - a state of the world: ask again, or do not
    """The child died, or took too long, with the request in its hands."""


class Failed(Exception):  # noqa: N818 - the child's own answer
    """The child lives, but could not do what it was asked."""


@frozen
class Program:
    """Which module a child runs, and the limits of asking it.

    ``options`` stand before ``-m`` (``-W ignore``). ``children`` run at once;
    ``waiting`` requests may wait for one; ``seconds`` from asking to answer.
    """

    module: str
    arguments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    children: int = 1
    waiting: int = 1_000
    seconds: float = 60.0


@define(eq=False)
class _Request:
    header: frames.Header
    octets: bytes
    answer: "Deferred[Answer]" = field(factory=Deferred)
    timer: IDelayedCall | None = None


@define(eq=False, slots=False)
class _Child(ProcessProtocol):
    """One process and the request it has in hand."""

    owner: "Workers"
    request: _Request | None = None
    _frames: frames.Unpacker = field(factory=frames.Unpacker)

    @property
    def process(self) -> IProcessTransport:
        """The pipes and signals of the running process."""
        return cast("IProcessTransport", self.transport)

    def give(self, request: _Request) -> None:
        """Hand over a request; the child has none."""
        self.request = request
        self.process.writeSequence(frames.pack(request.header, request.octets))

    def kill(self) -> None:
        """End the process at once."""
        with suppress(ProcessExitedAlready):
            self.process.signalProcess("KILL")

    @override
    def outReceived(self, data: bytes) -> None:
        try:
            answers = self._frames.feed(data)
        except frames.BadFrame:
            self.kill()
            return
        for answer in answers:
            request, self.request = self.request, None
            if request is not None:
                self.owner.answered(request, answer)
        if answers:
            self.owner.free(self)

    @override
    def errReceived(self, data: bytes) -> None:
        text = data[-NOISE_OCTETS:].decode("utf-8", "replace")
        _log.warn("{module} says: {text}", module=self.owner.program.module, text=text)

    @override
    def processEnded(self, reason: Failure) -> None:
        self.owner.died(self, reason)


@define(eq=False)
class Workers:
    """The children of one program. ``start`` is not needed; ``stop`` is."""

    _reactor: IReactorTime
    program: Program
    _waiting: deque[_Request] = field(factory=deque)
    _children: list[_Child] = field(factory=list)
    _pause: float = 0.0
    _restart: IDelayedCall | None = None
    _stopping: bool = False
    _ended: "list[Deferred[None]]" = field(factory=list)

    async def ask(self, header: frames.Header, octets: bytes = b"") -> Answer:
        """Have a child answer; gives its header and octets.

        :raises Lost: the child died or the time passed; it may be asked again.
        :raises Failed: the child refused or failed, and lives.
        :raises Taken: too many requests wait, or we are stopping.
        """
        if self._stopping or len(self._waiting) >= self.program.waiting:
            raise Taken(f"{self.program.module} is busy")
        request = _Request(header, octets)
        request.timer = self._reactor.callLater(
            self.program.seconds, self._expired, request
        )
        self._waiting.append(request)
        self._serve()
        return await request.answer

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the children that live; tests end them."""
        found = (child.process.pid for child in self._children)
        return tuple(pid for pid in found if pid is not None)

    async def stop(self) -> None:
        """Take no more requests; children finish what they have, then end."""
        self._stopping = True
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        while self._waiting:
            self._fail(self._waiting.popleft(), Lost("stopped"))
        if not self._children:
            return
        for child in self._children:
            child.process.closeStdin()
        killer = self._reactor.callLater(STOP_SECONDS, self._kill)
        ended: Deferred[None] = Deferred()
        self._ended.append(ended)
        await ended
        if killer.active():
            killer.cancel()

    def answered(self, request: _Request, answer: Answer) -> None:
        """Pass on what a child answered (:class:`_Child` alone calls this)."""
        self._pause = 0.0
        header, _ = answer
        if "error" in header:
            self._fail(request, Failed(str(header["error"])))
            return
        self._forget(request)
        if not request.answer.called:  # else: whoever asked was cancelled
            request.answer.callback(answer)

    def free(self, child: _Child) -> None:
        """Give a child that answered the next request (same)."""
        if self._waiting and child.request is None and not self._stopping:
            child.give(self._waiting.popleft())

    def died(self, child: _Child, reason: Failure) -> None:
        """Start another one, later, if somebody waits (same)."""
        self._children.remove(child)
        if child.request is not None:
            self._fail(child.request, Lost(f"{self.program.module} died"))
        if self._stopping:
            if not self._children:
                for ended in self._ended:
                    ended.callback(None)
            return
        _log.warn(
            "{module} died: {why}",
            module=self.program.module,
            why=reason.getErrorMessage(),
        )
        self._pause = min(max(self._pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
        if self._restart is None:
            self._restart = self._reactor.callLater(self._pause, self._again)

    def _again(self) -> None:
        self._restart = None
        self._serve()

    def _serve(self) -> None:
        """Give what waits to idle children, and start one more where allowed."""
        for child in self._children:
            if self._waiting and child.request is None:
                child.give(self._waiting.popleft())
        while (
            self._waiting
            and self._restart is None
            and len(self._children) < self.program.children
        ):
            self._spawn().give(self._waiting.popleft())

    def _spawn(self) -> _Child:
        child = _Child(self)
        program = self.program
        command = [sys.executable, "-P", *program.options, "-m", program.module]
        self._children.append(child)
        IReactorProcess(self._reactor).spawnProcess(
            child,
            sys.executable,
            [*command, *program.arguments],
            env=_environment(),
        )
        return child

    def _expired(self, request: _Request) -> None:
        request.timer = None
        if request in self._waiting:
            self._waiting.remove(request)
        for child in self._children:
            if child.request is request:
                child.kill()
        self._fail(request, Lost(f"{self.program.module} took too long"))

    def _fail(self, request: _Request, error: Exception) -> None:
        self._forget(request)
        if not request.answer.called:
            request.answer.errback(Failure(error))

    def _forget(self, request: _Request) -> None:
        timer, request.timer = request.timer, None
        if timer is not None:
            timer.cancel()

    def _kill(self) -> None:
        for child in self._children:
            child.kill()


def _environment() -> dict[str, str]:
    """What a child is told: where our modules are, and nothing secret."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {"PYTHONPATH": os.path.dirname(os.path.dirname(mailsuite.__file__))}

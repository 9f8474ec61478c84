"""Doors whose client commands one thing after another, and is answered in order.

What comes while a command is served stays in the session; when that is much,
reading stops. A long pipeline gives way to others now and then.
"""

import typing
from abc import abstractmethod

from attrs import define, field
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater
from typing_extensions import override

from mailsuite.net.answering import Answering
from mailsuite.net.protocol import Gone

Event = typing.TypeVar("Event")
Asked_co = typing.TypeVar("Asked_co", covariant=True)

COMMANDS_PER_TURN = 32  # of one client's pipeline, then others get their turn


class Session(typing.Protocol[Asked_co]):
    """The protocol without input and output."""

    @property
    def full(self) -> bool:
        """Whether reading should stop until commands were served."""
        ...

    def feed(self, octets: bytes) -> None:
        """Take what was read."""

    def next_event(self) -> Asked_co | None:
        """Give the next command; None: more octets or an answer first."""

    def close(self) -> None:
        """Nothing more is asked of it."""


@define(eq=False, slots=False, repr=False)
class Talking(Answering, typing.Generic[Event]):
    """One connection. Doors say what a command does, and when it was the last."""

    _session: Session[Event] = field(init=False)
    _talking: bool = field(default=False, init=False)
    _paused: bool = field(default=False, init=False)
    _patience: IDelayedCall | None = field(default=None, init=False)

    @abstractmethod
    async def serve(self, event: Event) -> None:
        """Do one command and answer it."""

    @abstractmethod
    def failed(self, event: Event) -> None:
        """The unforeseen came in between: tell operators, and answer."""

    @abstractmethod
    def served(self) -> None:
        """A command was served: hang up if it was the last."""

    @override
    def received(self, data: bytes) -> None:
        self._session.feed(data)
        if self._session.full and not self._paused:
            self._paused = True
            self.pause()
        if not self._talking:
            self._talking = True
            self.tasks.launch("session", self._talk())

    @override
    def heard_out(self) -> None:
        if not self._talking:
            self.hang_up()

    async def _talk(self) -> None:
        """Serve every command that came; one runs for a connection at a time."""
        count = 0
        try:
            while (event := self._session.next_event()) is not None:
                await self._serve(event)
                self.served()
                self._read_on()
                await self.drained()
                count += 1
                if count % COMMANDS_PER_TURN == 0:
                    await self.rest()
            self._read_on()
        except Gone:
            pass
        finally:
            self._talking = False
        if self.heard:
            self.hang_up()

    async def rest(self) -> None:
        """Let others have their turn."""
        await deferLater(self.clock, 0)

    async def _serve(self, event: Event) -> None:
        try:
            await self.serve(event)
        except (Gone, CancelledError):
            raise
        except Exception:
            self.failed(event)

    def _read_on(self) -> None:
        """There may be room again."""
        if self._paused and not self._session.full:
            self._paused = False
            self.resume()

    # The patience with who does not log in.

    def expect_login(self, seconds: float) -> None:
        """Let ``timed_out`` be called if nobody logs in meanwhile."""
        self._patience = self.clock.callLater(seconds, self.timed_out)

    def stop_expecting(self) -> None:
        """The client logged in, or is gone."""
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        self._patience = None

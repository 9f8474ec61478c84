"""One IMAP connection: reads, has commands served in order, ends."""

from attrs import define, field
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IDelayedCall
from typing_extensions import override

from mailsuite.imap.commands import plain
from mailsuite.imap.dialogue import Dialogue
from mailsuite.imap.ground import Ground
from mailsuite.imap.talk import Talk
from mailsuite.net.answering import Answering
from mailsuite.net.protocol import Gone
from mailsuite.wire.imap.commands.table import State

HELD_OCTETS = 262_144  # read ahead of the command in hand; then reading rests
COMMANDS_PER_TURN = 50  # of one client's pipeline, then others get their turn
STOPPING = b"[UNAVAILABLE] Server is shutting down"


@define(eq=False, slots=False)
class Door(Answering):
    """The protocol of one connection; ``implicit`` starts TLS at once."""

    ground: Ground
    implicit: bool = False
    _talk: Talk = field(init=False)
    _dialogue: Dialogue = field(init=False)
    _serving: bool = field(default=False, init=False)
    _paused: bool = field(default=False, init=False)
    _leaving: bool = field(default=False, init=False)
    _patience: IDelayedCall | None = field(default=None, init=False)
    _reason: str = field(default="lost", init=False)
    _since: float = field(default=0.0, init=False)

    @override
    def opened(self) -> None:
        self._talk = Talk(self.ground, self, self._go_on, self._changed)
        self._dialogue = Dialogue(self._talk)
        self._since = self.clock.seconds()
        if self.implicit:
            self.secure(self.ground.contexts.creator())
        self._patience = self.clock.callLater(
            self.ground.settings.login_seconds, self._too_late
        )
        self.ground.events.happened("imap.connected", sid=self.session, rip=self.host)
        if not self.implicit:
            self._greet()

    @override
    def encrypted(self) -> None:
        """What can be offered in TLS is known after its handshake."""
        if self.implicit:
            self._greet()

    def _greet(self) -> None:
        offered = plain.capabilities(self._talk)
        self.send(b"* OK [CAPABILITY %b] IMAP server ready\r\n" % offered)

    @override
    def received(self, data: bytes) -> None:
        session = self._talk.session
        session.feed(data)
        if session.held > HELD_OCTETS and not self._paused:
            self._paused = True
            self.pause()
        self._go_on()

    @override
    def ended(self) -> None:
        self._stop_waiting()
        self._dialogue.close()
        self.ground.events.happened(
            "imap.closed",
            sid=self.session,
            user=self._talk.user,
            seconds=round(self.clock.seconds() - self._since, 3),
            reason=self._reason,
        )
        del self._talk, self._dialogue  # they know us: no circle of references stays

    @override
    def timed_out(self) -> None:
        """RFC 3501 §5.4; a command that runs is no silence, not to read its answer is."""
        if self._serving and not self.behind:
            self.idle_after(self.ground.settings.idle_seconds)
        else:
            self._bye(b"Timeout", "timeout")

    @override
    def leave(self) -> None:
        """The service stops: end now, or after the command in hand."""
        self._leaving = True
        if not self._serving:
            self._bye(STOPPING, "stopped")

    @override
    def heard_out(self) -> None:
        if not self._serving:
            self._end()

    def _changed(self) -> None:
        self._dialogue.changed()

    def _too_late(self) -> None:
        self._bye(b"Timeout", "timeout")

    def _go_on(self) -> None:
        """There is something to serve: octets came, or IDLE has news."""
        if not self._serving and not self.gone:
            self._serving = True
            self.tasks.launch("IMAP session", self._serve())

    async def _serve(self) -> None:
        """Serve all that came; one event at a time, in order."""
        talk, dialogue, served = self._talk, self._dialogue, 0
        talk.begins_turn()
        try:
            while (event := talk.session.next_event()) is not None or dialogue.waiting:
                await dialogue.serve(event)
                talk.send()
                await self.drained()
                self._look_up()
                served += 1
                if served % COMMANDS_PER_TURN == 0:
                    await talk.rest()
        except (Gone, CancelledError):
            pass
        finally:
            self._serving = False
        if self.heard and not self.gone:
            self._end()

    def _look_up(self) -> None:
        """After an event: end the connection if it is time, or read on."""
        talk, dialogue, settings = self._talk, self._dialogue, self.ground.settings
        if talk.user and self._patience is not None:
            self._stop_waiting()
            self.idle_after(settings.idle_seconds)
        if talk.leaving:
            self._reason = "logout"
            self._end()
        elif dialogue.over:
            self._bye(dialogue.over, "refused")
        elif dialogue.refusals >= settings.bad_commands:
            self._bye(b"Too many bad commands", "refused")
        elif talk.failures >= settings.login_attempts and not talk.user:
            self._bye(b"Too many failed logins", "failures")
        elif self._leaving and not dialogue.uploads.busy:
            self._bye(STOPPING, "stopped")
        elif self._paused and talk.session.held <= HELD_OCTETS:
            self._paused = False
            self.resume()

    def _stop_waiting(self) -> None:
        """The client logged in, or is gone."""
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        self._patience = None

    def _bye(self, text: bytes, reason: str) -> None:
        """Say why, and hang up."""
        self._reason = reason
        self.send(b"* BYE %b\r\n" % text)
        self._end()

    def _end(self) -> None:
        """Hang up after what was sent; nothing pipelined behind is run."""
        self._stop_waiting()
        self._talk.session.entered(State.LOGOUT)
        self.hang_up()

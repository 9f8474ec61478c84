"""What one session says to each event of its client, and by itself in IDLE."""

from collections.abc import Awaitable

from attrs import Factory, define, field
from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from mailsuite.imap import answers
from mailsuite.imap.answers import No
from mailsuite.imap.commands import login
from mailsuite.imap.commands.table import RUNNERS
from mailsuite.imap.idle import Idling
from mailsuite.imap.talk import Talk
from mailsuite.imap.uploads import Uploads, ends_all
from mailsuite.interfaces.mailboxes import NoSuchMailbox
from mailsuite.net.protocol import Gone
from mailsuite.wire.imap import responses
from mailsuite.wire.imap.events import (
    Block,
    Command,
    Event,
    Line,
    Refused,
    Upload,
    Uploaded,
)

_log = Logger()
_WITHIN = Block, Upload, Uploaded
"""What comes while messages before it are being stored."""


@define(eq=False)
class Dialogue:
    """Serves the events of one connection, one at a time.

    ``refusals`` counts what was answered BAD, after login in a row. ``over`` is what
    BYE says when the connection must end; ``news`` is set when IDLE has something to
    tell.
    """

    talk: Talk
    refusals: int = 0
    over: bytes = b""
    news: bool = False
    uploads: Uploads = field(
        init=False, default=Factory(lambda self: Uploads(self.talk), takes_self=True)
    )
    _idling: Idling | None = None

    def changed(self) -> None:
        """The selected mailbox changed."""
        if self._idling is not None:
            self._idling.changed()

    @property
    def waiting(self) -> bool:
        """Whether there is something to say without an event."""
        return self.news or bool(self.uploads.storing)

    def close(self) -> None:
        """The connection is gone."""
        self._end_idle()
        self.uploads.close()
        self.talk.close()

    async def serve(self, event: Event | None) -> None:
        """Do what an event asks for; None: all that came is served."""
        tag = _tag_of(self, event)
        if not isinstance(event, _WITHIN) or _waits(event):
            await self._settle()
        answer = await _outcome(self.talk, event, self._do(event))
        if answer is not None:
            await self._settle()
            await self._answer(tag, answer, event)

    async def _settle(self) -> None:
        """Answer the messages that are being stored, in their order."""
        while self.uploads.storing:
            tag, work = self.uploads.storing.pop(0)
            answer = await _outcome(self.talk, None, work)
            assert answer is not None
            await self._answer(tag, answer)

    async def _do(self, event: Event | None) -> bytes | None:
        if isinstance(event, Command):
            return await self._command(event)
        if isinstance(event, Block):
            await self.uploads.write(event.octets)
            return None
        if isinstance(event, Upload):
            await self._upload(event)
            return None
        if isinstance(event, Uploaded):
            if self.uploads.alone:
                await self._settle()
            return await self.uploads.finish()
        if isinstance(event, Line):
            return await self._line(event.text)
        if isinstance(event, Refused):
            self.uploads.spoil(event.text)
            if event.fatal:
                self.over = b"What follows cannot be told from commands"
            return event.text
        if event is None:
            await self._tell()
        else:
            self.talk.write(responses.CONTINUE)
        return None

    async def _command(self, command: Command) -> bytes | None:
        talk = self.talk
        if command.name == b"IDLE":
            await self._idle(command.tag)
            return None
        answer = await RUNNERS[command.name].run(talk, command.value)
        if answer is None:  # AUTHENTICATE waits for a response
            talk.tag = command.tag
            talk.session.lines = True
        return answer

    async def _answer(
        self, tag: bytes, text: bytes, event: Event | None = None
    ) -> None:
        """Tell what may be told now, and end the command."""
        talk = self.talk
        if text.startswith(b"BAD"):
            self.refusals += 1
        elif talk.user:  # one who logged in is let go for many in a row alone
            self.refusals = 0
        _ = await self._told(expunge=_lets_expunge(event))
        talk.write(responses.tagged(tag, text))
        starts = isinstance(event, Command) and event.name == b"STARTTLS"
        if starts and text.startswith(b"OK"):
            talk.send()
            talk.line.secure(talk.ground.contexts.creator())
            talk.session.secured()

    async def _told(self, *, expunge: bool) -> bool:
        """Say what is new, foremost in the selected mailbox; whether anything was."""
        others = self.talk.heard.taken() if self.talk.heard is not None else []
        for octets in others:
            self.talk.write(octets)
        selected = self.talk.selected
        if selected is None:
            return bool(others)
        try:
            if selected.stale:
                await selected.refresh()
        except NoSuchMailbox:
            self.over = b"The selected mailbox was deleted"
            return False
        said = selected.tell(expunge=expunge)
        for octets in said:
            self.talk.write(octets)
        return bool(said or others)

    async def _upload(self, upload: Upload) -> None:
        try:
            await self.uploads.begin(upload)
        except No as refused:
            if ends_all(upload, refused):
                self.over = b"The message is too large to be passed over"
            raise
        if upload.waits:
            self.talk.write(responses.CONTINUE)

    async def _line(self, text: bytes) -> bytes | None:
        """A line of AUTHENTICATE or IDLE."""
        talk = self.talk
        if talk.exchange is None:
            self._end_idle()
            return b"OK Done" if text.upper() == b"DONE" else b"BAD DONE expected"
        try:
            answer = await login.respond(talk, text)
        finally:
            if talk.exchange is None:
                talk.tag = b""
                talk.session.lines = False
        return answer

    async def _idle(self, tag: bytes) -> None:
        talk = self.talk
        talk.tag = tag
        talk.session.lines = True
        talk.write(b"+ Idling\r\n")
        if talk.selected is not None:
            talk.selected.stale = True
        clock, look = talk.ground.clock, talk.ground.settings.look_seconds
        self._idling = Idling(clock, self._ring, look)
        _ = await self._told(expunge=True)
        self._idling.begin()

    async def _tell(self) -> None:
        """Say what happened while the client is in IDLE."""
        self.news = False
        if self._idling is not None:
            told = await self._told(expunge=True)
            self.talk.write(self._idling.told(news=told))

    def _ring(self) -> None:
        """IDLE's news are due."""
        self.news = True
        if self.talk.selected is not None:
            self.talk.selected.stale = True
        self.talk.woken()

    def _end_idle(self) -> None:
        if self._idling is not None:
            self._idling.end()
            self._idling = None
        self.talk.tag = b""
        self.talk.session.lines = False


def _tag_of(dialogue: Dialogue, event: Event | None) -> bytes:
    """Which command an event's answer ends."""
    if isinstance(event, Command | Upload):
        return event.tag
    if dialogue.uploads.current is not None:
        return dialogue.uploads.current.tag
    return event.tag if isinstance(event, Refused) else dialogue.talk.tag


def _lets_expunge(event: Event | None) -> bool:
    """Whether an answer may tell that messages are gone (RFC 3501 §7.4.1).

    What was not understood may be a FETCH, a STORE, a SEARCH or no command at all.
    """
    runner = RUNNERS.get(event.name) if isinstance(event, Command) else None
    if runner is not None:
        return runner.expunge
    return not isinstance(event, Refused)


async def _outcome(
    talk: Talk, event: Event | None, work: Awaitable[bytes | None]
) -> bytes | None:
    """What a command is answered: its own text, or what became of it."""
    try:
        return await work
    except No as refused:
        return refused.text
    except (Gone, CancelledError):
        raise
    except answers.KNOWN as error:
        return answers.of(error)
    except Exception:
        return _unforeseen(talk, event)


def _waits(event: Event | None) -> bool:
    return isinstance(event, Upload) and event.waits


def _unforeseen(talk: Talk, event: Event | None) -> bytes:
    """Called where an exception is being caught."""
    _log.failure("IMAP session {sid} failed", sid=talk.line.session)
    name = event.name.decode("ascii") if isinstance(event, Command) else ""
    sid = talk.line.session
    talk.ground.events.happened("imap.failed", sid=sid, command=name)
    return answers.SERVERBUG

"""Messages that a client sends: one coming in, some of a pipeline being stored."""

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailsuite.imap.answers import No
from mailsuite.imap.commands import append
from mailsuite.imap.commands.append import Appending
from mailsuite.imap.talk import Talk
from mailsuite.wire.imap.events import Upload

STORING_MOST = 64  # messages of one pipeline that are stored at the same time
STORING_OCTETS = 32_768
"""Larger ones are stored one by one: a scan of 64 KiB, which line ends may make of
these, takes a while, others would overtake them, and UIDs rise as messages came."""


@define(eq=False)
class Uploads:
    """``current`` comes in; ``storing`` are whole, with their tags, in order."""

    talk: Talk
    current: Appending | None = None
    storing: list[tuple[bytes, Deferred[bytes]]] = field(factory=list)

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return self.current is not None or bool(self.storing)

    async def begin(self, upload: Upload) -> None:
        """Judge a message before it comes. :raises No: it is not wanted."""
        wanted = False
        try:
            self.current = await append.begin(self.talk, upload)
            wanted = True
        finally:
            if not wanted:
                self.talk.session.decline(upload)

    async def write(self, octets: bytes) -> None:
        """Take a block of the current message."""
        if self.current is not None:
            await self.current.write(octets)

    @property
    def alone(self) -> bool:
        """Whether the current message must wait for those before it."""
        assert self.current is not None
        large = self.current.upload.size > STORING_OCTETS
        return large or len(self.storing) >= STORING_MOST

    async def finish(self) -> bytes | None:
        """The current message is whole; None: it is stored with others."""
        current, self.current = self.current, None
        assert current is not None
        large = current.upload.size > STORING_OCTETS
        if large or not (self.talk.session.held or self.storing):
            return await current.finish(self.talk)
        work = Deferred.fromCoroutine(current.finish(self.talk))
        self.storing.append((current.tag, work))
        return None

    def spoil(self, fault: bytes) -> None:
        """The current message did not end as it should."""
        if self.current is not None:
            self.current.spoil(fault)
            self.current = None

    def close(self) -> None:
        """The connection is gone: leave nothing half."""
        self.spoil(b"NO")
        for _, work in self.storing:
            _ = work.addErrback(_dropped)
        self.storing.clear()


def _dropped(_: Failure) -> None:
    """Nobody is there to be told."""


def ends_all(upload: Upload, refused: No) -> bool:
    """Whether a refused message is too large to be passed over."""
    return refused.text == append.TOO_BIG and not upload.waits

"""Messages that lie in a mailbox, for the scripts that look at them there.

A small one is read at once; of a large one the header, and the rest if it is wanted.
"""

from attrs import define, evolve, field
from typing_extensions import override

from mailsuite.delivery.letters import HEADER_OCTETS, Case, Content, Opened, cut_at
from mailsuite.delivery.written import BLOCK_OCTETS, Written, kept, without_path
from mailsuite.interfaces.blobs import IBlobs, IOctets
from mailsuite.interfaces.mailboxes import IMailbox
from mailsuite.model.envelope import Blob
from mailsuite.model.errors import Damaged
from mailsuite.model.ids import Uid
from mailsuite.net.lanes import Lane
from mailsuite.sieve.message import Message

SMALL_OCTETS = 256 * 1024  # a message up to this size is read whole


async def looked_at(mailbox: IMailbox, uid: Uid) -> Opened:
    """Open a stored message. :raises KeyError, Damaged: it is gone, or unreadable."""
    octets = await mailbox.octets(uid)
    try:
        size = octets.size
        first = size if size <= SMALL_OCTETS else HEADER_OCTETS
        start = await _read(octets, 0, min(first, size))
    finally:
        octets.close()
    end = cut_at(start)
    if size <= SMALL_OCTETS:
        return Opened(Message(start[:end], size, lambda: start[end:]))
    content = Content()
    return Opened(Message(start[:end], size, content), content)


async def _read(octets: IOctets, start: int, length: int) -> bytes:
    found = await octets.read(start, length)
    if len(found) < length:
        raise Damaged("a message is shorter than its size")
    return found


@define(eq=False)
class Stored(Written):
    """The octets of a stored message, as it lies there or as a script left it."""

    _mailbox: IMailbox = field(kw_only=True)
    _uid: Uid = field(kw_only=True)
    _whole: Blob | None = None

    @classmethod
    def at(
        cls,
        blobs: IBlobs,
        lane: Lane,
        case: Case,
        opened: Opened,
        place: tuple[IMailbox, Uid],
    ) -> "Stored":
        """Of the message of that UID."""
        mailbox, uid = place
        return cls(blobs, lane, case, opened, mailbox=mailbox, uid=uid)

    @override
    async def __call__(self, message: Message | Blob) -> Blob:
        """A blob whose prefix is the Return-Path, if the message has one.

        :raises KeyError, Damaged, NoSpace: it cannot be had.
        """
        if isinstance(message, Blob):
            return message
        if not message.changed:
            if self._whole is None:
                self._whole = await self._copied()
            return self._whole
        known = self._made.get(id(message))
        if known is None:
            blob = await _divided(self._blobs, await self.octets(message))
            known = self._made[id(message)] = message, blob
        return known[1]

    @override
    async def read(self) -> None:
        """Have the content at hand. :raises KeyError, Damaged: it cannot be read."""
        content = self._opened.content
        if content is None or content.octets is not None:
            return
        octets = await self._mailbox.octets(self._uid)
        try:
            start = len(self._opened.message.header)
            content.octets = await _read(octets, start, octets.size - start)
        finally:
            octets.close()

    async def _copied(self) -> Blob:
        """The message as it lies there; in blocks if it is large."""
        if self._opened.content is None:
            message = self._opened.message
            return await _divided(self._blobs, message.header + message.content())
        octets = await self._mailbox.octets(self._uid)
        path = _path(self._opened.message.header)
        writer = self._blobs.create(octets.size)
        whole = False
        try:
            for start in range(len(path), octets.size, BLOCK_OCTETS):
                length = min(BLOCK_OCTETS, octets.size - start)
                if not writer.write(await _read(octets, start, length)):
                    await writer.drained()
            whole = True
        finally:
            octets.close()
            if not whole:
                writer.abort()
        return _behind(path, await writer.close())


async def _divided(blobs: IBlobs, octets: bytes) -> Blob:
    path = _path(octets)
    return _behind(path, await kept(blobs, octets[len(path) :]))


def _path(octets: bytes) -> bytes:
    """The Return-Path at the beginning."""
    return octets[: len(octets) - len(without_path(octets))]


def _behind(path: bytes, blob: Blob) -> Blob:
    return evolve(blob, prefix=path, size=len(path) + blob.size) if path else blob

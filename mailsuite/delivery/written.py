"""Messages that scripts edited, as octets: made once for all actions that want them."""

from attrs import define, evolve, field

from mailsuite.delivery.letters import Case, Opened
from mailsuite.interfaces.blobs import IBlobs
from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob
from mailsuite.net.lanes import Lane
from mailsuite.sieve.message import Message

MEMORY_OCTETS = 1 << 20  # an edited message above it becomes a file, as others do
INLINE_OCTETS = 32 * 1024  # an edited message above it is put together on a thread
BLOCK_OCTETS = 256 << 10
RETURN_PATH = b"return-path:"


@define(eq=False)
class Written:
    """The octets of one case's messages. What was not edited is as it came."""

    _blobs: IBlobs
    _lane: Lane
    _case: Case
    _opened: Opened
    _made: dict[int, tuple[Message, Blob]] = field(factory=dict)

    @property
    def message(self) -> Message:
        """The message as it came."""
        return self._opened.message

    async def __call__(self, message: Message | Blob) -> Blob:
        """The blob of a message, with Return-Path (RFC 5321 §4.4)."""
        if isinstance(message, Blob):
            return message
        if not message.changed:
            return self._case.blob
        known = self._made.get(id(message))
        if known is None:
            octets = self._without_ours(await self.octets(message))
            path = return_path(self._case.sender)
            blob = await kept(self._blobs, octets)
            blob = evolve(blob, prefix=path, size=len(path) + blob.size)
            known = self._made[id(message)] = message, blob
        return known[1]

    def _without_ours(self, octets: bytes) -> bytes:
        """What is edited without the Return-Path that we put first.

        Fields that a script adds stand before it.
        """
        whole = self._case.blob.prefix
        ours = whole[: len(whole) - len(without_path(whole))]
        if octets.startswith(ours):
            return octets[len(ours) :]
        before, found, behind = octets.partition(b"\n" + ours)
        return before + b"\n" + behind if found else octets

    async def read(self) -> None:
        """Have the content at hand. :raises Damaged: it cannot be read."""
        content = self._opened.content
        if content is not None and content.octets is None:
            whole = await self._blobs.content(self._case.blob)
            content.octets = whole[len(self._opened.message.header) :]

    async def octets(self, message: Message) -> bytes:
        """The whole octets of a message as it is now."""
        await self.read()
        if message.size <= INLINE_OCTETS:
            return message.written()
        return await self._lane.run(message.written)


async def kept(blobs: IBlobs, octets: bytes) -> Blob:
    """A blob of these octets; a file if they are many."""
    if len(octets) <= MEMORY_OCTETS:
        return blobs.kept(octets)
    writer = blobs.create(len(octets))
    for at in range(0, len(octets), BLOCK_OCTETS):
        if not writer.write(octets[at : at + BLOCK_OCTETS]):
            await writer.drained()
    return await writer.close()


def return_path(sender: Address | None) -> bytes:
    """The field of a final delivery."""
    return f"Return-Path: <{sender or ''}>\r\n".encode()


def without_path(octets: bytes) -> bytes:
    """A prefix or message without the Return-Path at its beginning.

    Who hands mail on is not its final delivery (RFC 5321 §4.4).
    """
    if octets[: len(RETURN_PATH)].lower() != RETURN_PATH:
        return octets
    return octets[octets.find(b"\r\n") + 2 :]

"""GETMETADATA and SETMETADATA (RFC 5464 §4)."""

from mailsuite.imap.talk import Talk
from mailsuite.wire.imap.commands import metadata
from mailsuite.wire.imap.commands.metadata import GetMetadata, SetMetadata

BLOCK_OCTETS = 65_536  # of values in one response, about


async def get(talk: Talk, asked: GetMetadata) -> bytes:
    """§4.2: what there is, in one response or more."""
    found = metadata.found(asked, await talk.account.annotations(asked.mailbox))
    block: list[tuple[str, bytes | None]] = []
    octets = 0
    for entry, value in found.entries:
        block.append((entry, value))
        octets += len(value or b"")
        if octets >= BLOCK_OCTETS:
            talk.write(metadata.values(asked.mailbox, block))
            block, octets = [], 0
            await talk.flush()
    if block:
        talk.write(metadata.values(asked.mailbox, block))
    if found.longest:
        return b"OK [METADATA LONGENTRIES %d] Done" % found.longest
    return b"OK Done"


async def set_(talk: Talk, asked: SetMetadata) -> bytes:
    """§4.3: all of it or nothing; other sessions of the account hear of it."""
    await talk.account.annotate(asked.mailbox, asked.changes)
    talk.ground.tidings.spread(talk, asked.mailbox, asked.changes)
    return b"OK Done"

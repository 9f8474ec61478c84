"""Answers that are not stored yet: mail from outside is scanned when it is read."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from mailsuite.interfaces.blobs import IOctets
from mailsuite.mime import headers
from mailsuite.mime.scan import scan
from mailsuite.model.changes import Batch, Need
from mailsuite.model.errors import Damaged
from mailsuite.model.ids import Uid
from mailsuite.store import reading
from mailsuite.store.insert import Wide
from mailsuite.store.reading import Answer
from mailsuite.store.scanning import Scanner, widened
from mailsuite.store.shelf import Shelf

Stored = tuple[bytes, ...]

_EMPTY = widened(scan(b""), b"")


@frozen
class Source:
    """Where a mailbox's octets come from, and where scans of them go."""

    shelf: Shelf
    scanner: Scanner
    octets: Callable[[Uid], Awaitable[IOctets]]


async def batch(
    source: Source, found: Sequence[Answer], needs: Sequence[Need]
) -> Batch:
    """A batch of answers; what was not scanned is, and long headers are read."""
    uids, _, *columns = zip(*found, strict=True)
    if any(None in column for column in columns):
        columns = list(zip(*await _completed(source, found, needs), strict=True))
    return Batch(uids, dict(zip(needs, columns, strict=True)))


async def _completed(
    source: Source, found: Sequence[Answer], needs: Sequence[Need]
) -> Sequence[Stored]:
    rows: list[Stored] = []
    scans: list[tuple[int, Wide]] = []
    for uid, email, *row in found:
        parts = tuple(part for part in row if part is not None)
        if len(parts) < len(row):
            try:
                parts = await _scanned(source, Uid(uid), email, needs, scans)
            except (KeyError, Damaged):
                parts = tuple(map(_known, row, needs))
        rows.append(parts)
    if scans:
        await source.shelf.run(reading.keep_wide, scans)
    return rows


def _known(part: bytes | None, need: Need) -> bytes:
    """What is stored; of a message that cannot be read what an empty one has."""
    found: bytes = getattr(_EMPTY, need.value) if part is None else part
    return found


async def _scanned(
    source: Source,
    uid: Uid,
    email: int,
    needs: Sequence[Need],
    scans: list[tuple[int, Wide]],
) -> Stored:
    octets = await source.octets(uid)
    try:
        whole = await octets.read(0, octets.size)
    finally:
        octets.close()
    wide = await source.scanner.octets(whole)
    if wide is None:
        raise Damaged("the message cannot be scanned now")
    scans.append((email, wide))
    header = whole[: wide.header_size]
    of_header = {Need.HEADER: header, Need.USUAL: headers.usual(header)}
    return tuple(
        of_header[need] if need in of_header else getattr(wide, need.value)
        for need in needs
    )

"""Answers that are not stored yet: mail from outside is scanned when it is read."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from mailsuite.interfaces.blobs import IOctets
from mailsuite.model.changes import Batch, Need
from mailsuite.model.errors import Damaged
from mailsuite.model.ids import Uid
from mailsuite.store import reading
from mailsuite.store.index import Index
from mailsuite.store.insert import Wide
from mailsuite.store.reading import Answer
from mailsuite.store.scanning import Scanner
from mailsuite.store.shelf import Shelf

_FIELDS = {
    Need.ENVELOPE: "envelope",
    Need.STRUCTURE: "structure",
    Need.PARTS: "parts",
    Need.HEADER: "header",
}

Stored = tuple[bytes, ...]


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
    rows: list[Stored] = []
    scans: list[tuple[int, Wide]] = []
    for uid, email, row in found:
        parts = tuple(part for part in row if part is not None)
        if len(parts) < len(row):
            try:
                parts = await _scanned(source, Uid(uid), email, needs, scans)
            except (KeyError, Damaged):
                parts = tuple(part or b"" for part in row)
        rows.append(parts)
    if scans:
        await source.shelf.run(_keep_wide, scans)
    columns = list(zip(*rows, strict=True))
    return Batch(
        [Uid(answer[0]) for answer in found],
        {need: columns[n] for n, need in enumerate(needs)},
    )


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
    return tuple(
        header if need is Need.HEADER else getattr(wide, _FIELDS[need])
        for need in needs
    )


def _keep_wide(index: Index, scans: Sequence[tuple[int, Wide]]) -> None:
    reading.keep_wide(
        index,
        [
            (email, w.envelope, w.structure, w.parts, w.header, w.header_size)
            for email, w in scans
        ],
    )

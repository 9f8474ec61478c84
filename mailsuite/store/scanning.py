"""MIME scans of messages that come in: small ones here, large ones in a child.

A scan of a megabyte may take tens of milliseconds of pure Python, so that only
small messages are scanned on the reactor, and after a few milliseconds of that
other work of the reactor gets its chance. Small ones of APPEND are scanned by their
lane, which has nothing else to do while the journal is written.
"""

import os
import sys
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from mailsuite.mime.scan import Scan, scan
from mailsuite.model.envelope import Blob
from mailsuite.model.errors import Damaged, Taken
from mailsuite.net import child, workers
from mailsuite.store import maildir
from mailsuite.store.insert import HEADER_OCTETS, Wide

SMALL_OCTETS = 65_536  # scanned at once
SLICE_SECONDS = 0.005  # of scanning in one turn of the reactor
REMEMBERED = 64  # scans of messages with several recipients

_SIZES = ("envelope", "structure", "parts", "header", "usual")


@define(eq=False)
class Scanner:
    """Scans for every account of the process."""

    _reactor: IReactorTime
    _children: workers.Workers = field(init=False)
    _recent: "OrderedDict[tuple[str, bytes], Wide]" = field(factory=OrderedDict)
    _spent: float = 0.0
    """Seconds in this turn; up to half of the slice may be of turns before it."""
    _relieved: bool = True

    def __attrs_post_init__(self) -> None:
        self._children = workers.Workers(
            self._reactor, workers.Program("mailsuite.store.scanning", children=1)
        )

    def known(self, blob: Blob) -> Wide | None:
        """What is known of a message, or is found out at once: most are small."""
        known = self._recent.get((blob.key, blob.prefix))
        if known is not None or blob.octets is None:
            return known
        if blob.size > SMALL_OCTETS or self._spent >= SLICE_SECONDS:
            return None
        wide = self._scanned(blob.prefix + blob.octets)
        self._remember(blob, wide)
        return wide

    async def blob(self, blob: Blob) -> Wide | None:
        """Scan a message; None: no scan could be had, reading will try again."""
        if known := self.known(blob):
            return known
        if blob.octets is None:
            wide = await self._large({"path": blob.path}, blob.prefix)
        else:
            wide = await self.octets(blob.prefix + blob.octets)
        if wide is not None:
            self._remember(blob, wide)
        return wide

    def _remember(self, blob: Blob, wide: Wide) -> None:
        if blob.key:
            self._recent[blob.key, blob.prefix] = wide
            if len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)

    async def octets(self, octets: bytes) -> Wide | None:
        """Scan octets."""
        if len(octets) > SMALL_OCTETS:
            return await self._large({}, octets)
        if self._spent >= SLICE_SECONDS:
            await deferLater(self._reactor, 0)
        return self._scanned(octets)

    def _scanned(self, octets: bytes) -> Wide:
        began = self._reactor.seconds()
        wide = widened(scan(octets), octets)
        self._spent += self._reactor.seconds() - began
        if self._relieved and self._spent >= SLICE_SECONDS / 2:
            self._relieved = False
            _ = self._reactor.callLater(0, self._relieve)
        return wide

    def _relieve(self) -> None:
        self._spent, self._relieved = 0.0, True

    async def _large(self, header: Mapping[str, Any], octets: bytes) -> Wide | None:
        with suppress(workers.Lost, workers.Failed, Taken):
            told, body = await self._children.ask(dict(header), octets)
            return _unpacked(told, body)
        return None

    async def stop(self) -> None:
        """End the child."""
        await self._children.stop()


def is_small(blob: Blob) -> bool:
    """Whether any thread may scan it: large ones are for the child."""
    return blob.octets is not None and blob.size <= SMALL_OCTETS


def widened(found: Scan, octets: bytes) -> Wide:
    """A scan as it is kept, with the header and fields of it unless they are long."""
    size = found.header_size
    usual = found.usual
    return Wide(
        found.envelope,
        found.structure,
        found.parts,
        octets[:size] if size <= HEADER_OCTETS else None,
        size,
        usual if len(usual) <= HEADER_OCTETS else None,
    )


def _answer(
    header: Mapping[str, Any], octets: bytes
) -> tuple[Mapping[str, Any], bytes]:
    """In the child: scan octets, or a file after a prefix."""
    if "path" in header:
        descriptor = maildir.open_read(header["path"])
        with os.fdopen(descriptor, "rb") as file:
            octets += file.read()
    wide = widened(scan(octets), octets)
    fields = [getattr(wide, name) or b"" for name in _SIZES]
    told = dict(zip(_SIZES, map(len, fields), strict=True))
    told["header_size"] = wide.header_size
    return told, b"".join(fields)


def _unpacked(told: Mapping[str, Any], body: bytes) -> Wide:
    parts = {}
    at = 0
    for name in _SIZES:
        parts[name] = body[at : at + told[name]]
        at += told[name]
    if at != len(body):
        raise Damaged("a scan was cut short")
    size = told["header_size"]
    return Wide(
        parts["envelope"],
        parts["structure"],
        parts["parts"],
        parts["header"] if size <= HEADER_OCTETS else None,
        size,
        parts["usual"] or None,
    )


if __name__ == "__main__":
    child.serve(_answer)
    sys.exit(0)

"""Search keys that need headers or octets: text, and the Date field.

Exact: text is decoded (RFC 2047, transfer encodings, charsets) and compared
without regard to case. A message whose octets are its text, because nothing in it
is encoded, is passed over without being decoded if they do not hold what is sought.
"""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from functools import lru_cache

from attrs import define

from mailsuite.imap import facts
from mailsuite.imap.ahead import Ahead
from mailsuite.imap.talk import Talk
from mailsuite.interfaces.mailboxes import IMailbox
from mailsuite.mime import addresses, dates, headers, several, structure, text, words
from mailsuite.mime.envelope import ADDRESSES
from mailsuite.mime.quoting import unfolded
from mailsuite.model.changes import Need
from mailsuite.model.errors import Damaged
from mailsuite.model.ids import Uid
from mailsuite.wire.imap.commands.search import Date, Order, Text, Where

_DAY = 86_400  # seconds
_CODED = re.compile(
    rb'base64|quoted-printable|"charset" '
    rb'(?!"(?:us-ascii|utf-8|iso-8859-\d{1,2}|windows-125\d)")'
)
"""An encoding, or a charset in which ASCII may stand for something else: UTF-7,
ISO 2022, HZ, EBCDIC."""
DECODED = 1_000  # values remembered in a search: many come from the same people
DECODED_OCTETS = 1_000  # of the longest that is remembered
VALUES_OCTETS = 16_384  # looked through at once; some milliseconds
GLANCE_OCTETS = 2_097_152  # larger messages are decoded piece by piece at once


@define(eq=False)
class Looking:
    """Looks through messages of one mailbox for one session."""

    talk: Talk
    mailbox: IMailbox

    async def find(self, key: Text | Date, uids: Sequence[Uid]) -> AsyncIterator[Uid]:
        """Those of ``uids`` that have the key."""
        if isinstance(key, Date):
            found = self._dated(key, uids)
        elif key.where is Where.HEADER:
            found = self._named(key, uids)
        else:
            found = self._texts(key, uids)
        async for uid in found:
            yield uid

    async def _named(self, key: Text, uids: Sequence[Uid]) -> AsyncIterator[Uid]:
        name = key.name.encode("latin-1", "replace")
        values, needle = several.values(name), key.text.casefold()
        says = _saying(needle)
        if name.lower() in ADDRESSES:
            says = _naming(needle, says)
        need = facts.need_of([name])
        async for batch in self.mailbox.read(uids, [need]):
            told, seen = -1, 0
            for place, value in values(batch.columns[need]):
                if place != told and says(value):
                    told = place
                    yield batch.uids[place]
                seen += len(value)
                if seen >= VALUES_OCTETS:
                    seen = 0
                    await self.talk.flush()
            await self.talk.flush()

    async def _dated(self, key: Date, uids: Sequence[Uid]) -> AsyncIterator[Uid]:
        async for batch in self.mailbox.read(uids, [Need.USUAL]):
            for uid, header in zip(batch.uids, batch.columns[Need.USUAL], strict=True):
                if _sent_fits(key, headers.value(header, b"date")):
                    yield uid
            await self.talk.flush()

    async def _texts(self, key: Text, uids: Sequence[Uid]) -> AsyncIterator[Uid]:
        needle = key.text.casefold()
        async for batch in self.mailbox.read(uids, [Need.PARTS]):
            ahead = Ahead(self.mailbox, batch.uids)
            try:
                for uid, parts in zip(
                    batch.uids, batch.columns[Need.PARTS], strict=True
                ):
                    if await self._holds(key.where, ahead, parts, needle):
                        yield uid
                    await self.talk.flush()
            finally:
                ahead.close()

    async def _holds(
        self, where: Where, ahead: Ahead, parts: bytes, needle: str
    ) -> bool:
        """Whether the next message holds the text."""
        if not needle:
            return True
        octets = await _whole(ahead)
        if not octets or (_is_bare(octets, parts) and not _may_hold(octets, needle)):
            return False
        root = structure.decode(parts, extended=False)
        pieces = text.searchable(octets, root, header=where is Where.TEXT)
        for window in text.windows(pieces, len(needle)):
            if needle in window:
                return True
            await self.talk.flush()
        return False


async def _whole(ahead: Ahead) -> bytes:
    """The next message's octets; none where they cannot be read."""
    try:
        octets = await ahead.take()
    except (KeyError, Damaged):
        return b""
    try:
        return await octets.read(0, octets.size)
    except Damaged:
        return b""
    finally:
        octets.close()


def _saying(needle: str) -> Callable[[bytes], bool]:
    """Give the test whether a field's value holds a case-folded text."""
    raw = needle.encode("ascii") if needle.isascii() else None

    def decoded(value: bytes) -> bool:
        return needle in words.decode(value).casefold()

    remembered = lru_cache(DECODED)(decoded)

    def says(value: bytes) -> bool:
        if raw is None or b"=?" in value or not value.isascii():
            return (remembered if len(value) <= DECODED_OCTETS else decoded)(value)
        return raw in unfolded(value).replace(b"\0", b"").lower()

    return says


def _naming(needle: str, says: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    """Do ``says``, and look at addresses as ENVELOPE has them (RFC 3501 §6.4.4).

    Comments and quotes within them are not part of what they say.
    """
    dressed = re.compile(rb'[(\\"]' if " " in needle else rb"[(\\]")

    def names(value: bytes) -> bool:
        if says(value):
            return True
        return dressed.search(value) is not None and needle in _addressed(value)

    return names


def _addressed(value: bytes) -> str:
    found = addresses.parse(value)
    return ", ".join([f"{m.display} <{m.local}@{m.domain}>" for m in found]).casefold()


def _is_bare(octets: bytes, parts: bytes) -> bool:
    """Whether the octets are the text: ASCII, in which nothing is encoded."""
    return (
        len(octets) <= GLANCE_OCTETS
        and not _CODED.search(parts.lower())
        and octets.isascii()
        and b"=?" not in octets
        and b"\0" not in octets
    )


def _may_hold(octets: bytes, needle: str) -> bool:
    """Whether decoding could find a text in bare octets; lines may be folded."""
    raw, lowered = needle.encode("utf-8"), octets.lower()
    if raw in lowered or not needle.isprintable():
        return True
    return b" " in raw and raw in lowered.replace(b"\r\n", b"").replace(b"\n", b"")


def _sent_fits(key: Date, value: bytes | None) -> bool:
    """The day as the sender's clock showed it (RFC 3501 §6.4.4: no timezone)."""
    found = dates.parse(value) if value is not None else None
    if found is None:
        return False
    seconds, zone = found
    local = int(seconds) + zone * 60
    day = local - local % _DAY
    match key.order:
        case Order.BELOW:
            return day < key.day
        case Order.SAME:
            return day == key.day
        case _:
            return day >= key.day

"""SEARCH and UID SEARCH (RFC 3501 §6.4.4)."""

from mailsuite.imap.searching import Searching
from mailsuite.imap.talk import Talk
from mailsuite.wire.imap.commands.search import Search


async def search(talk: Talk, asked: Search) -> bytes:
    """Exact over all that was told; numbers or UIDs in one line."""
    selected = talk.chosen
    if selected.stale:
        await selected.refresh()
    view = selected.view
    positions = await Searching.of(talk, selected).run(asked.key)
    found = (
        view.uids(positions) if asked.uid else [position + 1 for position in positions]
    )
    talk.write(b"".join([b"* SEARCH", *[b" %d" % number for number in found], b"\r\n"]))
    return b"OK Done"

"""FETCH and UID FETCH (RFC 3501 §6.4.5, §7.4.2)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from mailsuite.imap import answers, bodies, facts, happening
from mailsuite.imap.ahead import Ahead
from mailsuite.imap.facts import Plan
from mailsuite.imap.selected import Selected
from mailsuite.imap.talk import Talk
from mailsuite.model.changes import Batch, Need
from mailsuite.model.errors import Damaged, NoSpace
from mailsuite.model.flags import SEEN
from mailsuite.model.ids import Uid
from mailsuite.wire.imap import responses
from mailsuite.wire.imap.commands.fetch import Fact, Fetch, Item
from mailsuite.wire.imap.sections import Section

ROWS_PER_BLOCK = 500  # messages rendered at once; some milliseconds of work
BODIES_PER_BLOCK = 50  # messages whose octets are sent between two marks of \Seen

_Places = tuple[Sequence[int], Sequence[int]]


async def fetch(talk: Talk, asked: Fetch) -> bytes:
    """Say each message's items in blocks, as fast as the client reads."""
    selected = talk.chosen
    if selected.stale:
        await selected.refresh()
    if Fact.EMAIL in asked.items:
        with suppress(NoSpace):  # what is told of ids stays so (RFC 8474 §5.1)
            _ = await talk.account.synced()
    positions = selected.positions(asked.numbers, uid=asked.uid)
    plan = Plan.of(asked.items)
    seen = not selected.read_only and any(
        isinstance(item, Section) and not item.peek for item in asked.items
    )
    telling = Plan.of(_with_flags(asked.items)) if seen else plan
    size = BODIES_PER_BLOCK if plan.bodies else ROWS_PER_BLOCK
    said = 0
    unreadable: Damaged | None = None
    for start in range(0, len(positions), size):
        block = positions[start : start + size]
        marked = await _mark(talk, block) if seen else ()
        found, failed = await _block(talk, telling if marked else plan, block)
        if failed is None:
            selected.view.changed.difference_update(marked)
        said += found
        unreadable = failed or unreadable
        await talk.flush()
    if unreadable is not None:
        raise unreadable
    return b"OK Done" if said == len(positions) else answers.ISSUED


def _with_flags(items: tuple[Item, ...]) -> tuple[Item, ...]:
    r"""The items, and flags beside them: where \Seen is set they tell it (§6.4.5)."""
    return items if Fact.FLAGS in items else (Fact.FLAGS, *items)


async def _mark(talk: Talk, positions: Sequence[int]) -> Sequence[Uid]:
    r"""Set \Seen where it is not; whose flags are others now."""
    selected = talk.chosen
    view = selected.view
    before = view.columns
    _, rows = view.rows(positions)
    unseen = [SEEN not in names for names in view.columns.table.sets]
    codes, column = view.columns.flags, view.columns.uid
    uids = [Uid(column[row]) for row in rows if unseen[codes[row]]]
    if not uids:
        return ()
    try:
        stored = await selected.mailbox.store(uids, frozenset({SEEN}), frozenset())
    except NoSpace:
        return ()  # on a full disk mail can be read all the same
    await selected.refresh()
    await happening.flagged(talk, before, stored, frozenset({SEEN}))
    return stored.uids


async def _block(
    talk: Talk, plan: Plan, positions: Sequence[int]
) -> tuple[int, Damaged | None]:
    """Say some messages; how many of them were there, and what was unreadable."""
    selected = talk.chosen
    if Fact.FLAGS in plan.bulk:  # a keyword is told of before messages have it
        talk.write(b"".join(selected.new_flags()))
    if plan.numbers:  # these are known of what went, too
        places: _Places = positions, positions
    else:
        places = selected.view.rows(positions)
    if not plan.needs:
        return len(places[0]), await _say(talk, plan, places, None)
    said = 0
    unreadable: Damaged | None = None
    async for batch in _read(selected, plan.needs, places):
        found = _matching(selected, places, batch)
        unreadable = await _say(talk, plan, found, batch) or unreadable
        said += len(found[0])
    return said, unreadable


def _read(
    selected: Selected, needs: Sequence[Need], places: _Places
) -> AsyncIterator[Batch]:
    uids = [Uid(uid) for uid in selected.view.uids(places[0])]
    return selected.mailbox.read(uids, needs)


def _matching(selected: Selected, places: _Places, batch: Batch) -> _Places:
    """The places that a batch is of; most often they are all of them."""
    positions, rows = places
    wanted = selected.view.uids(positions)
    if len(wanted) == len(batch.uids) and list(wanted) == list(batch.uids):
        return places
    index = {uid: number for number, uid in enumerate(wanted)}
    found = [index[uid] for uid in batch.uids]
    return [positions[number] for number in found], [rows[number] for number in found]


async def _say(
    talk: Talk, plan: Plan, places: _Places, batch: Batch | None
) -> Damaged | None:
    if not len(places[0]):
        return None
    lines = facts.rendered(plan, talk.chosen, places, batch)
    if not plan.bodies:
        lines.append(b"")
        talk.write(responses.content(b")\r\n".join(lines)))
        await talk.flush()
        return None
    parts: Sequence[bytes | None] = [None] * len(lines)
    if batch is not None and Need.PARTS in batch.columns:
        parts = batch.columns[Need.PARTS]
    uids = [Uid(uid) for uid in talk.chosen.view.uids(places[0])]
    ahead = Ahead(talk.chosen.mailbox, uids)
    unreadable: Damaged | None = None
    try:
        for line, tree in zip(lines, parts, strict=True):
            try:
                await _say_bodies(talk, plan, line, ahead, tree)
            except Damaged as error:
                unreadable = error  # it stops no other message
    finally:
        ahead.close()
    return unreadable


async def _say_bodies(
    talk: Talk, plan: Plan, line: bytes, ahead: Ahead, parts: bytes | None
) -> None:
    try:
        octets = await ahead.take()
    except KeyError:
        return  # expunged by another session a moment ago
    try:
        await bodies.write(talk, responses.content(line), plan.bodies, octets, parts)
    finally:
        octets.close()
    await talk.flush()

"""What an index takes from its databases into memory, at opening and afterwards."""

from mailsuite.model.ids import MailboxId
from mailsuite.store import annotations, letters, namesakes
from mailsuite.store.box import Box, Tally
from mailsuite.store.facts import Mailbox
from mailsuite.store.index import Index, Log


def load(index: Index) -> None:
    """Take over what the databases say, once, at opening."""
    meta = dict(index.rows.execute("SELECT key, value FROM meta").fetchall())
    index.modseq = int(meta.get("modseq", 1))
    index.email = int(meta.get("email", 0))
    index.once = {
        row[:3]: row[3:]
        for row in index.rows.execute(
            "SELECT source, recipient, action, mailbox, uid, email, drafts FROM once"
        ).fetchall()
    }
    refresh(index)


def refresh(index: Index) -> None:
    """Take over the facts; boxes that are known keep what they count."""
    state = {
        row[0]: row[1:]
        for row in index.rows.execute(
            "SELECT mailbox, uidnext, recent, modseq FROM box"
        ).fetchall()
    }
    boxes = {}
    rows = index.facts.mailboxes()
    namesakes.note(index.rows, rows)
    for row in rows:
        box = index.boxes.get(MailboxId(row.id))
        if box is None:
            box = _box(index, row)
            box.uidnext, box.recent, box.modseq = state.get(
                row.id, (row.uid_limit, 1, index.modseq)
            )
            _load_flags(index, box)
        box.name, box.use, box.selectable = row.name, row.use, row.selectable
        box.guid, box.directory = row.guid, row.directory
        box.path = index.place.path(row.directory)
        boxes[box.id] = box
    index.boxes = boxes
    index.names = {box.name: box for box in boxes.values()}
    index.subscribed = frozenset(index.facts.subscriptions())
    index.annotated = annotations.annotated(index.facts.database)


def _box(index: Index, row: Mailbox) -> Box:
    return Box(
        MailboxId(row.id),
        row.name,
        row.directory,
        index.place.path(row.directory),
        row.uidvalidity,
        row.uid_limit,
        row.guid,
    )


def _load_flags(index: Index, box: Box) -> None:
    box.sets, box.codes = [frozenset()], {frozenset(): 0}
    box.tallies = [Tally()]
    for code, text, messages, octets in index.rows.execute(
        "SELECT code, names, messages, octets FROM flagset"
        " WHERE mailbox = ? ORDER BY code",
        (box.id,),
    ).fetchall():
        while len(box.sets) <= code:
            box.sets.append(frozenset())
            box.tallies.append(Tally())
        flags = frozenset(text.split())
        box.sets[code] = flags
        box.codes[flags] = code
        box.tallies[code] = Tally(messages, octets)
    box.keywords = [
        name
        for (name,) in index.rows.execute(
            "SELECT name FROM keyword WHERE mailbox = ? ORDER BY n", (box.id,)
        ).fetchall()
    ]
    if not box.keywords:
        box.keywords = [
            name or f"$gap{n}" for n, name in enumerate(letters.read(box.path))
        ]
    box.spelled = {name.lower(): name for name in box.keywords}


def number(index: Index) -> None:
    """Find out whether the last stop was clean; go on at the limits if not."""
    exact = index.modseq + 1 == index.facts.modseq_limit and all(
        box.uidnext == box.uid_limit for box in index.boxes.values()
    )
    if not exact:
        index.unclean = True
        index.modseq = max(index.modseq, index.facts.modseq_limit)
        index.email = max(index.email, index.facts.email_limit)
        for box in index.boxes.values():
            box.uidnext = max(box.uidnext, box.uid_limit)
            box.modseq = index.modseq
        index.recount(index.boxes.values())
    index.log = Log(index.modseq)

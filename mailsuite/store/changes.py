"""What followers read of an account's changes: the lane's part (IChanges)."""

import os
from collections.abc import Iterable, Sequence

from mailsuite.model.ids import EmailId, MailboxId, ModSeq, Uid
from mailsuite.store import maildir
from mailsuite.store.index import CHANGED, Index
from mailsuite.store.reading import as_json

Since = tuple[ModSeq, list[tuple[EmailId, str]], list[EmailId]]


def since(index: Index, modseq: int, limit: int) -> Since:
    """Emails added and gone after ``modseq``, about ``limit`` of them.

    A transaction is never cut, so that the ModSeq reached covers it.
    """
    if modseq >= index.modseq:
        return ModSeq(index.modseq), [], []
    gather = _from_tables if modseq < index.log.floor else _from_log
    reached, came, went = gather(index, modseq, limit)
    present = {email for email, _ in _paths(index, sorted(went))}
    added = _paths(index, sorted(came - (went - present)))
    return reached, added, [EmailId(email) for email in sorted(went - present)]


def _from_log(
    index: Index, modseq: int, limit: int
) -> tuple[ModSeq, set[int], set[int]]:
    log = index.log
    rows = zip(log.moments(modseq), log.since(modseq) or (), strict=True)
    return _gathered(
        index,
        modseq,
        limit,
        (
            (moment, email, kind > CHANGED)
            for moment, (_, _, kind, email) in rows
            if kind != CHANGED
        ),
    )


def _from_tables(
    index: Index, modseq: int, limit: int
) -> tuple[ModSeq, set[int], set[int]]:
    rows = index.rows.execute(
        "SELECT modseq, email, 0 FROM message WHERE modseq > ? UNION ALL"
        " SELECT modseq, email, 1 FROM expunged WHERE modseq > ?"
        " ORDER BY 1",
        (modseq, modseq),
    )
    return _gathered(index, modseq, limit, rows)


def _gathered(
    index: Index, modseq: int, limit: int, rows: Iterable[tuple[int, int, int]]
) -> tuple[ModSeq, set[int], set[int]]:
    came: set[int] = set()
    went: set[int] = set()
    reached = modseq
    for moment, email, gone in rows:
        if len(came) + len(went) >= limit and moment != reached:
            return ModSeq(reached), came, went
        reached = moment
        (went if gone else came).add(email)
    return ModSeq(index.modseq), came, went


def _paths(index: Index, emails: Sequence[int]) -> list[tuple[EmailId, str]]:
    """A file of each email that is still there."""
    result = {}
    for email, mailbox, base, place, letters in index.rows.execute(
        "SELECT email, mailbox, base, place, letters FROM message"
        " JOIN file USING (mailbox, uid)"
        " WHERE email IN (SELECT value FROM json_each(?))",
        (as_json(emails),),
    ).fetchall():
        box = index.boxes.get(mailbox)
        if box is not None:
            result[email] = os.path.join(
                box.path, maildir.relative(base, place, letters)
            )
    return [(EmailId(email), result[email]) for email in sorted(result)]


def located(
    index: Index, emails: Sequence[int]
) -> list[tuple[EmailId, MailboxId, str, Uid]]:
    """Where emails lie, every copy of them."""
    rows = index.rows.execute(
        "SELECT email, mailbox, uid FROM message"
        " WHERE email IN (SELECT value FROM json_each(?)) ORDER BY email, mailbox, uid",
        (as_json(emails),),
    ).fetchall()
    return [
        (EmailId(email), MailboxId(mailbox), index.boxes[mailbox].name, Uid(uid))
        for email, mailbox, uid in rows
        if mailbox in index.boxes
    ]

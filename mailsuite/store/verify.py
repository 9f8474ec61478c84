"""Every invariant of an account, checked offline (``mailsuite verify``).

Files against rows, sizes, numbers, tallies, UID lists, memories of deliveries. Reads
alone, but opening brings an account that was killed to rights first, as any
opening does.
"""

import os
import sqlite3
from collections.abc import Iterator

from attrs import frozen

from mailsuite.interfaces.mailboxes import BadName
from mailsuite.model.errors import UsageError
from mailsuite.model.ids import AccountName
from mailsuite.store import facts, maildir, opening, outside, uidlist
from mailsuite.store.annotations import ACCOUNT
from mailsuite.store.box import Box
from mailsuite.store.index import Ground, Index, Place


@frozen
class Finding:
    """Something that is not as it must be."""

    account: AccountName
    mailbox: str
    text: str


@frozen
class Progress:
    """How many messages of an account were looked at, at its end."""

    account: AccountName
    messages: int


def verify(ground: Ground, account: AccountName) -> Iterator[Finding | Progress]:
    """Look at an account; nobody may have it open. Ends with a :class:`Progress`."""
    try:
        where = opening.place(ground, account)
        before = _set_aside(where)
        index = opening.opened(ground, where)
    except (OSError, sqlite3.Error, UsageError, BadName) as error:
        yield Finding(account, "", f"cannot be opened: {error}")
        yield Progress(account, 0)
        return
    for name in sorted(_set_aside(where) - before):
        yield Finding(
            account, "", f"a database was made anew, the old one is set aside as {name}"
        )
    count = 0
    try:
        for one in _looked(index, account):
            if isinstance(one, Finding):
                yield one
            else:
                count += one
        opening.close(index)
    except sqlite3.DatabaseError as error:
        yield Finding(account, "", f"cannot be read: {error}")
        index.abandon()
    yield Progress(account, count)


def _set_aside(where: Place) -> set[str]:
    """Databases that could not be used at an opening."""
    if not os.path.isdir(where.home):
        return set()
    return {name for name in os.listdir(where.home) if facts.CORRUPT in name}


def _looked(index: Index, account: AccountName) -> Iterator[Finding | int]:
    """Findings, and how many messages each mailbox has."""
    for name in ("account.db", "index.db"):
        yield from _sound(index, name)
    for box in index.boxes.values():
        if box.selectable:
            if index.unclean:
                outside.merge(index, box)
            for text in _box(index, box):
                yield Finding(account, box.name, text)
            yield box.messages
    for mailbox in index.annotated.keys() - index.boxes.keys() - {ACCOUNT}:
        yield Finding(account, "", f"annotations of mailbox {mailbox}, which is gone")
    for text in _account(index):
        yield Finding(account, "", text)


def _sound(index: Index, name: str) -> Iterator[Finding]:
    database = index.rows if name == "index.db" else index.facts.database
    try:
        found = database.execute("PRAGMA integrity_check(20)").fetchall()
    except sqlite3.DatabaseError as error:
        found = [(str(error),)]
    for (text,) in found:
        if text != "ok":
            yield Finding(index.place.account, "", f"{name}: {text}")


def _box(index: Index, box: Box) -> Iterator[str]:
    rows = index.rows.execute(
        "SELECT uid, base, size, flags, modseq FROM message"
        " LEFT JOIN file USING (mailbox, uid) WHERE mailbox = ? ORDER BY uid",
        (box.id,),
    ).fetchall()
    found = maildir.listing(box.path)
    bases: set[str] = set()
    for uid, base, size, code, modseq in rows:
        if base is None:
            yield f"UID {uid} has no file"
            continue
        if base in bases:
            yield f"UID {uid} has the file of another UID"
        bases.add(base)
        if base not in found:
            yield f"the file of UID {uid} is gone ({base})"
        elif (text := _size(box, found[base], size)) is not None:
            yield f"UID {uid}: {text}"
        if code >= len(box.sets):
            yield f"UID {uid} has flags that are not known"
        if modseq > index.modseq or modseq > box.modseq:
            yield f"UID {uid} has a ModSeq of the future"
    for base in found.keys() - bases:
        yield f"there is no row for {base}"
    yield from _numbers(index, box, [row[0] for row in rows])
    yield from _listed(box, {row[1]: row[0] for row in rows})


def _size(box: Box, found: maildir.Found, size: int) -> str | None:
    status = os.stat(f"{box.path}/{found.relative}")
    if maildir.is_own(found.base):
        stated = maildir.stated_size(found.base)
        if stated != size or status.st_size != size:
            return f"its size is {status.st_size}, its row says {size}"
        if status.st_mode & 0o077:
            return "others may read its file"
    elif status.st_size > size:
        return f"its size is {status.st_size}, its row says {size}"
    return None


def _numbers(index: Index, box: Box, uids: list[int]) -> Iterator[str]:
    if uids and uids[-1] >= box.uidnext:
        yield f"UID {uids[-1]} is not below UIDNEXT {box.uidnext}"
    if box.uidnext > box.uid_limit:
        yield f"UIDNEXT {box.uidnext} is above the limit {box.uid_limit}"
    for code, messages, octets in index.rows.execute(
        "SELECT flags, count(*), sum(size) FROM message WHERE mailbox = ?"
        " GROUP BY flags",
        (box.id,),
    ).fetchall():
        tally = box.tallies[code]
        if (tally.messages, tally.octets) != (messages, octets):
            yield (
                f"flags {code} are counted {tally.messages} times with "
                f"{tally.octets} octets, they are {messages} with {octets}"
            )
    again = index.rows.execute(
        "SELECT uid FROM expunged JOIN message USING (mailbox, uid) WHERE mailbox = ?",
        (box.id,),
    ).fetchall()
    for (uid,) in again:
        yield f"UID {uid} was expunged and is there"


def _listed(box: Box, known: dict[str, int]) -> Iterator[str]:
    told = uidlist.read(box.path)
    if not told.uidvalidity:
        return
    if told.uidvalidity != box.uidvalidity:
        yield f"its UID list has the validity {told.uidvalidity}"
        return
    if told.uidnext < box.uidnext:
        yield f"its UID list ends at {told.uidnext}, UIDNEXT is {box.uidnext}"
    for base, entry in told.entries.items():
        uid = known.get(base)
        if uid is not None and uid != entry.uid:
            yield f"its UID list calls {base} {entry.uid}, its row {uid}"


def _account(index: Index) -> Iterator[str]:
    used = int(index.unclean)  # after a kill numbers go on at the limits themselves
    if index.modseq >= index.facts.modseq_limit + used:
        yield f"ModSeq {index.modseq} is not below its limit"
    if index.email >= index.facts.email_limit + used > used:
        yield f"email id {index.email} is not below its limit"
    rows = index.rows.execute(
        "SELECT count(*) FROM wide WHERE email NOT IN (SELECT email FROM message)"
    ).fetchone()
    if rows[0]:
        yield f"{rows[0]} scans belong to no message"
    for key, (mailbox, uid, email, drafts) in index.once.items():
        if uid < 1 or email < 1 or drafts < 1 or mailbox < 1:
            yield f"the memory of delivery {key} is damaged"

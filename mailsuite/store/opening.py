"""Opening an account: made at first use, put right after a kill, rebuilt if broken.

A broken database is set aside as ``.corrupt-<time>``. Facts are made again from
directories and UID lists, with the numbers of mailboxes that the index remembers; an
index from the files. Numbers go on above all that were reserved.
"""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import suppress

from attrs import evolve

from mailsuite.interfaces.mailboxes import BadName
from mailsuite.model.errors import UsageError
from mailsuite.model.ids import AccountName, MailboxId
from mailsuite.store import (
    annotations,
    expunge,
    facts,
    folders,
    loading,
    maildir,
    names,
    outside,
    scriptrows,
    tidy,
    transfer,
    uidlist,
)
from mailsuite.store.facts import Facts, Mailbox
from mailsuite.store.index import Ground, Index, Place, open_rows
from mailsuite.store.namesakes import Remembered
from mailsuite.store.undo import failing

TMP_SECONDS = 36 * 3600  # after which a stranger's file in tmp is abandoned
CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_SALVAGED = (
    ("INSERT OR IGNORE INTO script VALUES (?, ?, ?, ?)", scriptrows.SCRIPTS),
    (
        "INSERT OR IGNORE INTO snoozed VALUES (?, ?, ?, ?, ?)",
        "SELECT source, 0, base, until, terms FROM snoozed",
    ),
)
"""What outlives a broken ``account.db``. 0: a mailbox of any id."""
NAMELESS = "it cannot tell whose its rows are, as account.db is lost"
_USED = """
    SELECT mailbox, MAX(uid), COALESCE(MAX(email), 0) FROM (
        SELECT mailbox, uid, email FROM message
        UNION ALL SELECT mailbox, uid, email FROM expunged
    ) GROUP BY mailbox
"""
_ADOPTED_LIMIT = 10_000  # above the highest UID or email id seen, when limits were lost


class NoStore(Exception):  # noqa: N818 - an answer: there is nothing to look at
    """The account has no store, not even an empty INBOX."""


def place(ground: Ground, account: AccountName) -> Place:
    """Where an account lies. :raises BadName: it can have no directory."""
    user, domain = names.split_account(account)
    if not user:
        raise BadName("an account has a name")
    root = ground.settings.maildir.format(
        user=names.escape(user), domain=names.escape(domain) if domain else "%"
    )
    root = os.path.normpath(os.path.join(ground.data, root))
    return Place(account, os.path.dirname(root), root)


def founded(ground: Ground, account: AccountName) -> bool:
    """Whether an account has a store; blocks."""
    return os.path.exists(os.path.join(place(ground, account).home, "account.db"))


def checked_template(template: str) -> str:
    """The template itself. :raises UsageError: accounts would share a directory."""
    home, _, last = template.rpartition("/")
    try:
        template.format(user="", domain="")
        fits = "{user}" in home and "{" not in last and last
    except (KeyError, IndexError, ValueError):
        fits = ""
    if not fits or os.path.isabs(template) or ".." in template.split("/"):
        raise UsageError(
            f"[store] maildir = {template!r}: it must be relative, hold {{user}} and "
            "end with a level of its own, as mail/{domain}/{user}/Maildir does"
        )
    return template


def opened(ground: Ground, where: Place) -> Index:
    """Open an account, or make it.

    :raises UsageError: a newer suite wrote it, or links lead out of it.
    """
    maildir.make_tree(where.home, ground.data)
    maildir.make(where.root)
    for folder in (where.removed, where.graves):
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
    known = _facts(ground, where)
    with failing(known.close):
        fresh = not os.path.exists(os.path.join(where.home, "index.db"))
        try:
            return _assembled(ground, where, known, fresh)
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            _ = aside(ground, where, "index.db", str(error))
        return _assembled(ground, where, known, fresh=True)


def is_corrupt(error: BaseException) -> bool:
    """Whether a database is broken, rather than full or out of reach."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.ProgrammingError | sqlite3.IntegrityError
        )
    return code & 255 in CORRUPT or (
        isinstance(error, sqlite3.OperationalError)
        and ("no such table" in str(error) or "no such column" in str(error))
    )


def aside(ground: Ground, where: Place, name: str, reason: str) -> str:
    """Set a broken database aside and tell it; gives where it lies now."""
    target = facts.set_aside(os.path.join(where.home, name), ground.wall())
    ground.events.happened(
        "store.corrupt", account=where.account, path=target, reason=reason
    )
    return target


def _facts(ground: Ground, where: Place) -> Facts:
    path = os.path.join(where.home, "account.db")
    broken = ""
    try:
        known = Facts(path)
        boxes = known.mailboxes()
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
        broken = aside(ground, where, "account.db", str(error))
        known = Facts(path)
        boxes = []
        known.change(
            (statement, row)
            for statement, asked in _SALVAGED
            for row in scriptrows.salvaged(broken, asked)
        )
    if not boxes:
        with failing(known.close):
            same = Remembered.of(where.home, where.root)
            if not same and os.path.exists(os.path.join(where.home, "index.db")):
                _ = aside(ground, where, "index.db", NAMELESS)
            _found_account(ground, where, known, same)
            if broken:
                _annotated_again(known, annotations.salvaged(broken))
    return known


def _annotated_again(known: Facts, rows: Iterable[tuple[str, str, bytes]]) -> None:
    """Take over annotations of the account and of mailboxes that are there again."""
    ids = {box.name: box.id for box in known.mailboxes()} | {"": annotations.ACCOUNT}
    known.change(
        (annotations.PUT, (ids[name], entry, value))
        for name, entry, value in rows
        if name in ids
    )


def _found_account(
    ground: Ground, where: Place, known: Facts, same: Remembered
) -> None:
    """Write the first facts: what the directories tell, or default folders."""
    validity = known.validity(ground.wall())
    fresh = (validity, "")
    boxes = [_adopted(where, "", names.INBOX, fresh, same)]
    uses = dict(entry.split("=", 1) for entry in ground.settings.folders)
    had_mail = boxes[0].uid_limit > 1
    taken = {names.INBOX}
    for entry in folders.strangers(where.root):
        name = folders.settled(where.root, entry, taken)
        if not name:
            continue
        taken.add(name)
        use = uses.get(name, "")
        validity += 1
        directory = names.directory(name)
        boxes.append(_adopted(where, directory, name, (validity, use), same))
        had_mail = True
    for name, use in uses.items():
        if name not in taken:
            validity += 1
            directory = names.directory(names.checked(name))
            maildir.make(os.path.join(where.root, directory))
            boxes.append(_adopted(where, directory, name, (validity, use), same))
    boxes = same.numbered(_told_apart(boxes))
    maildir.sync_directory(where.root)
    unknown = max(int(ground.wall()), 2) if had_mail else 2
    known.change(
        [
            *(change for box in boxes for change in known.add(box)),
            *(
                ("INSERT OR REPLACE INTO subscription VALUES (?)", (box.name,))
                for box in boxes
            ),
        ]
    )
    known.limits(unknown, _above(where, boxes), [])
    known.remade = had_mail or bool(same)


def _above(where: Place, boxes: Iterable[Mailbox]) -> int:
    """An email id above all that UID lists tell."""
    emails = [
        entry.email
        for box in boxes
        for entry in uidlist.read(
            os.path.join(where.root, box.directory)
        ).entries.values()
    ]
    return max(emails) + _ADOPTED_LIMIT if emails else 1


def _told_apart(boxes: Iterable[Mailbox]) -> list[Mailbox]:
    """Copies of one folder told one guid: the first keeps it (RFC 8474 §4)."""
    found: dict[str, Mailbox] = {}
    for box in boxes:
        guid = facts.new_guid() if box.guid in found else box.guid
        found[guid] = evolve(box, guid=guid)
    return list(found.values())


def _adopted(
    where: Place, directory: str, name: str, fresh: tuple[int, str], same: Remembered
) -> Mailbox:
    """A mailbox as its UID list tells it, else the index; ``fresh`` if neither does."""
    told = uidlist.read(os.path.join(where.root, directory))
    limit = told.uidnext + _ADOPTED_LIMIT if told.uidvalidity else 1
    one = same.take(directory, told.guid)
    validity, use = fresh if one is None else (one.uidvalidity, one.use)
    guid = told.guid or (one.guid if one is not None else facts.new_guid())
    validity = told.uidvalidity or validity
    number = one.id if one is not None else 0
    return Mailbox(number, name, directory, validity, limit, guid, use, True)


def _assembled(ground: Ground, where: Place, known: Facts, fresh: bool) -> Index:
    rows = open_rows(where.home)
    with failing(rows.close):
        index = Index(ground, where, known, rows, fresh=fresh)
        loading.load(index)
        loading.number(index)
        if known.remade:  # UID lists must not tell less than was guessed
            _beyond(index)
            selectable = [box for box in index.boxes.values() if box.selectable]
            index.reserve(dict.fromkeys(selectable, 1), 1)
        _put_right(index)
        return index


def _beyond(index: Index) -> None:
    """Go on above all numbers that rows tell: what bounded them was lost."""
    used = index.rows.execute(_USED).fetchall()
    for mailbox, uid, email in used:
        box = index.boxes.get(MailboxId(mailbox))
        if box is not None:
            box.uidnext = max(box.uidnext, uid + _ADOPTED_LIMIT)
        index.email = max(index.email, email + _ADOPTED_LIMIT)


def _put_right(index: Index) -> None:
    """Finish what a kill cut short; rebuild rows of an index that is new."""
    folders.bury(index)
    folders.settle_directories(index)
    if index.unclean:
        folders.orphans(index)
    for box in index.boxes.values():
        if box.selectable:
            maildir.make(box.path)
    transfer.undo(index)
    transfer.finish(index)
    index.leaving = index.unclean
    index.lagging = bool(
        index.unclean or index.rows.execute("SELECT 1 FROM lagging LIMIT 1").fetchone()
    )
    if index.fresh:
        for box in index.boxes.values():
            if box.selectable:
                outside.merge(index, box)
        index.fresh = False
        count = sum(box.messages for box in index.boxes.values())
        if count:
            index.ground.events.happened(
                "store.rebuilt", account=index.place.account, messages=count
            )


def close(index: Index, *, clean: bool = True) -> None:
    """Finish files and lists, and close so that the next opening finds it clean."""
    if index.closed:
        return
    if not clean:
        index.abandon()
        return
    with failing(index.abandon):
        for box in index.boxes.values():
            if outside.unseen(index, box):
                outside.merge(index, box)
        tidy.finish(index)
        clear_tmp(index)
    index.close()


def clear_tmp(index: Index) -> None:
    """Unlink leftovers of an unclean stop."""
    if index.unclean:
        tidy.clean_tmp(index, TMP_SECONDS)


def clean(index: Index, age: float) -> None:
    """Unlink what was expunged ``age`` seconds ago."""
    while expunge.clean(index, age):
        pass
    folders.clean_graves(index, age)

"""CREATE, RENAME, DELETE, SUBSCRIBE on the lane (RFC 3501 §6.3.3 to §6.3.7).

The row of ``account.db`` is the truth; directories follow it at once, or at the
next opening when a kill came between. Flat Maildir++ makes each a single rename.
"""

import os
import shutil
from collections.abc import Container, Sequence
from contextlib import suppress

from mailsuite.interfaces.mailboxes import (
    BadName,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
)
from mailsuite.model.changes import MailboxRow
from mailsuite.model.ids import MailboxId
from mailsuite.store import flags, letters, loading, maildir, names
from mailsuite.store.box import Box
from mailsuite.store.facts import Mailbox, new_guid
from mailsuite.store.index import VANISHED, Index

MAILBOXES = 5_000  # of one account

_REVIVE = (
    "UPDATE mailbox SET selectable = 1, use = ?, uidvalidity = ?, directory = ?,"
    " guid = ? WHERE id = ?"
)

_Statement = tuple[str, Sequence[object]]


def listed(index: Index) -> list[MailboxRow]:
    """Every mailbox in order of name, INBOX first."""
    boxes = sorted(index.boxes.values(), key=lambda b: (b.name != names.INBOX, b.name))
    return [row(index, box) for box in boxes]


def row(index: Index, box: Box) -> MailboxRow:
    """One of them."""
    return box.row(
        recent=flags.recent(index, box), subscribed=box.name in index.subscribed
    )


def create(index: Index, name: str, use: str) -> MailboxRow:
    """Make a mailbox and the levels above it; durable on return."""
    name = names.checked(name.removesuffix(names.SEPARATOR))
    known = index.names.get(name)
    if name == names.INBOX or (known is not None and known.selectable):
        raise MailboxExists(name)
    above = [level for level in names.parents(name) if level not in index.names]
    if len(index.boxes) + len(above) + 1 > MAILBOXES:
        raise LimitReached(f"an account has at most {MAILBOXES} mailboxes")
    if use and any(box.use == use for box in index.boxes.values()):
        raise LimitReached(f"there is a mailbox with the use {use} already")
    make(index, [(level, "") for level in above] + [(name, use)])
    return row(index, index.names[name])


def make(index: Index, wanted: Sequence[tuple[str, str]]) -> None:
    """Make mailboxes (name, special use), in one synced transaction."""
    statements: list[_Statement] = []
    revived = [name for name, _ in wanted if name in index.names]
    validity = index.facts.validity(index.ground.wall())
    for offset, (name, use) in enumerate(wanted):
        directory = names.directory(name)
        maildir.make(index.place.path(directory))
        known = index.names.get(name)
        if known is not None:
            statements.append(
                (
                    _REVIVE,
                    (use, validity + offset, directory, new_guid(), known.id),
                )
            )
            known.uidvalidity = validity + offset
            known.disk.mtimes = None
        else:
            fresh = Mailbox(
                0, name, directory, validity + offset, 1, new_guid(), use, True
            )
            statements += index.facts.add(fresh)
        statements.append(("DELETE FROM doomed WHERE directory = ?", (directory,)))
    maildir.sync_directory(index.place.root)
    index.facts.change(statements)
    loading.refresh(index)
    for name, _ in wanted:
        box = index.names[name]
        box.relist = index.lagging = True
        if box.directory:
            _mark_folder(box.path)
        if name in revived:
            letters.write(box.path, box.keywords)


def _mark_folder(path: str) -> None:
    """Maildir++ marks its folders by an empty file, for delivery agents."""
    with suppress(FileExistsError):
        maildir.write(os.path.join(path, "maildirfolder"), [])


def foreign(index: Index) -> bool:
    """Whether other programs made folders that have no row."""
    moment = os.stat(index.place.root).st_mtime_ns
    if moment == index.root_seen:
        return False
    index.root_seen = moment
    return bool(_foreign(index))


def _foreign(index: Index) -> list[str]:
    known = {box.directory for box in index.boxes.values() if box.selectable}
    found = strangers(index.place.root, known)
    return found[: max(0, MAILBOXES - len(index.boxes))]


def adopt(index: Index) -> None:
    """Make rows of folders that other programs made."""
    taken = {box.name for box in index.boxes.values() if box.selectable}
    wanted = []
    for entry in _foreign(index):
        if name := settled(index.place.root, entry, taken):
            wanted.append((name, ""))
            taken.add(name)
    if wanted:
        make(index, wanted)


def strangers(root: str, known: Container[str] = ()) -> list[str]:
    """Directories below a Maildir that are mailboxes, and not ``known``."""
    return sorted(
        entry
        for entry in os.listdir(root)
        if entry not in known
        and names.mailbox_of(entry)
        and _holds_mail(f"{root}/{entry}")
    )


def _holds_mail(path: str) -> bool:
    """Whether it is a Maildir, and no part of it lies elsewhere."""
    parts = [path, *(f"{path}/{place}" for place in maildir.FOLDERS)]
    return os.path.isdir(f"{path}/cur") and not any(map(os.path.islink, parts))


def settled(root: str, entry: str, taken: Container[str]) -> str:
    """The mailbox that such a directory becomes; it is renamed if it has to be.

    Strangers write names by rules of their own, and several may mean the same one.
    Empty: it cannot be renamed, and stays as it is.
    """
    name = other = names.mailbox_of(entry) or ""
    number = 1
    while True:
        directory = names.directory(other)
        if other not in taken:
            if entry == directory:
                return other
            try:
                maildir.rename(f"{root}/{entry}", f"{root}/{directory}")
            except FileExistsError:
                pass
            except OSError:
                return ""
            else:
                return other
        number += 1
        other = f"{name}-{number}"


def rename(index: Index, old: str, new: str) -> None:
    """Rename a mailbox that is not INBOX, with all below it; durable on return."""
    new = names.checked(new.removesuffix(names.SEPARATOR))
    old = names.canonical(old)
    top = index.names.get(old)
    if top is None:
        raise NoSuchMailbox(old)
    if new in index.names:
        raise MailboxExists(new)
    if names.below(new, old):
        raise BadName("a mailbox cannot become its own child")
    moved = [
        (box, new + box.name[len(old) :])
        for box in index.boxes.values()
        if box is top or names.below(box.name, old)
    ]
    for _, name in moved:
        names.checked(name)
        if name in index.names:
            raise MailboxExists(name)
    above = [level for level in names.parents(new) if level not in index.names]
    above = [level for level in above if level != old and not names.below(level, old)]
    if above:
        make(index, [(level, "") for level in above])
    index.facts.change(
        [("UPDATE mailbox SET name = ? WHERE id = ?", (n, b.id)) for b, n in moved]
    )
    loading.refresh(index)
    settle_directories(index)


def settle_directories(index: Index) -> None:
    """Rename directories of mailboxes whose names changed; finish a cut rename."""
    done: list[_Statement] = []
    for box in index.boxes.values():
        wanted = names.directory(box.name)
        if box.directory == wanted or not box.selectable:
            continue
        path = index.place.path(wanted)
        if os.path.isdir(box.path):
            _clear(index, wanted)
            maildir.rename(box.path, path)
        elif not os.path.isdir(path):
            maildir.make(path)
        box.directory, box.path = wanted, path
        box.disk.mtimes = None
        done.append(("UPDATE mailbox SET directory = ? WHERE id = ?", (wanted, box.id)))
    if done:
        maildir.sync_directory(index.place.root)
        index.facts.change(done)


def _clear(index: Index, directory: str) -> None:
    """Let what strangers made where a mailbox is to lie have another name."""
    ours = {box.directory for box in index.boxes.values() if box.selectable}
    if directory not in ours and os.path.lexists(index.place.path(directory)):
        _ = settled(index.place.root, directory, index.names)


def remove(index: Index, name: str) -> MailboxId:
    """Delete a mailbox; one with children stays as a mere name. Durable.

    :raises NoSuchMailbox, BadName: it was not deleted.
    """
    name = names.canonical(name)
    box = index.names.get(name)
    if box is None:
        raise NoSuchMailbox(name)
    if name == names.INBOX:
        raise BadName("INBOX cannot be deleted")
    children = any(names.below(other, name) for other in index.names)
    if children and not box.selectable:
        raise BadName("it has children and holds no mail")
    statements: list[_Statement] = []
    if box.selectable:
        wall = index.ground.wall()
        statements.append(
            ("INSERT OR REPLACE INTO doomed VALUES (?, ?)", (box.directory, wall))
        )
    if children:
        statements.append(
            ("UPDATE mailbox SET selectable = 0, use = '' WHERE id = ?", (box.id,))
        )
    else:
        statements.append(("DELETE FROM mailbox WHERE id = ?", (box.id,)))
    statements.append(("DELETE FROM annotation WHERE mailbox = ?", (box.id,)))
    index.facts.change(statements)
    _forget_rows(index, box)
    loading.refresh(index)
    bury(index)
    return box.id


def _forget_rows(index: Index, box: Box) -> None:
    """Drop every row of a deleted mailbox; emails left nowhere are told as gone."""
    index.reserve({})
    with index.change() as modseq:
        execute = index.rows.execute
        execute(
            "INSERT OR REPLACE INTO expunged SELECT ?, mailbox, uid, email"
            " FROM message WHERE mailbox = ?",
            (modseq, box.id),
        )
        execute(
            "DELETE FROM wide WHERE email IN"
            " (SELECT email FROM message WHERE mailbox = ?) AND email NOT IN"
            " (SELECT email FROM message WHERE mailbox != ?)",
            (box.id, box.id),
        )
        for table in ("message", "file", "lagging"):
            execute(f"DELETE FROM {table} WHERE mailbox = ?", (box.id,))
        index.touch(box, VANISHED)
    index.recount([box])
    box.pending.clear()
    index.log.clear(modseq)


def orphans(index: Index) -> None:
    """Drop rows of mailboxes that are no more, when a kill came before."""
    for (mailbox,) in index.rows.execute(
        "SELECT DISTINCT mailbox FROM message UNION SELECT mailbox FROM box"
    ).fetchall():
        box = index.boxes.get(mailbox)
        if box is None or not box.selectable:
            for table in ("message", "file", "lagging", "flagset", "box"):
                index.rows.execute(f"DELETE FROM {table} WHERE mailbox = ?", (mailbox,))
            index.rows.execute(
                "DELETE FROM wide WHERE email NOT IN (SELECT email FROM message)"
            )


def bury(index: Index) -> None:
    """Move directories of deleted mailboxes out of the Maildir."""
    done: list[_Statement] = []
    for directory in index.facts.doomed():
        path = os.path.join(index.place.root, directory)
        if directory and os.path.isdir(path):
            wall = int(index.ground.wall())
            grave = os.path.join(index.place.graves, f"{wall}{directory}"[:250])
            number = 0
            while os.path.exists(grave):
                number += 1
                grave = os.path.join(index.place.graves, f"{wall}.{number}")
            os.rename(path, grave)
        done.append(("DELETE FROM doomed WHERE directory = ?", (directory,)))
    if done:
        index.facts.change(done)


def clean_graves(index: Index, age: float) -> None:
    """Unlink deleted mailboxes when their time has passed."""
    before = index.ground.wall() - age
    for name in os.listdir(index.place.graves):
        seconds = name.partition(".")[0]
        if seconds.isdigit() and int(seconds) <= before:
            grave = os.path.join(index.place.graves, name)
            shutil.rmtree(grave, ignore_errors=True)


def subscribe(index: Index, name: str, wanted: bool) -> None:
    """Remember or forget a subscription; durable on return."""
    name = names.canonical(name)
    if not name:
        raise BadName("the name is empty")
    if wanted == (name in index.subscribed):
        return
    if wanted and len(index.subscribed) >= 2 * MAILBOXES:
        raise LimitReached(f"at most {2 * MAILBOXES} subscriptions")
    statement = (
        "INSERT OR REPLACE INTO subscription VALUES (?)"
        if wanted
        else "DELETE FROM subscription WHERE name = ?"
    )
    index.facts.change([(statement, (name,))])
    index.subscribed = frozenset(index.facts.subscriptions())

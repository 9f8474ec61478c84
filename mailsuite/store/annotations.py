"""Annotations as rows of ``account.db``, and what limits them; every call blocks.

A commit is synced before it returns. Those of the account itself are kept under the
number 0, which no mailbox has.
"""

from collections.abc import Mapping, Sequence
from sqlite3 import Connection, DatabaseError, connect
from urllib.parse import quote

from attrs import frozen

from mailsuite.interfaces.directory import AccountFacts
from mailsuite.interfaces.mailboxes import (
    AnnotationReadOnly,
    AnnotationTooLong,
    BadName,
    LimitReached,
    NoSuchMailbox,
    TooManyAnnotations,
)
from mailsuite.model.annotations import settable
from mailsuite.model.ids import MailboxId
from mailsuite.store import names
from mailsuite.store.index import Index
from mailsuite.store.settings import Settings
from mailsuite.store.undo import transaction

ACCOUNT = MailboxId(0)  # stands for the account itself
ADMIN = "/shared/admin"  # RFC 5464 §3.2.1.1
SALVAGED = 100_000  # annotations of a broken database that are taken over at most

Changes = Mapping[str, bytes | None]

_SAFE = "@!$'*+"  # stand as they are in a mailto URI (RFC 6068 §2)
PUT = "INSERT OR REPLACE INTO annotation VALUES (?, ?, ?)"
_READ = "SELECT entry, value FROM annotation WHERE mailbox = ?"
_COPY = (
    "INSERT OR REPLACE INTO annotation"
    " SELECT ?, entry, value FROM annotation WHERE mailbox = ?"
)


@frozen
class Held:
    """What an account holds: lengths of one mailbox's values, octets of all others."""

    lengths: Mapping[str, int]
    others: int


def checked(id_or_name: MailboxId | str, changes: Changes) -> Changes:
    """The changes with names as they are kept.

    :raises BadName: one can have none.
    :raises AnnotationReadOnly: the suite itself sets one.
    """
    try:
        wanted = {settable(name): value for name, value in changes.items()}
    except ValueError as error:
        raise BadName(str(error)) from None
    if id_or_name == "" and ADMIN in wanted:
        raise AnnotationReadOnly(ADMIN)
    return wanted


def asked(entry: str, entries: Sequence[str]) -> bool:
    """Whether an entry is among those asked for; none means all."""
    return not entries or entry in {name.lower() for name in entries}


def of_facts(entries: Sequence[str]) -> bool:
    """Whether an annotation of the account is asked for that is not kept but known."""
    return asked(ADMIN, entries)


def of_account(kept: Mapping[str, bytes], facts: AccountFacts) -> Mapping[str, bytes]:
    """Annotations of the account, with those that are not kept but known."""
    if not facts.postmaster:
        return kept
    uri = "mailto:" + quote(facts.postmaster, safe=_SAFE)
    return {**kept, ADMIN: uri.encode("ascii")}


def fit(held: Held, changes: Changes, settings: Settings) -> None:
    """:raises AnnotationTooLong, TooManyAnnotations: no room for these changes.

    What only removes or shortens always fits, even above a limit lowered since.
    """
    after = dict(held.lengths)
    for name, value in changes.items():
        if value is None:
            _ = after.pop(name, None)
            continue
        if len(value) > settings.annotation_octets:
            raise AnnotationTooLong(settings.annotation_octets)
        after[name] = len(value)
    if len(after) > max(settings.annotations, len(held.lengths)):
        text = f"a mailbox has at most {settings.annotations} annotations"
        raise TooManyAnnotations(text)
    octets, before = _octets(after), _octets(held.lengths)
    if octets > before and held.others + octets > settings.annotations_octets:
        text = f"annotations may have {settings.annotations_octets} octets in all"
        raise TooManyAnnotations(text)


def _octets(lengths: Mapping[str, int]) -> int:
    return sum(lengths.values()) + sum(map(len, lengths))


def whose(index: Index, id_or_name: MailboxId | str) -> MailboxId:
    """The mailbox, or :data:`ACCOUNT`. :raises NoSuchMailbox: there is none."""
    if id_or_name == "":
        return ACCOUNT
    if isinstance(id_or_name, str):
        box = index.names.get(names.canonical(id_or_name))
    else:
        box = index.boxes.get(id_or_name)
    if box is None:
        raise NoSuchMailbox(str(id_or_name))
    return box.id


def annotated(database: Connection) -> Mapping[MailboxId, frozenset[str]]:
    """What every mailbox has that has any."""
    found: dict[MailboxId, set[str]] = {}
    rows = database.execute("SELECT mailbox, entry FROM annotation").fetchall()
    for mailbox, entry in rows:
        found.setdefault(MailboxId(mailbox), set()).add(entry)
    return {mailbox: frozenset(entries) for mailbox, entries in found.items()}


def has(index: Index, mailbox: MailboxId, entries: Sequence[str]) -> bool:
    """Whether one of these is there, or any at all where none is named."""
    known = index.annotated.get(mailbox)
    if known is None or not entries:
        return known is not None
    return any(entry.lower() in known for entry in entries)


def read(index: Index, mailbox: MailboxId, entries: Sequence[str]) -> dict[str, bytes]:
    """All of a mailbox, or some."""
    execute = index.facts.database.execute
    if not entries:
        rows = execute(f"{_READ} ORDER BY entry", (mailbox,)).fetchall()
    else:
        wanted = {entry.lower() for entry in entries}
        one = f"{_READ} AND entry = ?"
        rows = [row for e in wanted for row in execute(one, (mailbox, e)).fetchall()]
    return {entry: bytes(value) for entry, value in rows}


def change(index: Index, id_or_name: MailboxId | str, changes: Changes) -> None:
    """Set and remove some, in one synced transaction."""
    mailbox = whose(index, id_or_name)
    database = index.facts.database
    with transaction(database):
        fit(_held(database, mailbox), changes, index.ground.settings)
        for entry, value in changes.items():
            if value is None:
                database.execute(
                    "DELETE FROM annotation WHERE mailbox = ? AND entry = ?",
                    (mailbox, entry),
                )
            else:
                database.execute(PUT, (mailbox, entry, value))
    index.annotated = annotated(database)


def _held(database: Connection, mailbox: MailboxId) -> Held:
    rows = database.execute(
        "SELECT entry, length(value) FROM annotation WHERE mailbox = ?", (mailbox,)
    )
    (others,) = database.execute(
        "SELECT coalesce(sum(length(entry) + length(value)), 0)"
        " FROM annotation WHERE mailbox != ?",
        (mailbox,),
    ).fetchone()
    return Held(dict(rows.fetchall()), others)


def copyable(held: Held, settings: Settings) -> None:
    """:raises LimitReached: no room for those of a mailbox once more."""
    octets = _octets(held.lengths)
    if octets and held.others + 2 * octets > settings.annotations_octets:
        text = f"annotations may have {settings.annotations_octets} octets in all"
        raise LimitReached(text)


def room(index: Index, source: MailboxId) -> None:
    """As :func:`copyable`, before there is a mailbox to copy to."""
    if source in index.annotated:
        copyable(_held(index.facts.database, source), index.ground.settings)


def copied(index: Index, source: MailboxId, target: MailboxId) -> None:
    """Give a new mailbox those of another (RENAME of INBOX, RFC 5464 §4.1)."""
    if source not in index.annotated:
        return
    index.facts.change([(_COPY, (target, source))])
    index.annotated = annotated(index.facts.database)


def salvaged(path: str) -> list[tuple[str, str, bytes]]:
    """Those of a broken database as far as they can be read, with mailboxes' names."""
    found: list[tuple[str, str, bytes]] = []
    try:
        database = connect(f"file:{quote(path)}?mode=ro", uri=True)
    except DatabaseError:
        return found
    try:
        for row in database.execute(
            "SELECT coalesce(name, ''), entry, value FROM annotation"
            " LEFT JOIN mailbox ON id = mailbox WHERE mailbox = 0 OR name != ''"
            " LIMIT ?",
            (SALVAGED,),
        ):
            found.append(row)  # noqa: PERF402 - what came before an error counts
    except DatabaseError:
        pass
    finally:
        database.close()
    return found

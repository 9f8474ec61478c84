"""Every invariant of a stopped suite's data folder; nobody may run on it meanwhile.

Reads, with one exception: opening an account after a kill brings it to rights first,
as any opening does.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from urllib.parse import quote

from attrs import frozen

from mailsuite.directory import schema
from mailsuite.events.memory import Events
from mailsuite.house.paths import Places
from mailsuite.house.tree import Tree
from mailsuite.journal import records, replay, segments
from mailsuite.model.errors import UsageError
from mailsuite.model.ids import AccountName
from mailsuite.queue.verify import findings as queued
from mailsuite.reports.schema import findings as reported
from mailsuite.store import census
from mailsuite.store import verify as accounts
from mailsuite.store.index import Ground as StoreGround

_Rows = Callable[[sqlite3.Connection], Iterable[str]]


@frozen
class Checked:
    """One thing that was looked at: an account, a database, a segment."""

    what: str
    findings: tuple[str, ...] = ()
    messages: int = 0


@frozen
class Check:
    """One thing to look at; ``run`` blocks."""

    what: str
    run: Callable[[], Checked]


@contextmanager
def held(data: str) -> Iterator[None]:
    """Keep a suite from starting meanwhile. :raises UsageError: one runs."""
    try:
        descriptor = os.open(os.path.join(data, "lock"), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise UsageError(f"no suite has run on {data} yet") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise UsageError(f"a suite runs on {data}: stop it first") from error
    try:
        yield
    finally:
        os.close(descriptor)


def checks(tree: Tree, places: Places, wall: Callable[[], float]) -> list[Check]:
    """Everything to look at, in order."""
    data = places.data
    queue = os.path.join(data, "queue.db")
    found = [
        Check("state.db", lambda: _listed("state.db", schema.findings(places.state))),
        Check(
            "queue.db",
            lambda: _listed("queue.db", sound(queue, lambda rows: queued(rows, data))),
        ),
        Check("snoozed.db", lambda: _listed("snoozed.db", sound(places.snoozed))),
        Check(
            "reports.db", lambda: _listed("reports.db", sound(places.reports, reported))
        ),
    ]
    folder = os.path.join(data, "journal")
    for worker in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        found += _segments(os.path.join(folder, worker))
    ground = StoreGround(
        data, tree.store, Events(), wall, lambda: 0.0, tree.server.hostname
    )
    for name in census.known(ground):
        found.append(Check(name, _account_check(ground, name)))
    return found


def sound(path: str, rows: _Rows = lambda _: ()) -> Iterator[str]:
    """What is wrong with a database that nobody has open, and with its ``rows``."""
    if not os.path.exists(path):
        return
    try:
        with closing(
            sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)
        ) as database:
            for (said,) in database.execute("PRAGMA integrity_check"):
                if said != "ok":
                    yield f"{path}: {said}"
            for said in rows(database):
                yield f"{path}: {said}"
    except sqlite3.DatabaseError as error:
        yield f"{path}: {error}"


def _listed(what: str, findings: Iterator[str] | list[str]) -> Checked:
    return Checked(what, tuple(findings))


def _account_check(ground: StoreGround, name: AccountName) -> Callable[[], Checked]:
    def run() -> Checked:
        texts, messages = [], 0
        for one in accounts.verify(ground, name):
            if isinstance(one, accounts.Progress):
                messages = one.messages
            else:
                where = f"{name} {one.mailbox}".strip()
                texts.append(f"{where}: {one.text}")
        return Checked(name, tuple(texts), messages)

    return run


def _segments(folder: str) -> Iterator[Check]:
    for name in sorted(os.listdir(folder)):
        if name.endswith(segments.SUFFIX):
            path = os.path.join(folder, name)
            yield Check(name, _segment_check(path))


def _segment_check(path: str) -> Callable[[], Checked]:
    def run() -> Checked:
        data, used = replay.content(path)
        header = records.decode_header(data[: records.FIRST])
        if header is None:
            return Checked(path, (f"{path}: its header is damaged",) if used else ())
        bad = records.scan(data, header, used).bad
        return Checked(
            path,
            tuple(f"{path}: octets {start} to {end} are damaged" for start, end in bad),
        )

    return run

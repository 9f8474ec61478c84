"""Which accounts there are on disk, and which of them were not closed."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice

from twisted.logger import Logger

from mailsuite.interfaces.mailboxes import BadName
from mailsuite.model.errors import NoSpace, UsageError
from mailsuite.model.ids import AccountName
from mailsuite.store import names, opening
from mailsuite.store.index import Ground
from mailsuite.store.shelves import Shelves

LOOKED_AT_ONCE = 200  # accounts in one call of the lane

_log = Logger()


def known(ground: Ground) -> list[AccountName]:
    """Every account that has a directory, found by the template; blocks."""
    return list(walked(ground))


def walked(ground: Ground) -> Iterator[AccountName]:
    """As :func:`known`, one after another; each step blocks."""
    return _walk(ground.data, ground.settings.maildir.split("/"), {})


def _walk(
    path: str, levels: Sequence[str], told: dict[str, str]
) -> Iterator[AccountName]:
    if not levels:
        user, domain = told["user"], told.get("domain", "%")
        try:
            name = names.unescape(user)
            if domain != "%":
                name = f"{name}@{names.unescape(domain)}"
        except (ValueError, BadName):
            return
        yield AccountName(name)
        return
    pattern = names.template(levels[0])
    if pattern is None:
        if os.path.isdir(os.path.join(path, levels[0])):
            yield from _walk(os.path.join(path, levels[0]), levels[1:], told)
        return
    for entry in _entries(path):
        match = pattern.fullmatch(entry)
        if match and os.path.isdir(os.path.join(path, entry)):
            yield from _walk(
                os.path.join(path, entry), levels[1:], told | match.groupdict()
            )


def _entries(path: str) -> list[str]:
    """What lies in a directory; nothing where we may not look, as in ``lost+found``."""
    try:
        return sorted(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


async def reopen(shelves: Shelves) -> None:
    """Open accounts that were left open, one by one, so that files follow their rows.

    An account that cannot be opened is told in the log, and passed over.
    """
    accounts = walked(shelves.ground)
    lane = shelves.lanes.lane("")
    while looked := await lane.run(_looked, shelves.ground, accounts):
        for account, left in looked:
            if shelves.ending:
                return
            if left:
                await _reopen(shelves, account)


def _looked(
    ground: Ground, accounts: Iterator[AccountName]
) -> list[tuple[AccountName, bool]]:
    """The next accounts, and whether a kill or a power cut left each open; blocks.

    SQLite removes its log when a database is closed.
    """
    return [
        (name, os.path.exists(f"{opening.place(ground, name).home}/index.db-wal"))
        for name in islice(accounts, LOOKED_AT_ONCE)
    ]


async def _reopen(shelves: Shelves, account: AccountName) -> None:
    try:
        shelf = await shelves.get(account)
        await shelf.alone(opening.clear_tmp)
    except (OSError, NoSpace, UsageError, sqlite3.Error):
        _log.failure("{account} was left open and cannot be opened", account=account)

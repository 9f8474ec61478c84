"""Rows of ``state.db``, read and written on its thread, in transactions."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from attrs import Factory, astuple, field, frozen

from mailsuite.directory import schema
from mailsuite.directory.book import Account
from mailsuite.interfaces.directory import AliasRow, Domain
from mailsuite.interfaces.signing import SigningKey
from mailsuite.model.ids import AccountName
from mailsuite.model.principals import StoredKeys

SOURCE = "state.db"

_USER = "name, password, quota_octets, quota_messages, disabled, created"
_SCRAM = "user, digest, salt, iterations, stored_key, server_key"
_KEY = "domain, selector, algorithm, state, created, record, private, since"

Row = Domain | Account | AliasRow | SigningKey
Keys = dict[str, tuple[SigningKey, ...]]
"""By domain, the oldest first."""


@frozen(eq=False)
class Rows:
    """Everything of the database at one moment, by canonical names."""

    version: int = -1
    domains: dict[str, Domain] = Factory(dict)
    accounts: dict[str, Account] = Factory(dict)
    aliases: dict[str, AliasRow] = Factory(dict)
    keys: Keys = Factory(dict)
    seed: bytes = field(default=b"", repr=False)


def read(database: sqlite3.Connection, version: int) -> Rows:
    """Read all of it in one transaction."""
    database.execute("BEGIN")
    try:
        domains = database.execute("SELECT name, catch_all FROM domain ORDER BY name")
        found = {name: Domain(name, into, SOURCE) for name, into in domains}
        accounts = {str(row.name): row for row in _accounts(database)}
        aliases = {
            name: AliasRow(name, tuple(json.loads(targets)), SOURCE)
            for name, targets in database.execute(
                "SELECT name, targets FROM alias ORDER BY name"
            )
        }
        keys: Keys = {}
        for row in database.execute(f"SELECT {_KEY} FROM signing_key"):
            key = SigningKey(*row)
            keys[key.domain] = in_order((*keys.get(key.domain, ()), key))
        (seed,) = database.execute("SELECT octets FROM seed").fetchone()
    finally:
        database.execute("COMMIT")
    return Rows(version, found, accounts, aliases, keys, seed)


def _accounts(database: sqlite3.Connection) -> Iterator[Account]:
    scram: dict[str, tuple[StoredKeys, ...]] = {}
    for user, *known in database.execute(f"SELECT {_SCRAM} FROM scram"):
        scram[user] = (*scram.get(user, ()), StoredKeys(*known))
    for name, password, octets, messages, off, created in database.execute(
        f"SELECT {_USER} FROM user ORDER BY name"
    ):
        user, disabled, keys = AccountName(name), bool(off), scram.get(name, ())
        yield Account(user, password, octets, messages, disabled, created, keys)


def in_order(keys: Iterable[SigningKey]) -> tuple[SigningKey, ...]:
    """Give keys of a domain, the oldest first, RSA before Ed25519."""
    return tuple(
        sorted(
            keys,
            key=lambda key: (key.created, len(key.selector), key.algorithm[:1] != "r"),
        )
    )


def put(
    database: sqlite3.Connection, rows: Sequence[Row], version: int | None = None
) -> bool:
    """Insert or replace rows in one commit; durable on return.

    False: another connection has committed since ``version``, nothing was done.
    """
    with database:
        database.execute("BEGIN IMMEDIATE")
        if version not in (None, schema.data_version(database)):
            return False
        for row in rows:
            database.execute(*_insertion(row))
            if isinstance(row, Account):
                database.execute("DELETE FROM scram WHERE user = ?", (row.name,))
                _put_keys(database, row.name, row.keys)
    return True


def key(
    database: sqlite3.Connection, account: Account, keys: Sequence[StoredKeys]
) -> bool:
    """Add keys to an account whose password is still the one they came of."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        same = database.execute(
            "SELECT 1 FROM user WHERE name = ? AND password = ?",
            (account.name, account.password),
        ).fetchone()
        if same:
            _put_keys(database, account.name, keys)
    return bool(same)


def unkey(database: sqlite3.Connection) -> None:
    """Forget everybody's keys."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        database.execute("DELETE FROM scram")


def _put_keys(
    database: sqlite3.Connection, user: str, keys: Sequence[StoredKeys]
) -> None:
    for one in keys:
        database.execute(
            f"INSERT OR REPLACE INTO scram ({_SCRAM}) VALUES (?, ?, ?, ?, ?, ?)",
            (user, *astuple(one)),
        )


def _insertion(row: Row) -> tuple[str, tuple[str | int | float | bytes, ...]]:
    match row:
        case Domain():
            columns = "domain (name, catch_all) VALUES (?, ?)"
            return f"INSERT OR REPLACE INTO {columns}", (row.name, row.catch_all)
        case AliasRow():
            columns = "alias (name, targets) VALUES (?, ?)"
            targets = json.dumps(row.targets)
            return f"INSERT OR REPLACE INTO {columns}", (row.address, targets)
        case Account():
            return (
                f"INSERT OR REPLACE INTO user ({_USER}) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    row.name,
                    row.password,
                    row.quota_octets,
                    row.quota_messages,
                    int(row.disabled),
                    row.created,
                ),
            )
        case SigningKey():
            marks = ", ".join("?" * len(_KEY.split(", ")))
            return (
                f"INSERT OR REPLACE INTO signing_key ({_KEY}) VALUES ({marks})",
                astuple(row),
            )


def drop(database: sqlite3.Connection, row: Row, version: int | None = None) -> bool:
    """Delete one row; durable on return. A user's mail stays on the disk.

    A domain's keys go with it. False: as of :func:`put`.
    """
    with database:
        database.execute("BEGIN IMMEDIATE")
        if version not in (None, schema.data_version(database)):
            return False
        match row:
            case Domain():
                named = (row.name,)
                database.execute("DELETE FROM domain WHERE name = ?", named)
                database.execute("DELETE FROM signing_key WHERE domain = ?", named)
            case AliasRow():
                database.execute("DELETE FROM alias WHERE name = ?", (row.address,))
            case Account():
                database.execute("DELETE FROM user WHERE name = ?", (row.name,))
                database.execute("DELETE FROM scram WHERE user = ?", (row.name,))
            case SigningKey():
                database.execute(
                    "DELETE FROM signing_key WHERE domain = ? AND selector = ?",
                    (row.domain, row.selector),
                )
    return True

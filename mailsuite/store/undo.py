"""What is taken back when a step fails, whatever the failure."""

import sqlite3
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import ParamSpec

from attrs import frozen

P = ParamSpec("P")


@frozen(eq=False)
class _Failing:
    _call: Callable[[], object]

    def __enter__(self) -> None:
        """Nothing failed so far."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._call()


def failing(call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> _Failing:
    """Call ``call`` if the block does not come to its end."""
    return _Failing(partial(call, *args, **kwargs))


@frozen(eq=False)
class _Transaction:
    _database: sqlite3.Connection

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        database = self._database
        try:
            if kind is None:
                database.execute("COMMIT")
        finally:
            if database.in_transaction:
                database.execute("ROLLBACK")


def transaction(database: sqlite3.Connection) -> _Transaction:
    """Commit what the block does, or nothing of it."""
    return _Transaction(database)

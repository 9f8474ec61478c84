"""What is taken back when a step fails, whatever the failure."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

P = ParamSpec("P")


@contextmanager
def failing(
    call: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> Iterator[None]:
    """Call ``call`` if the block does not come to its end."""
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            call(*args, **kwargs)


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block does, or nothing of it."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")

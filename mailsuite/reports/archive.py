"""The database on its own thread."""

import sqlite3
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from attrs import define, field

from mailsuite.interfaces.events import IEvents
from mailsuite.model.errors import NoSpace
from mailsuite.net.lanes import Runs
from mailsuite.reports import schema

P = ParamSpec("P")
R = TypeVar("R")


@define(eq=False)
class Archive:
    """``reports.db``, or ``:memory:``."""

    path: str
    _thread: Runs
    _events: IEvents
    _database: sqlite3.Connection | None = field(default=None, init=False)

    async def open(self) -> None:
        """Open it; what is broken is set aside. :raises UsageError: unusable."""
        opened = await self._thread.run(schema.connect, self.path)
        self._database = opened.database
        if opened.aside:
            self._events.happened("reports.corrupt", path=opened.aside)

    async def run(
        self,
        call: Callable[Concatenate[sqlite3.Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Call a function of the rows with the open database.

        :raises NoSpace: the disk is full, nothing was changed.
        """
        assert self._database is not None
        try:
            return await self._thread.run(call, self._database, *args, **kwargs)
        except sqlite3.OperationalError as error:
            raise NoSpace(f"{self.path}: {error}") from error

    async def close(self) -> None:
        """Close it and end its thread."""
        if self._database is not None:
            database, self._database = self._database, None
            await self._thread.run(database.close)
        self._thread.stop()

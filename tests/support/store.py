"""A store in a folder of its own, with a journal that remembers."""

import os
import sqlite3
import time
from pathlib import Path

from attrs import define, field
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.events.memory import Events
from mailsuite.interfaces.directory import AccountFacts
from mailsuite.interfaces.journal import IJournal, Position
from mailsuite.store.accounts import Accounts, Ground
from mailsuite.store.settings import Settings

SMALL = "small@example.test"
TOLD = "told@example.test"  # the directory knows a postmaster for it


class Directory:
    """Limits only."""

    async def facts(self, account):
        boss = "boss@example.test" if account == TOLD else ""
        return AccountFacts(2_000 if account == SMALL else 0, 0, boss)


@implementer(IJournal)
@define(eq=False)
class Journal:
    """Keeps records in memory, to be replayed into another store."""

    kept: list = field(factory=list)
    epochs: int = 1
    failing: bool = False

    async def commit(self, records):
        return self._commit(records)

    def commit_for(self, records, hearer):
        hearer.begun()
        self.stands(records, hearer)

    def stands(self, records, hearer):
        """The barrier stands, or failed."""
        try:
            positions = self._commit(records)
        except OSError as error:
            hearer.told(error)
        else:
            hearer.told(positions)

    def _commit(self, records):
        if self.failing:
            raise OSError(5, "the barrier failed")
        positions = [
            Position(0, self.epochs, 8 * (len(self.kept) + n))
            for n in range(len(records))
        ]
        self.kept += zip(positions, records, strict=True)
        return positions

    def note(self, record):
        self.kept.append((Position(0, self.epochs, 8 * len(self.kept)), record))

    def epoch(self):
        return self.epochs


@define(eq=False)
class House:
    """Starts and stops stores over the same data."""

    reactor: object
    data: str
    settings: Settings = field(factory=lambda: Settings(names=0.05))
    journal: Journal = field(factory=Journal)
    events: Events = field(factory=Events)
    accounts: Accounts | None = None

    async def start(self, *, replay=False):
        os.makedirs(self.data, mode=0o700, exist_ok=True)
        ground = Ground(
            self.reactor,
            time.time,
            self.data,
            "host",
            self.events,
            Directory(),
            self.journal,
        )
        self.accounts = Accounts(ground, self.settings)
        if replay:
            for position, record in self.journal.kept:
                self.accounts.replayed(position, record)
            await self.accounts.recovered()
        self.accounts.start()
        return self.accounts

    async def stop(self):
        accounts, self.accounts = self.accounts, None
        if accounts is not None:
            await accounts.stop()

    async def kill(self):
        """Stop as a killed process would: nothing is finished, nothing written."""
        accounts, self.accounts = self.accounts, None
        accounts._desk.watching.stop()
        accounts._shelves._tidying = True  # who appended is told before names lag
        for timer in accounts._shelves._timers:
            if timer.active():
                timer.cancel()
        for entry in accounts._shelves._open.values():
            entry.shelf.end()
            await entry.shelf.lane.run(entry.shelf.index.abandon)
        await accounts._desk.scanner.stop()
        accounts._shelves.lanes.stop()
        accounts._shelves.syncs.stop()

    def home(self, account="alice@example.test") -> Path:
        user, _, domain = account.partition("@")
        return Path(self.data) / "mail" / domain / user

    def files(self, folder="", account="alice@example.test"):
        """Names in ``new`` and ``cur`` of a folder."""
        root = self.home(account) / "Maildir" / folder
        return sorted(
            f"{place}/{name.name}"
            for place in ("new", "cur")
            for name in (root / place).iterdir()
        )


def ruined(path, table):
    """Write over a table of a database."""
    database = sqlite3.connect(path)
    (root,) = database.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
    ).fetchone()
    (page,) = database.execute("PRAGMA page_size").fetchone()
    database.close()
    with open(path, "r+b") as file:
        file.seek((root - 1) * page)
        file.write(os.urandom(page))


def asleep(reactor, seconds):
    """A Deferred that fires after some seconds."""
    done = Deferred()
    reactor.callLater(seconds, done.callback, None)
    return done

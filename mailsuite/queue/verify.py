"""What must hold of the queue's database and files while no suite runs."""

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote

from mailsuite.queue.files import path_of


def findings(folder: str) -> Iterator[str]:
    """What is wrong with the queue in this data folder; none: nothing."""
    path = os.path.join(folder, "queue.db")
    if not os.path.exists(path):
        return
    try:
        database = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)
    except sqlite3.OperationalError as error:
        yield f"{path}: {error}"
        return
    try:
        for (said,) in database.execute("PRAGMA integrity_check"):
            if said != "ok":
                yield f"{path}: {said}"
        yield from _jobs(database, folder)
    except sqlite3.DatabaseError as error:
        yield f"{path}: {error}"
    finally:
        with suppress(sqlite3.Error):
            database.close()


def _jobs(database: sqlite3.Connection, folder: str) -> Iterator[str]:
    """Each job has its spool file, its content and a recipient."""
    for (job,) in database.execute(
        "SELECT DISTINCT job FROM recipient WHERE job NOT IN (SELECT id FROM job)"
    ):
        yield f"queue.db: recipients of {job}, which is no job"
    for job, crc, path in database.execute("SELECT id, crc, path FROM job"):
        try:
            with open(path_of(folder, job), "rb") as file:
                if zlib.crc32(file.read()) != crc:
                    yield f"spool file of {job} has changed"
        except OSError as error:
            yield f"spool file of {job}: {error.strerror}"
        if path and not os.path.exists(os.path.join(folder, path)):
            yield f"the content of {job} is gone: {path}"

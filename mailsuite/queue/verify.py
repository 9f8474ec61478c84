"""What must hold of the queue's database and files while no suite runs."""

import os
import sqlite3
import zlib
from collections.abc import Iterator

from mailsuite.queue.files import path_of


def findings(database: sqlite3.Connection, folder: str) -> Iterator[str]:
    """What is wrong with the queue in this data folder; none: nothing.

    Each job has its spool file, its content and a recipient.
    """
    for (job,) in database.execute(
        "SELECT DISTINCT job FROM recipient WHERE job NOT IN (SELECT id FROM job)"
    ):
        yield f"recipients of {job}, which is no job"
    for job, crc, path in database.execute("SELECT id, crc, path FROM job"):
        try:
            with open(path_of(folder, job), "rb") as file:
                if zlib.crc32(file.read()) != crc:
                    yield f"spool file of {job} has changed"
        except OSError as error:
            yield f"spool file of {job}: {error.strerror}"
        if path and not os.path.exists(os.path.join(folder, path)):
            yield f"the content of {job} is gone: {path}"

"""The child process: ``python -W ignore -m mailsuite.search.indexer FOLDER MIB``.

Answers one request at a time (:mod:`mailsuite.net.child`): ``cursor``, ``take``,
``ask``, ``drop``, ``lost``. Messages are read here, from the files that the
parent names, so that a poisonous one harms this process and no other.
"""

import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from attrs import astuple, define, field

from mailsuite.net import child
from mailsuite.search import documents
from mailsuite.search.account import Account, Broken
from mailsuite.search.documents import Document

OPEN_ACCOUNTS = 32  # indexes kept open; about 3 descriptors each
NAME_OCTETS = 200  # of a folder's name, before it is hashed
HITS = 1_000  # most in one answer

Answer = dict[str, Any]


def folder_name(account: str) -> str:
    """Name an account's folder: nothing in it but letters, digits, ``@.-_+%``."""
    name = quote(account, safe="@+")
    if name.startswith(".") or name.endswith(".corrupt") or len(name) > NAME_OCTETS:
        return sha256(account.encode()).hexdigest()
    return name


@define(eq=False)
class Indexer:
    """Every account's index below ``root``, the last used ones open."""

    root: str
    memory: int
    _open: "OrderedDict[str, Account]" = field(factory=OrderedDict)

    def answer(self, request: Mapping[str, Any], octets: bytes) -> tuple[Answer, bytes]:
        """Do what a request asks. Its names are the parent's own."""
        do: Mapping[str, Callable[[Mapping[str, Any]], Answer]] = {
            "cursor": self._cursor,
            "take": self._take,
            "ask": self._ask,
            "drop": self._drop,
            "lost": self._lost,
        }
        try:
            return do[request["do"]](request), b""
        except Broken as error:
            return {"broken": str(error), "cursor": 0}, b""

    def _account(self, name: str) -> Account:
        account = self._open.get(name)
        if account is None:
            folder = os.path.join(self.root, folder_name(name))
            account = self._open[name] = Account(folder, self.memory)
            if len(self._open) > OPEN_ACCOUNTS:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(name)
        return account

    def _cursor(self, request: Mapping[str, Any]) -> Answer:
        return {"cursor": self._account(request["account"]).cursor()}

    def _take(self, request: Mapping[str, Any]) -> Answer:
        """Index changes if the cursor stands where the parent thinks.

        Messages whose file is not there are told as ``missing`` and nothing is
        done, unless ``partial`` says to go on without them.
        """
        account = self._account(request["account"])
        cursor = account.cursor()
        if cursor != request["from"]:
            return {"cursor": cursor, "moved": True}
        found, missing = _read(request["added"])
        if missing and not request["partial"]:
            return {"cursor": cursor, "missing": missing}
        account.take(request["reached"], found, request["gone"])
        return {"cursor": request["reached"]}

    def _ask(self, request: Mapping[str, Any]) -> Answer:
        account = self._account(request["account"])
        hits = account.ask(request["words"], min(request["limit"], HITS))
        return {"hits": [astuple(hit) for hit in hits], "cursor": account.cursor()}

    def _drop(self, request: Mapping[str, Any]) -> Answer:
        self._account(request["account"]).drop()
        return {"cursor": 0}

    def _lost(self, request: Mapping[str, Any]) -> Answer:
        """Which of these accounts have no index on disk."""
        names = (
            (name, os.path.join(self.root, folder_name(name)))
            for name in request["accounts"]
        )
        return {"lost": [name for name, path in names if not os.path.isdir(path)]}


def _read(
    added: Sequence[tuple[int, str]],
) -> tuple[list[tuple[int, Document]], list[int]]:
    found, missing = [], []
    for email, path in added:
        octets = _content(path)
        if octets is None:
            missing.append(email)
        else:
            found.append((email, documents.make(octets)))
    return found, missing


def _content(path: str) -> bytes | None:
    """Read a message, wherever in its Maildir its flags have moved it."""
    try:
        return _head(path)
    except OSError:
        moved = _moved(path)
    try:
        return _head(moved) if moved else None
    except OSError:
        return None


def _head(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(documents.MESSAGE_OCTETS)


def _moved(path: str) -> str | None:
    folder, name = os.path.split(path)
    base = name.partition(":")[0]
    for sub in ("cur", "new"):
        beside = os.path.join(os.path.dirname(folder), sub)
        try:
            names = os.listdir(beside)
        except OSError:
            continue
        for other in names:
            if other.partition(":")[0] == base:
                return os.path.join(beside, other)
    return None


def main(root: str, memory: str) -> None:
    """Serve until the parent is gone."""
    os.umask(0o077)
    child.serve(Indexer(root, int(memory)).answer, background=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The lists that scripts ask about (RFC 6134): the operator's, and the account's own.

The operator's are files, read again on a lane when they change. The account's own are
annotations of its own (RFC 5464), one for each list. No path is made from a name.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.logger import Logger

from mailsuite.interfaces.mailboxes import IAccount
from mailsuite.model.annotations import settable
from mailsuite.net.lanes import Runs
from mailsuite.sieve import members
from mailsuite.sieve.members import LIST_OCTETS, Members
from mailsuite.sieve.settings import Sieve

ABOUT_LISTS = frozenset({"listed", "lists", "members"})
"""Kinds of questions that are answered here."""
SUFFIX = ".list"
FILES = 1_000  # of one folder; further ones are not looked at

_log = Logger()


@frozen
class _Kept:
    """A list as its file was; another ``stamp`` is another list."""

    stamp: tuple[int, int, int]
    members: Members | None


@define(eq=False)
class Lists:
    """Finds a list by its whole name; the settings may be changed."""

    _lane: Runs
    _etc: str
    settings: Sieve
    _kept: dict[str, _Kept] = field(factory=dict, init=False)

    async def answer(self, account: IAccount, kind: str, subject: Sequence[str]) -> Any:
        """Answer a question of :mod:`mailsuite.sieve.extensions.extlists`."""
        if kind == "lists":
            return await self._there(account, subject)
        name, *values = subject
        found = await self.find(account, name)
        if found is None:
            return None
        if kind == "members":
            return found.addresses
        return next(filter(found.holds, values), None)

    async def _there(self, account: IAccount, names: Sequence[str]) -> bool:
        for name in names:
            if await self.find(account, name) is None:
                return False
        return True

    async def find(self, account: IAccount, name: str) -> Members | None:
        """The list, as it is now; None: there is none that this account may see."""
        entry = members.entry(name)
        if entry is None:
            return await self._lane.run(self._operators, name)
        try:
            entry = settable(entry)
        except ValueError:
            return None
        value = (await account.annotations("", [entry])).get(entry)
        if value is None and entry != members.ENTRY + members.DEFAULT:
            return None
        return members.read(value or b"")

    def _operators(self, name: str) -> Members | None:
        """On the lane: look for a file of that name, in the order of the setting."""
        for path in self.settings.lists:
            whole = os.path.normpath(os.path.join(self._etc, path))
            for file in _files(whole):
                if os.path.basename(file).removesuffix(SUFFIX) == name:
                    return self._current(file)
        return None

    def _current(self, path: str) -> Members | None:
        try:
            with open(path, "rb") as file:
                found = os.fstat(file.fileno())
                stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
                kept = self._kept.get(path)
                if kept is None or kept.stamp != stamp:
                    kept = self._kept[path] = _Kept(stamp, _read(path, file.read))
        except OSError as error:
            self._kept.pop(path, None)
            _log.warn("{path}: {error}", path=path, error=error.strerror)
            return None
        return kept.members


def _read(path: str, read: Callable[[int], bytes]) -> Members | None:
    octets = read(LIST_OCTETS + 1)
    if len(octets) > LIST_OCTETS:
        _log.warn(
            "{path}: a list has at most {most} octets", path=path, most=LIST_OCTETS
        )
        return None
    return members.read(octets)


def _files(path: str) -> list[str]:
    """A file, or those of a folder."""
    try:
        names = sorted(os.listdir(path))
    except NotADirectoryError:
        return [path]
    except OSError:
        return []
    return [
        os.path.join(path, name)
        for name in names[:FILES]
        if name.endswith(SUFFIX) and not name.startswith(".")
    ]

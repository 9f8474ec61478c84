"""A small DNS for checks of SPF and iprev, which notes what it is asked."""

from collections.abc import Coroutine, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, TypeVar

from zope.interface import implementer

from mailsuite.interfaces.resolving import (
    Exchanger,
    IResolver,
    NoAnswer,
    NoSuchName,
    Records,
)

T = TypeVar("T")

Rows = Mapping[str, Sequence[str]]


@implementer(IResolver)
class Zone:
    """``names``: name to type to rows, ``MX`` as ``10 host``, one string a TXT.

    The type ``FAIL`` lists types that get no answer; ``*`` is all of them.
    """

    def __init__(self, names: Mapping[str, Rows]):
        self.rows = {name.lower(): dict(rows) for name, rows in names.items()}
        self.asked: list[tuple[str, str]] = []

    def find(self, name, kind):
        name = name.lower().rstrip(".")
        self.asked.append((kind, name))
        if name not in self.rows:
            raise NoSuchName(name)
        rows = self.rows[name]
        if kind in rows.get("FAIL", ()) or "*" in rows.get("FAIL", ()):
            raise NoAnswer(name)
        if "CNAME" in rows:
            return self.find(rows["CNAME"][0], kind)
        return rows.get(kind, ())

    async def texts(self, name: str) -> Sequence[bytes]:
        return [row.encode("latin-1") for row in self.find(name, "TXT")]

    async def addresses(self, name: str) -> Sequence[str]:
        raise AssertionError("one family is enough")

    async def exchangers(self, domain: str) -> Sequence[Exchanger]:
        rows = [row.split(" ") for row in self.find(domain, "MX")]
        found = [Exchanger(int(first), second) for first, second in rows]
        return sorted(found, key=lambda one: one.preference)

    async def names(self, address: str) -> Sequence[str]:
        return self.find(ip_address(address).reverse_pointer, "PTR")

    async def records(self, name: str, type: str) -> Records:  # noqa: A002
        return Records(tuple(self.find(name, type)))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")

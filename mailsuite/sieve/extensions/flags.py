r"""Flags (RFC 5232): ``setflag``, ``addflag``, ``removeflag``, ``hasflag``, ``:flags``.

Without a variable's name they mean the internal one, whose flags a message is filed
with where no ``:flags`` stand. A set of flags in a variable is their names between
spaces. What IMAP could not store is left out: names that are no atoms, ``\Recent``
and other system flags that nobody can set.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from attrs import evolve

from mailsuite.model.flags import KEYWORD_OCTETS, SYSTEM, canonical
from mailsuite.sieve import matching
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.extensions import variables
from mailsuite.sieve.limits import FLAGS
from mailsuite.sieve.program import Condition, Expand, Step, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import (
    CommandShape,
    Extension,
    Kind,
    Tagged,
    TestShape,
)

CAPABILITY = "imap4flags"

_KEYWORD = re.compile(r'[^\x00-\x20\x7f-\U0010ffff(){%*"\\\]]+')
_SETTABLE = frozenset(SYSTEM)

Read = Callable[[Run], Sequence[str]]
Write = Callable[[Run, Sequence[str]], None]
Combine = Callable[[Sequence[str], Sequence[str]], Sequence[str]]


def sorted_out(lists: Iterable[str]) -> list[str]:
    """The flags in lists of them, each once; at most :data:`FLAGS`."""
    found: dict[str, str] = {}
    for one in lists:
        for name in one.split():
            if len(found) >= FLAGS:
                return list(found.values())
            flag = canonical(name)
            if flag in _SETTABLE or (
                len(flag) <= KEYWORD_OCTETS and _KEYWORD.fullmatch(flag)
            ):
                found.setdefault(flag.lower(), flag)
    return list(found.values())


def _added(known: Sequence[str], given: Sequence[str]) -> Sequence[str]:
    return sorted_out((*known, *given))


def _removed(known: Sequence[str], given: Sequence[str]) -> Sequence[str]:
    gone = {flag.lower() for flag in given}
    return [flag for flag in known if flag.lower() not in gone]


def _given(_: Sequence[str], given: Sequence[str]) -> Sequence[str]:
    return given


def _changing(combine: Combine) -> Callable[[Bound], Step]:
    """A command that makes one set of flags of another and the given ones."""

    def compiled(bound: Bound) -> Step:
        read, write = _set(bound)
        lists = bound.values(1)

        def change(run: Run) -> None:
            run.step()
            write(run, combine(read(run), sorted_out(texts(run, lists))))

        return change

    return compiled


def _set(bound: Bound) -> tuple[Read, Write]:
    """What reads and writes the set that a command is about."""
    if not bound.given(0):
        return (lambda run: run.flags or ()), _internal
    _variables(bound)
    name = bound.constant(0)
    try:
        put = variables.target(name, bound.scope)
        source = _source(name, bound)
    except ValueError as error:
        raise bound.error(0, str(error)) from None
    return (
        lambda run: sorted_out([source(run)]),
        lambda run, flags: put(run, " ".join(flags)),
    )


def _internal(run: Run, flags: Sequence[str]) -> None:
    run.flags = list(flags)


def _variables(bound: Bound) -> None:
    if variables.CAPABILITY not in bound.requires:
        raise bound.error(
            0,
            "names of variables need variables, which is not asked for",
            'write require "variables"; at the beginning',
        )


def _source(name: str, bound: Bound) -> Expand:
    space, dot, last = name.rpartition(".")
    if not variables.IDENTIFIER.fullmatch(last):
        raise ValueError(f"{name[: variables.NAME_CHARACTERS]!r} is no variable's name")
    return variables.source(space + dot, last, bound.scope)


def _hasflag(bound: Bound) -> Condition:
    sources = _sources(bound)
    match = _matching_flags(bound)

    def hasflag(run: Run) -> bool:
        run.step()
        return match(run, [flag for read in sources for flag in read(run)])

    return hasflag


def _sources(bound: Bound) -> list[Read]:
    if not bound.given(0):
        return [lambda run: run.flags or ()]
    _variables(bound)
    names = bound.values(0)
    if not all(isinstance(name, str) for name in names):
        raise bound.error(0, "names of variables must be constant")
    try:
        return [_flags_of(_source(str(name), bound)) for name in names]
    except ValueError as error:
        raise bound.error(0, str(error)) from None


def _flags_of(source: Expand) -> Read:
    return lambda run: sorted_out([source(run)])


def _matching_flags(bound: Bound) -> matching.Matcher:
    """A matcher whose keys are flags; each string may hold several (§2)."""
    keys = bound.values(1)
    same = [key for key in keys if isinstance(key, str)]
    if len(same) == len(keys):
        return matching.matcher(bound, tuple(_split(same)))

    def match(run: Run, values: Sequence[str]) -> bool:
        told = tuple(map(_told, _split(texts(run, keys))))
        return matching.matcher(bound, told)(run, values)

    matching.matcher(bound, keys)  # what is wrong with it is told now
    return match


def _told(key: str) -> Expand:
    """A key that only this run has: wrong ones are its trouble, not the script's."""
    return lambda _: key


def _split(keys: Iterable[str]) -> Sequence[str]:
    return tuple(name for key in keys for name in key.split())


def flagged(bound: Bound) -> Callable[[Run, Any], Any]:
    """``:flags`` of ``keep`` and ``fileinto``."""
    lists = bound.values("flags")

    def complete(run: Run, action: Any) -> Any:
        return evolve(action, flags=tuple(sorted_out(texts(run, lists))))

    return complete


FLAGGED = Tagged("flags", Kind.STRINGS)

EXTENSION = Extension(
    CAPABILITY,
    commands=(
        CommandShape("setflag", _changing(_given), (Kind.STRING, Kind.STRINGS), 1),
        CommandShape("addflag", _changing(_added), (Kind.STRING, Kind.STRINGS), 1),
        CommandShape("removeflag", _changing(_removed), (Kind.STRING, Kind.STRINGS), 1),
    ),
    tests=(
        TestShape(
            "hasflag",
            _hasflag,
            (Kind.STRINGS, Kind.STRINGS),
            1,
            families=("match", "comparator"),
        ),
    ),
    tags={
        "keep": (FLAGGED,),
        "fileinto": (FLAGGED,),
    },
    completes={"flags": flagged},
)

"""Fields of many headers at once, for SEARCH and FETCH.

The headers are laid one behind the other, with a mark between them that is no line
of a header, and looked through in one pass: that takes a fifth to a half of the time
that as many calls take.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from mailsuite.mime import headers
from mailsuite.mime.limits import HEADER_LINES

_MARK = b"\n\0"
_REST = rb"[^\n]*+(?:\n[ \t][^\n]*+)*+"


def selector(names: frozenset[bytes]) -> Callable[[Sequence[bytes]], list[bytes]]:
    """Give what does :func:`headers.select` for these names in each of many headers."""
    single = headers.selector(names)
    wanted = sorted(re.escape(name) for name in names if name)
    if not 0 < len(wanted) <= headers.PATTERN_NAMES:
        return lambda some: list(map(single, some))
    field = rb"(?i:" + rb"|".join(wanted) + rb")[ \t]*+:" + _REST
    find = re.compile(rb"\n(?:" + field + rb"|\0|\r?\n(?=\n\0))").findall

    def selected(some: Sequence[bytes]) -> list[bytes]:
        if all(one.endswith(b"\r\n\r\n") for one in some) and _are_short(some):
            text = b"".join(find(_joined(some) + _MARK)).split(_MARK)
            if len(text) == len(some) + 1:
                return [one[1:] for one in text[:-1]]
        return list(map(single, some))

    return selected


def values(name: bytes) -> Callable[[Sequence[bytes]], Iterator[tuple[int, bytes]]]:
    """Give what finds, in many headers, each value of that name and whose it is.

    Values are as they lie there, folded; whose, that is the header's place.
    """
    field = rb"(?i:" + re.escape(name) + rb")[ \t]*+(:" + _REST + rb")"
    find = re.compile(rb"\n(?:\0|" + field + rb")").findall

    def found(some: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
        if _are_short(some):
            told = find(_joined(some))
            if told.count(b"") == len(some) - 1:
                return _placed(told)
        return _one_by_one(name, some)

    return found


def _are_short(some: Sequence[bytes]) -> bool:
    """Whether no limit of what is read of a header cuts anything off."""
    return max(map(len, some), default=0) <= HEADER_LINES


def _joined(some: Sequence[bytes]) -> bytes:
    return b"\n" + (_MARK + b"\n").join(some)


def _placed(told: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    place = 0
    for value in told:
        if value:
            yield place, value[1:]
        else:
            place += 1


def _one_by_one(name: bytes, some: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    for place, one in enumerate(some):
        for value in headers.values(one, name):
            yield place, value

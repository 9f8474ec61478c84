"""``convert`` as an action and as a test (RFC 6558), for what can be converted here.

That is HTML to plain text in UTF-8. Anything else is left as it is, and the test is
false: a script that asks for more still runs.
"""

from collections.abc import Iterator, Sequence

from mailsuite.mime import dividing
from mailsuite.sieve import looking, parts
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.extensions import loops
from mailsuite.sieve.limits import PART_OCTETS
from mailsuite.sieve.parts import Field, Path, Whole, following
from mailsuite.sieve.program import Condition, Step, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, TestShape

CAPABILITY = "convert"
CONVERTED = ("text/html", "text/plain")
"""The one conversion that there is, from and to."""

_FITTING = frozenset(("", "charset=utf-8"))
_REWRITTEN = frozenset(
    ("content-type", "content-transfer-encoding", "content-md5", "content-length")
)


def _test(bound: Bound) -> Condition:
    kinds = bound.value(0), bound.value(1)
    wishes = bound.values(2)

    def convert(run: Run) -> bool:
        run.step()
        asked = tuple(kind.lower() for kind in texts(run, kinds))
        if asked != CONVERTED or not _granted(texts(run, wishes)):
            return False
        return _converted(run)

    return convert


def _action(bound: Bound) -> Step:
    test = _test(bound)

    def convert(run: Run) -> None:
        test(run)

    return convert


def _granted(wishes: Sequence[str]) -> bool:
    return all(wish.lower().replace('"', "") in _FITTING for wish in wishes)


def _converted(run: Run) -> bool:
    """Convert the part that a loop is at, or all parts; false if there are none."""
    path = loops.current(run)
    whole = looking.whole(run) if path is None else looking.lying(run, path)
    paths = list(_html(run, whole)) if path is None else [path]
    done = False
    for one in paths:
        part = whole.part(one)
        if f"{part.type}/{part.subtype}" != CONVERTED[0] or part.size > PART_OCTETS:
            continue
        run.work(2 * parts.cost(part))
        _plain(run, whole, one)
        done = True
    return done


def _html(run: Run, whole: Whole) -> Iterator[Path]:
    path: Path | None = ()
    while path is not None:
        run.step()
        yield path
        path = following(whole.structure, path, ())


def _plain(run: Run, whole: Whole, path: Path) -> None:
    part = whole.part(path)
    entity = dividing.part(parts.readable(whole.octets, part) + "\r\n")
    message = run.editable()
    if path:
        message.replace(path, _header(whole.fields(part)) + entity)
    else:
        message.become(_header(message.fields) + entity)


def _header(fields: Sequence[Field]) -> bytes:
    kept = [one.raw for one in fields if one.name not in _REWRITTEN]
    return b"".join(raw if raw.endswith(b"\n") else raw + b"\r\n" for raw in kept)


_ARGUMENTS = (Kind.STRING, Kind.STRING, Kind.STRINGS)

EXTENSION = Extension(
    CAPABILITY,
    commands=(CommandShape("convert", _action, _ARGUMENTS),),
    tests=(TestShape("convert", _test, _ARGUMENTS),),
)

"""The ``body`` test (RFC 5173): ``:raw``, ``:content`` and ``:text``.

Text is decoded as far as its encodings are known; HTML is looked through without its
markup by ``:text``. Of a part the first MiB counts, of a message the first 4 Mi
characters: what lies behind is not found.
"""

from collections.abc import Callable, Iterator, Sequence

from mailsuite.mime import charsets
from mailsuite.model.structure import Part
from mailsuite.sieve import looking, matching, parts
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.limits import BODY_CHARACTERS, PART_OCTETS
from mailsuite.sieve.parts import Whole
from mailsuite.sieve.program import Condition, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.seen import Seen
from mailsuite.sieve.shapes import Extension, Kind, Tagged, TestShape

CAPABILITY = "body"

_BLANK = (b"\r\n\r\n", b"\n\n", b"\r\n", b"\n")

Strings = Callable[[Run], Sequence[str]]
_Sized = Iterator[tuple[int, Callable[[], str | bytes]]]
"""Octets to be decoded, and what does that: octets have no charset."""


def _body(bound: Bound) -> Condition:
    match = matching.compiled(bound, 0)
    strings = _TRANSFORMS[bound.chosen("transform", "text")](bound)

    def body(run: Run) -> bool:
        run.step()
        known = run.matched
        result = match(run, strings(run))
        run.matched = known  # RFC 5173 §6: it sets no match variables
        return result

    return body


def _raw(_: Bound) -> Strings:
    def raw(run: Run) -> Sequence[str]:
        whole = looking.whole(run)
        octets, root = whole.octets, whole.structure
        if not _has_body(octets, root):
            return ()
        run.work(min(BODY_CHARACTERS, root.size))
        body = octets[root.body : root.body + BODY_CHARACTERS]
        return Seen((charsets.guess(body),), lambda: (body,))

    return raw


def _has_body(octets: bytes, root: Part) -> bool:
    """Whether the header ends with a blank line (RFC 5173 §4)."""
    header = octets[max(0, root.body - 4) : root.body]
    return header.endswith(_BLANK[:2]) or (root.body <= 2 and header in _BLANK[2:])


def _text(_: Bound) -> Strings:
    return _remembered("", _texts)


def _texts(octets: bytes, root: Part) -> _Sized:
    for part in parts.walk(root):
        if part.type == "text" and not part.parts:
            yield parts.cost(part), _reading(parts.readable, octets, part)


def _content(bound: Bound) -> Strings:
    wanted = bound.values("content")

    def content(run: Run) -> Sequence[str]:
        kinds = [kind.lower() for kind in texts(run, wanted)]
        key = "\0".join(("content", *kinds))
        return _remembered(key, lambda octets, root: _typed(octets, root, kinds))(run)

    return content


def _remembered(key: str, found: Callable[[bytes, Part], _Sized]) -> Strings:
    """Strings that are found once for all tests of a run that want the same."""

    def strings(run: Run) -> Sequence[str]:
        whole = looking.whole(run)
        known: dict[str, tuple[Whole, Sequence[str]]]
        known = run.state.setdefault(CAPABILITY, {})
        told = known.get(key)
        if told is None or told[0] is not whole:
            octets, root = whole.octets, whole.structure
            sized = found(octets, root) if _has_body(octets, root) else iter(())
            told = known[key] = whole, _limited(run, sized)
        return told[1]

    return strings


def _limited(run: Run, sized: _Sized) -> Seen:
    found, came = [], []
    left = BODY_CHARACTERS
    for size, read in sized:
        run.work(size + 100)
        one = read() if left else ""
        text = (one if isinstance(one, str) else charsets.guess(one))[:left]
        left -= len(text)
        found.append(text)
        if isinstance(one, bytes):
            came.append(one[: len(text)])
    return Seen(found, lambda: came)


def _typed(octets: bytes, root: Part, kinds: Sequence[str]) -> _Sized:
    """What ``:content`` looks through, in the order of the parts (§5.2)."""
    for part in parts.walk(root):
        if not any(_fits(part, kind) for kind in kinds):
            continue
        if part.multipart:
            for start, end in _around(octets, part):
                yield _guessing(octets, start, end)
        elif part.parts:
            inner = part.parts[0]
            yield _guessing(octets, inner.start, inner.body)
        else:
            read = parts.content if part.type == "text" else parts.binary
            yield min(part.size, PART_OCTETS), _reading(read, octets, part)


def _fits(part: Part, kind: str) -> bool:
    if not kind:
        return True
    if "/" in kind:
        return kind == f"{part.type}/{part.subtype}"
    return kind == part.type


def _around(octets: bytes, part: Part) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where the prologue and the epilogue of a multipart lie."""
    first, last = part.parts[0], part.parts[-1]
    line = octets.rfind(b"\n", part.body, max(part.body, first.start - 1)) + 1
    prologue = part.body, max(part.body, line)
    at = last.end
    if not (last.start == last.end and octets.startswith(b"--", at)):
        at = octets.find(b"\n", at, part.end) + 1 or part.end
    return prologue, (octets.find(b"\n", at, part.end) + 1 or part.end, part.end)


def _guessing(octets: bytes, start: int, end: int) -> tuple[int, Callable[[], bytes]]:
    end = min(end, start + PART_OCTETS)
    return end - start, lambda: octets[start:end]


def _reading(
    read: Callable[[bytes, Part], str | bytes], octets: bytes, part: Part
) -> Callable[[], str | bytes]:
    return lambda: read(octets, part)


_TRANSFORMS: dict[str, Callable[[Bound], Strings]] = {
    "raw": _raw,
    "content": _content,
    "text": _text,
}

EXTENSION = Extension(
    CAPABILITY,
    tests=(
        TestShape(
            "body",
            _body,
            (Kind.STRINGS,),
            tags=(
                Tagged("raw", group="transform"),
                Tagged("content", Kind.STRINGS, group="transform"),
                Tagged("text", group="transform"),
            ),
            families=("match", "comparator"),
        ),
    ),
)

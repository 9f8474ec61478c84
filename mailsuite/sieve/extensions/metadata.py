"""Annotations of mailboxes and of the server (RFC 5490 §3.3 to §4; RFC 5464).

What they are is asked: ``metadata`` (mailbox, name) and ``servermetadata`` (name)
give a string, or None where there is none; ``metadataexists`` (mailbox, names) and
``servermetadataexists`` (names) whether there are all. ``/private`` ones are those
of the script's owner, and nobody else's.
"""

from mailsuite.sieve import matching
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.extensions.targets import asking, foreseen
from mailsuite.sieve.program import Condition, Values, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import Extension, Kind, TestShape


def _metadata(bound: Bound) -> Condition:
    return _compared("metadata", bound, (bound.value(0), bound.value(1)), 2)


def _servermetadata(bound: Bound) -> Condition:
    return _compared("servermetadata", bound, (bound.value(0),), 1)


def _compared(kind: str, bound: Bound, subject: Values, keys: int) -> Condition:
    match = matching.compiled(bound, keys)
    foreseen(kind, bound, subject)

    def compared(run: Run) -> bool:
        run.step()
        found: str | None = run.ask(kind, *texts(run, subject))
        return match(run, [] if found is None else [found])

    return compared


def _metadataexists(bound: Bound) -> Condition:
    return asking("metadataexists", bound, (bound.value(0), *bound.values(1)))


def _servermetadataexists(bound: Bound) -> Condition:
    return asking("servermetadataexists", bound, bound.values(0))


_FAMILIES = ("match", "comparator")

EXTENSIONS = (
    Extension(
        "mboxmetadata",
        tests=(
            TestShape(
                "metadata",
                _metadata,
                (Kind.STRING, Kind.STRING, Kind.STRINGS),
                families=_FAMILIES,
            ),
            TestShape("metadataexists", _metadataexists, (Kind.STRING, Kind.STRINGS)),
        ),
    ),
    Extension(
        "servermetadata",
        tests=(
            TestShape(
                "servermetadata",
                _servermetadata,
                (Kind.STRING, Kind.STRINGS),
                families=_FAMILIES,
            ),
            TestShape("servermetadataexists", _servermetadataexists, (Kind.STRINGS,)),
        ),
    ),
)

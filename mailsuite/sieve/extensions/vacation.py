"""``vacation`` (RFC 5230), its ``:seconds`` (RFC 6131): a reply is planned.

Whether it may be sent and whether the sender got it already only delivery knows; the
reply itself is composed by :mod:`mailsuite.mime.autoreply`.
"""

from hashlib import sha256
from typing import Any

from attrs import field, frozen

from mailsuite.mime import compose
from mailsuite.mime.addresses import Mailbox
from mailsuite.sieve import outbound
from mailsuite.sieve.actions import FileInto
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Trouble
from mailsuite.sieve.program import Step, text, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, Tagged

DAY = 24 * 3600
DAYS = 7  # between two replies to one sender, RFC 5230 §4.1
MOST_DAYS = 180  # more are as many; RFC 5230 §4.1 asks for more than 30
ADDRESSES = 100  # of the owner that one command may name


@frozen
class Vacation:
    """Reply to the sender, unless the same reply went there ``seconds`` ago.

    ``handle`` tells replies apart; ``seconds`` 0: each message is answered. ``subject``
    None: made of the one that came. ``authors`` none: the owner. ``mime``: the reason
    is a MIME entity. Never cancels the implicit keep.
    """

    reason: str
    handle: str = field(repr=False)
    seconds: int = DAYS * DAY
    subject: str | None = None
    authors: tuple[Mailbox, ...] = ()
    addresses: tuple[str, ...] = ()
    mime: bool = False
    fcc: FileInto | None = None
    at: int = 0

    def clashes(self, other: Any) -> str:
        """RFC 5230 §4.7: once in a run."""
        if isinstance(other, Vacation):
            return f"vacation was executed in line {other.at} already"
        return ""


def identity(*pieces: str | None) -> str:
    """What stands for these pieces in the memory, each for itself; None: not given."""
    told = "".join("-" if one is None else f"{len(one)}:{one}" for one in pieces)
    return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def written_identity(bound: Bound) -> str:
    """The identity of a reply by its arguments as the script has them (RFC 5230 §4.2).

    Variables are not expanded for it.
    """

    def written(which: int | str) -> str | None:
        given = bound.given(which)
        return bound.texts(which)[0].value if given else None

    mime = "mime" if bound.has("mime") else None
    return identity("written", written("subject"), written("from"), mime, written(0))


def _seconds(bound: Bound) -> int:
    if bound.has("seconds"):
        return min(bound.number("seconds"), MOST_DAYS * DAY)
    days = bound.number("days") if bound.has("days") else DAYS
    return min(max(days, 1), MOST_DAYS) * DAY


def _vacation(bound: Bound) -> Step:
    handle = bound.value("handle") if bound.has("handle") else None
    synthesized = written_identity(bound)
    subject = bound.value("subject") if bound.has("subject") else None
    authors = outbound.authors(bound)
    addresses = bound.values("addresses") if bound.has("addresses") else ()
    seconds, mime, reason = _seconds(bound), bound.has("mime"), bound.value(0)
    if mime and isinstance(reason, str):
        try:
            compose.entity(reason)
        except ValueError as error:
            raise bound.error(0, str(error)) from None
    complete = bound.vocabulary.completed(bound)

    def vacation(run: Run) -> None:
        run.step()
        told = text(run, reason)
        if mime:
            _check_entity(told, bound.line)
        action = Vacation(
            told,
            synthesized if handle is None else identity("handle", text(run, handle)),
            seconds,
            None if subject is None else text(run, subject),
            authors(run),
            tuple(texts(run, addresses)[:ADDRESSES]),
            mime,
            at=bound.line,
        )
        run.act(complete(run, action), cancels=False)

    return vacation


def _check_entity(told: str, line: int) -> None:
    try:
        compose.entity(told)
    except ValueError as error:
        raise Trouble(f"line {line}: {error}") from None


EXTENSIONS = (
    Extension(
        "vacation",
        commands=(
            CommandShape(
                "vacation",
                _vacation,
                (Kind.STRING,),
                tags=(
                    Tagged("days", Kind.NUMBER, group="interval"),
                    Tagged("subject", Kind.STRING),
                    Tagged("from", Kind.STRING),
                    Tagged("addresses", Kind.STRINGS),
                    Tagged("mime"),
                    Tagged("handle", Kind.STRING),
                ),
            ),
        ),
    ),
    Extension(
        "vacation-seconds",
        implies=("vacation",),
        tags={"vacation": (Tagged("seconds", Kind.NUMBER, group="interval"),)},
    ),
)

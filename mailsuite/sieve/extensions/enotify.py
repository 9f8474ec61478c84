"""``notify`` and what belongs to it (RFC 5435), with the method mailto (RFC 5436).

Mail that a program sent is not told of, and no address twice in one run.
"""

import re
from collections.abc import Sequence

from attrs import evolve, frozen

from mailsuite.mime import autoreply, mailto
from mailsuite.mime.addresses import Mailbox
from mailsuite.mime.mailto import Mailto
from mailsuite.sieve import matching, outbound
from mailsuite.sieve.actions import FileInto
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Exhausted, Trouble
from mailsuite.sieve.program import Condition, Step, Value, text, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, Tagged, TestShape

CAPABILITY = "enotify"
NOTICES = 4  # in one run; RFC 5435 §8 asks for a limit
MESSAGE_CHARACTERS = 1_000  # of a notice's subject
CAPABILITIES = {"online": "maybe", "fcc": "yes"}
"""What is known of every mailto address (RFC 5436 §2.2, RFC 8580 §3.2.1)."""

_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*=[^\x00\n]*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_IMPORTANCE = ("1", "2", "3")


@frozen
class Notify:
    """Tell somebody of the message. ``recipients`` are addresses, of ``uri`` or fewer.

    ``message`` None: the URI's subject, or that of the message. ``authors`` none: the
    owner. ``importance`` 1 is high, 3 low. Never cancels the implicit keep.
    """

    uri: Mailto
    recipients: tuple[str, ...]
    message: str | None = None
    importance: str = "2"
    authors: tuple[Mailbox, ...] = ()
    fcc: FileInto | None = None
    at: int = 0


class Unknown(ValueError):  # noqa: N818 - an answer
    """There is no such method here."""


def method(uri: str) -> Mailto:
    """Understand a method. :raises ValueError: it is not valid.

    :raises Unknown: nobody here has it.
    """
    scheme = _SCHEME.match(uri)
    if scheme is None:
        raise ValueError(f"{uri[:100]!r} is no URI")
    if scheme[1].lower() != "mailto":
        raise Unknown(f"notices by {scheme[1][:40]} cannot be sent, only by mailto")
    return mailto.parse(uri, lambda one: outbound.address(one) is not None)


def _notify(bound: Bound) -> Step:
    uri = bound.value(0)
    message = bound.value("message") if bound.has("message") else None
    importance: Value = bound.value("importance") if bound.has("importance") else "2"
    options = bound.values("options") if bound.has("options") else ()
    authors = outbound.authors(bound)
    _check(bound, uri, importance)
    for option in options:
        if isinstance(option, str) and not _OPTION.fullmatch(option):
            raise bound.error("options", f"{option[:40]!r} is not name=value")
    complete = bound.vocabulary.completed(bound)

    def notify(run: Run) -> None:
        run.step()
        urgency = text(run, importance)
        if urgency not in _IMPORTANCE:
            raise Trouble(f"line {bound.line}: {urgency[:20]!r} is no importance")
        for option in texts(run, options):
            if not _OPTION.fullmatch(option):
                raise Trouble(f"line {bound.line}: {option[:40]!r} is not name=value")
        told = None if message is None else text(run, message)[:MESSAGE_CHARACTERS]
        found = _method(run, text(run, uri), bound.line)
        action = Notify(found, (), told, urgency, authors(run), at=bound.line)
        _plan(run, complete(run, action))

    return notify


def _check(bound: Bound, uri: Value, importance: Value) -> None:
    """What can be told before the script runs; others' methods are told then."""
    if isinstance(importance, str) and importance not in _IMPORTANCE:
        hint = 'write "1" (high), "2" or "3" (low)'
        raise bound.error("importance", f"{importance[:20]!r} is no importance", hint)
    if isinstance(uri, str):
        try:
            method(uri)
        except Unknown:
            pass
        except ValueError as error:
            raise bound.error(0, str(error), 'write "mailto:name@domain"') from None


def _method(run: Run, uri: str, line: int) -> Mailto:
    run.work(len(uri))
    try:
        return method(uri)
    except ValueError as error:
        raise Trouble(f"line {line}: {error}") from None


def _plan(run: Run, action: Notify) -> None:
    """Plan it for those who are not told yet; of what programs sent, for nobody."""
    if autoreply.automatic(run.letter.message.header):
        return
    earlier = [one for one in run.actions if isinstance(one, Notify)]
    told = {address for one in earlier for address in one.recipients}
    named = dict.fromkeys((*action.uri.to, *action.uri.cc))
    recipients = tuple(one for one in named if one not in told)
    if not recipients:
        return
    if len(earlier) >= NOTICES:
        raise Exhausted(f"more than {NOTICES} notices")
    run.act(evolve(action, recipients=recipients), cancels=False)


def _valid_notify_method(bound: Bound) -> Condition:
    uris = bound.values(0)

    def valid_notify_method(run: Run) -> bool:
        run.step()
        return all(_valid(run, uri) for uri in texts(run, uris))

    return valid_notify_method


def _valid(run: Run, uri: str) -> bool:
    run.work(len(uri))
    try:
        method(uri)
    except ValueError:
        return False
    return True


def _notify_method_capability(bound: Bound) -> Condition:
    uri, capability = bound.value(0), bound.value(1)
    match = matching.compiled(bound, 2)

    def notify_method_capability(run: Run) -> bool:
        run.step()
        known = CAPABILITIES.get(text(run, capability).lower())
        if known is None or not _valid(run, text(run, uri)):
            return False
        values: Sequence[str] = [known]
        return match(run, values)

    return notify_method_capability


EXTENSION = Extension(
    CAPABILITY,
    commands=(
        CommandShape(
            "notify",
            _notify,
            (Kind.STRING,),
            tags=(
                Tagged("from", Kind.STRING),
                Tagged("importance", Kind.STRING),
                Tagged("options", Kind.STRINGS),
                Tagged("message", Kind.STRING),
            ),
        ),
    ),
    tests=(
        TestShape("valid_notify_method", _valid_notify_method, (Kind.STRINGS,)),
        TestShape(
            "notify_method_capability",
            _notify_method_capability,
            (Kind.STRING, Kind.STRING, Kind.STRINGS),
            families=("match", "comparator"),
        ),
    ),
)
"""``:encodeurl`` stands with the other modifiers of ``set``, in ``variables``."""

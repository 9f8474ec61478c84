"""Where to file: ``mailbox`` (RFC 5490), ``special-use`` (RFC 8579), ``mailboxid``.

(RFC 9042.) Only the world knows which mailboxes there are:

====================  =================================  ==========================
question              subject                            answer
====================  =================================  ==========================
mailboxexists         names                              whether there are all, and
                                                         mail can be filed there
specialuse_exists     a name or nothing, then uses       whether that mailbox, or
                                                         any, has each of the uses
mailboxidexists       identifiers                        as of mailboxexists
====================  =================================  ==========================
"""

import re
from collections.abc import Callable
from typing import Any

from attrs import evolve

from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Question, Trouble
from mailsuite.sieve.program import Condition, Value, Values, text, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import Extension, Kind, Tagged, TestShape

MAILBOX_CHARACTERS = 1_000  # of a name, before it is understood

_USE = re.compile(r"\\[^\x00-\x20\x7f-\U0010ffff(){%*\"\\\]]{1,100}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,255}")  # RFC 8474 §4

Completed = Callable[[Run, Any], Any]


def mailbox_name(run: Run, value: Value, line: int) -> str:
    """The name of a mailbox. :raises Trouble: it can be none."""
    name = text(run, value)
    if not name or len(name) > MAILBOX_CHARACTERS or not name.isprintable():
        raise Trouble(f"line {line}: {name[:100]!r} names no mailbox")
    return name


def asking(kind: str, bound: Bound, values: Values) -> Condition:
    """A test that is a question with these strings as its subject."""
    foreseen(kind, bound, values)

    def ask(run: Run) -> bool:
        run.step()
        return bool(run.ask(kind, *texts(run, values)))

    return ask


def foreseen(kind: str, bound: Bound, values: Values) -> None:
    """Tell the question beforehand where its subject is known."""
    known = tuple(value for value in values if isinstance(value, str))
    if len(known) == len(values):
        bound.scope.wanted.append(Question(kind, known))


def _mailboxexists(bound: Bound) -> Condition:
    return asking("mailboxexists", bound, bound.values(0))


def _mailboxidexists(bound: Bound) -> Condition:
    return asking("mailboxidexists", bound, bound.values(0))


def _specialuse_exists(bound: Bound) -> Condition:
    uses = bound.values(1)
    if not bound.given(0):
        return asking("specialuse_exists", bound, ("", *uses))
    mailbox = bound.value(0)
    ask = asking("specialuse_exists", bound, (mailbox, *uses))

    def of_that(run: Run) -> bool:
        if text(run, mailbox):
            return ask(run)
        run.step()
        return False  # no mailbox has an empty name

    return of_that


def create(_: Bound) -> Completed:
    """``:create``: the mailbox is made if it is not there."""
    return lambda _, action: evolve(action, create=True)


def special_use(bound: Bound) -> Completed:
    """``:specialuse``: into the mailbox with that use, if there is one."""
    use = bound.value("specialuse")
    if isinstance(use, str) and not _USE.fullmatch(use):
        raise bound.error("specialuse", f"{use} is no special use", r'as in "\\Junk"')

    def complete(run: Run, action: Any) -> Any:
        return evolve(action, special_use=text(run, use))

    return complete


def identified(bound: Bound) -> Completed:
    """``:mailboxid``: into the mailbox with that identifier, if there is one."""
    identifier = bound.value("mailboxid")
    if isinstance(identifier, str) and not _IDENTIFIER.fullmatch(identifier):
        raise bound.error("mailboxid", f"{identifier} is no identifier of a mailbox")
    if bound.has("specialuse"):
        raise bound.error("mailboxid", ":mailboxid cannot stand beside :specialuse")

    def complete(run: Run, action: Any) -> Any:
        return evolve(action, mailbox_id=text(run, identifier))

    return complete


CREATE = Tagged("create")
SPECIAL_USE = Tagged("specialuse", Kind.STRING)
MAILBOX_ID = Tagged("mailboxid", Kind.STRING)

EXTENSIONS = (
    Extension(
        "mailbox",
        tests=(TestShape("mailboxexists", _mailboxexists, (Kind.STRINGS,)),),
        tags={"fileinto": (CREATE,)},
        completes={"create": create},
    ),
    Extension(
        "special-use",
        tests=(
            TestShape(
                "specialuse_exists",
                _specialuse_exists,
                (Kind.STRING, Kind.STRINGS),
                optional=1,
            ),
        ),
        tags={"fileinto": (SPECIAL_USE,)},
        completes={"specialuse": special_use},
    ),
    Extension(
        "mailboxid",
        tests=(TestShape("mailboxidexists", _mailboxidexists, (Kind.STRINGS,)),),
        tags={"fileinto": (MAILBOX_ID,)},
        completes={"mailboxid": identified},
    ),
)

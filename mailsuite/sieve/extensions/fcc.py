"""``:fcc``: a copy of the message that a command makes is filed (RFC 8580).

The action of such a command has a field ``fcc``, which is None or a
:class:`~mailsuite.sieve.actions.FileInto`, and its compiler has the action completed
(:meth:`~mailsuite.sieve.vocabulary.Vocabulary.completed`). What else may stand at
``fileinto`` stands beside ``:fcc`` and is about the copy.
"""

from typing import Any

from attrs import evolve

from mailsuite.sieve.actions import FileInto
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.extensions import flags, targets
from mailsuite.sieve.extensions.targets import Completed, mailbox_name
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import Complete, Extension, Kind, Tagged

COPYING = ("vacation", "notify")
"""Commands that make a message of which a copy can be filed."""

_BESIDE: dict[str, tuple[Tagged, Complete]] = {
    "flags": (evolve(flags.FLAGGED, needs="imap4flags"), flags.flagged),
    "create": (evolve(targets.CREATE, needs="mailbox"), targets.create),
    "specialuse": (
        evolve(targets.SPECIAL_USE, needs="special-use"),
        targets.special_use,
    ),
    "mailboxid": (evolve(targets.MAILBOX_ID, needs="mailboxid"), targets.identified),
}


def _copied(bound: Bound) -> Completed:
    mailbox = bound.value("fcc")
    beside = [_BESIDE[tag][1](bound) for tag in bound.tags if tag in _BESIDE]

    def complete(run: Run, action: Any) -> Any:
        copy: Any = FileInto(mailbox_name(run, mailbox, bound.line), at=bound.line)
        for one in beside:
            copy = one(run, copy)
        return evolve(action, fcc=copy)

    return complete


def _beside(tag: str, alone: Complete) -> Complete:
    """A tag that is about the copy where a command makes one."""

    def completing(bound: Bound) -> Completed:
        if bound.node.name not in COPYING:
            return alone(bound)
        if not bound.has("fcc"):
            raise bound.error(None, f":{tag} can only stand beside :fcc")
        return _unchanged

    return completing


def _unchanged(_: Run, action: Any) -> Any:
    return action


_TAGS = (Tagged("fcc", Kind.STRING), *(tag for tag, _ in _BESIDE.values()))

EXTENSION = Extension(
    "fcc",
    tags=dict.fromkeys(COPYING, _TAGS),
    completes={
        "fcc": _copied,
        **{tag: _beside(tag, alone) for tag, (_, alone) in _BESIDE.items()},
    },
)
"""Comes after the extensions whose tags it lets stand beside its own."""

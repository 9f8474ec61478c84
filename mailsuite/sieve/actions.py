"""What a script wants done with a message; delivery carries it out.

``at`` is the line that asked for it, for the owner's eyes. Mailbox names are as
the script has them, decoded; delivery decides what they mean.
"""

from typing import Any

from attrs import evolve, frozen


@frozen
class Keep:
    """Into the INBOX (RFC 5228 §4.3). ``flags`` None: those of the message.

    ``implicit``: nobody asked for it and nothing cancelled it (§2.10.2).
    """

    flags: tuple[str, ...] | None = None
    implicit: bool = False
    at: int = 0


@frozen
class FileInto:
    """Into a mailbox (RFC 5228 §4.1) and what extensions add to that."""

    mailbox: str
    flags: tuple[str, ...] | None = None
    create: bool = False
    special_use: str = ""
    mailbox_id: str = ""
    at: int = 0


@frozen
class Redirect:
    """To another address (RFC 5228 §4.2)."""

    address: str
    notify: str = ""
    """NOTIFY of the copy (RFC 6009), empty: as it came."""
    ret: str = ""
    by: str = ""
    """BY of the copy (RFC 2852), empty: none."""
    at: int = 0


@frozen
class RedirectList:
    """To every member of a list (RFC 6134 §2.6); ``each`` as an action of its own."""

    name: str
    each: tuple[Redirect, ...]
    at: int = 0


@frozen
class Discard:
    """Nothing is kept (RFC 5228 §4.4)."""

    at: int = 0


Action = Keep | FileInto | Redirect | RedirectList | Discard
"""Extensions add to these in :mod:`.extensions`, each in its file."""


def clash(known: Any, action: Any) -> str:
    """Why two actions cannot stand in one plan; empty: they can.

    An action that bears some others not has a method ``clashes``, one that counts
    instead of others (:func:`together`) a method ``over``.
    """
    for one, other in ((action, known), (known, action)):
        if (clashes := getattr(one, "clashes", None)) and (why := clashes(other)):
            return str(why)
    return ""


def together(known: Any, action: Any) -> Any | None:
    """One action for two that put the message into one place, None: they do not.

    RFC 5228 §2.10.3; of flags the last win (RFC 5232 §3).
    """
    if isinstance(action, FileInto) and isinstance(known, FileInto):
        made = evolve(action, create=action.create or known.create)
        same = evolve(known, at=made.at, flags=made.flags, create=made.create)
        return made if same == made else None
    if isinstance(action, Keep) and isinstance(known, Keep):
        return action
    if (over := getattr(action, "over", None)) is not None:
        return over(known)
    return known if evolve(known, at=action.at) == action else None

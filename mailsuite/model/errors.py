"""The families of exceptions, and what an operator reads of the system's own.

What mail does every day is a value (:mod:`~mailsuite.model.verdicts`,
:mod:`~mailsuite.model.outcomes`); these are for the rest. The unforeseen is no
family: the door answers it as a temporary failure and logs it once.
"""

import os

from mailsuite.model.replies import Reply


class Refusal(Exception):  # noqa: N818 - an answer to the peer, not an error of ours
    """Tell the peer ``reply`` and go on."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class PeerError(Exception):
    """The peer broke the protocol; the text may be shown to it."""


class UsageError(Exception):
    """We, or the operator, asked for what cannot be; the text says what to do."""


class Taken(Exception):  # noqa: N818 - a state of the world, not an error
    """Someone else holds it; try the next one or try later."""


class OverQuota(Exception):  # noqa: N818 - same
    """The account has no room for what was to be stored; nothing was."""


class NoSpace(Exception):  # noqa: N818 - same
    """The disk or the journal is full; nothing was kept. Heals by itself."""


class Damaged(Exception):  # noqa: N818 - same
    """Stored octets cannot be read; others are not touched by it."""


def sentence(error: OSError) -> str:
    """Say what the system refused: of which file, and why."""
    where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
    return f"{where}{error.strerror or error}"

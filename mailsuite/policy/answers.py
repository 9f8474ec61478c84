"""Outcomes of a delivery as replies to the one who waits for them (RFC 2033)."""

import textwrap

from mailsuite.model.outcomes import Failed, Outcome
from mailsuite.model.replies import Reply

DELIVERED = Reply(250, "2.1.5", "Delivered")
ACCEPTED = Reply(250, "2.1.5", "Accepted for delivery")
NO_SPACE = Reply(452, "4.3.1", "Insufficient system storage")
TROUBLE = Reply(451, "4.3.0", "Requested action aborted: local error in processing")

TEXT_OCTETS = 400  # of a reply's line; RFC 5321 §4.5.3.1.5 allows 512 in all
LINES = 20  # of one reply


def queued(ident: str) -> Reply:
    """The queue has taken responsibility for every recipient."""
    return Reply(250, "2.0.0", f"Ok: queued as {ident}")


def reply_to(outcome: Outcome | None) -> Reply:
    """Answer one LMTP recipient.

    What is deferred, expanded or still open is the queue's responsibility, which
    is just what 250 says (RFC 2033 §4.2): a 4yz would make the client keep a
    second copy of what the queue goes on delivering.
    """
    if isinstance(outcome, Failed):
        first, *others = _lines(outcome.text) or ["Not delivered"]
        return Reply(550, outcome.status, first, tuple(others))
    return ACCEPTED if outcome is None else DELIVERED


def _lines(text: str) -> list[str]:
    """What a reply may say, on as many lines as there are (RFC 5429 §2.5)."""
    shown = [_clean(line) for line in text.splitlines()[:LINES]]
    pieces = [piece for line in shown for piece in textwrap.wrap(line, TEXT_OCTETS)]
    return pieces[:LINES]


def _clean(text: str) -> str:
    return "".join(mark if " " <= mark <= "~" else " " for mark in text)

"""``imapsieve`` (RFC 6785): scripts that run when an IMAP client does something.

Whoever runs a script at such an event tells its cause in the letter, the items
``imap.user`` and so on in its environment, and the message's flags. What answers or
judges a delivery is an error then: there is none.
"""

from mailsuite.sieve.errors import Trouble
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import Extension

CAPABILITY = "imapsieve"
VENDOR = "vnd.dovecot.imapsieve"
APPEND, COPY, FLAG = "APPEND", "COPY", "FLAG"
CAUSES = (APPEND, COPY, FLAG)
"""Of the item ``imap.cause`` (§4.3); MOVE is a COPY (RFC 6851 §4.5)."""

USER, EMAIL = "imap.user", "imap.email"
CAUSE, MAILBOX, CHANGED = "imap.cause", "imap.mailbox", "imap.changedflags"
FROM, TO = "vnd.dovecot.mailbox-from", "vnd.dovecot.mailbox-to"
"""Dovecot's: where a message was copied from, and where it went."""
OWNERS = {
    **dict.fromkeys((USER, EMAIL, CAUSE, MAILBOX, CHANGED), CAPABILITY),
    **dict.fromkeys((FROM, TO), VENDOR),
}
"""Items and the capability that a script must ask for to see them (§2.1)."""

PLACE = {"location": "MS", "phase": "post"}
"""Items of RFC 5183 as they are at every event (§4.1)."""

INAPPLICABLE = frozenset(
    (
        *("reject", "ereject", "vacation", "vacation-seconds", "duplicate"),
        "processcalendar",
    )
)
"""Capabilities for deliveries alone: RFC 6785 §3.11, RFC 7352 §3.4, RFC 9671 §7.2."""


def at_delivery(run: Run, line: int, what: str) -> None:
    """:raises Trouble: this is no delivery, and ``what`` has no meaning."""
    if run.letter.event:
        raise Trouble(f"line {line}: {what} is for deliveries, not for IMAP events")


EXTENSIONS = (
    Extension(CAPABILITY),
    Extension(VENDOR, implies=(CAPABILITY, "environment")),
)

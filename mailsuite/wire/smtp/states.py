"""Where an SMTP dialogue can stand, and what leads where (RFC 5321 §4.1.4)."""

from enum import Enum

from mailsuite.model.replies import Reply
from mailsuite.wire.smtp import replies


class State(Enum):
    """Between two commands."""

    CONNECTED = "nothing was said"
    STARTED = "greeted by us"
    GREETED = "hello was said"
    SENDER = "in a transaction without recipients"
    RECIPIENTS = "in a transaction with recipients"
    CONTENT = "content comes"
    PROVING = "in an authentication exchange"
    SECURING = "the TLS handshake comes"
    CLOSED = "nothing more is read"

    __hash__ = object.__hash__  # the table is asked for every command


class Verb(Enum):
    """Commands that have a place in the table, and two happenings."""

    OPEN = "(connection)"
    HELLO = "EHLO"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END = "(end of content)"
    RSET = "RSET"
    TELL = "NOOP"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    RESPONSE = "(response)"
    QUIT = "QUIT"

    __hash__ = object.__hash__


_S, _V = State, Verb
_LISTENING = (_S.STARTED, _S.GREETED, _S.SENDER, _S.RECIPIENTS)

TABLE: dict[tuple[State, Verb], State] = {
    (_S.CONNECTED, _V.OPEN): _S.STARTED,
    **{(state, _V.HELLO): _S.GREETED for state in _LISTENING},
    **{(state, _V.TELL): state for state in _LISTENING},
    **{(state, _V.QUIT): _S.CLOSED for state in _LISTENING},
    (_S.STARTED, _V.RSET): _S.STARTED,
    (_S.GREETED, _V.RSET): _S.GREETED,
    (_S.SENDER, _V.RSET): _S.GREETED,
    (_S.RECIPIENTS, _V.RSET): _S.GREETED,
    (_S.STARTED, _V.STARTTLS): _S.SECURING,
    (_S.GREETED, _V.STARTTLS): _S.SECURING,
    (_S.GREETED, _V.AUTH): _S.GREETED,
    (_S.PROVING, _V.RESPONSE): _S.GREETED,
    (_S.GREETED, _V.MAIL): _S.SENDER,
    (_S.SENDER, _V.RCPT): _S.RECIPIENTS,
    (_S.RECIPIENTS, _V.RCPT): _S.RECIPIENTS,
    (_S.RECIPIENTS, _V.DATA): _S.CONTENT,
    (_S.CONTENT, _V.END): _S.GREETED,
}
"""Where a positive answer leads; a pair that is missing is out of order."""

LASTING = frozenset({_V.END, _V.RESPONSE})
"""These lead where the table says whatever the answer is."""


def misplaced(state: State, verb: Verb) -> Reply:
    """Say what should have come first."""
    if state is State.STARTED:
        return replies.GREET_FIRST
    if verb is Verb.MAIL:
        return replies.NESTED
    if verb in {Verb.RCPT, Verb.DATA}:
        return (
            replies.RECIPIENT_FIRST if state is State.SENDER else replies.SENDER_FIRST
        )
    return replies.BAD_SEQUENCE

"""From what happened to an outcome, with status, host and text for the DSN."""

from mailsuite.model.outcomes import Deferred, Delivered, Failed
from mailsuite.wire.smtp.answers import Answer

Fate = Delivered | Deferred | Failed

# RFC 3463 codes for what no server said in its own words.
NO_SUCH_DOMAIN = "5.1.2"
NULL_MX = "5.1.10"  # RFC 7505 §5
BAD_ADDRESS = "5.1.3"
TOO_BIG = "5.3.4"
NO_ROUTE = "5.4.4"
LOOP = "5.4.6"
NO_CONVERSION = "5.6.3"
NO_UTF8 = "5.6.7"  # RFC 6531 §3.5
NO_CONNECTION = "4.4.1"
LOST = "4.4.2"
NO_NAMES = "4.4.3"
TOO_MANY = "4.5.3"  # recipients in one transaction
NOT_SMTP = "4.5.0"
NO_TLS = "4.7.4"
BAD_TLS = "4.7.5"
NO_LOGIN = "4.7.8"


def outcome(answer: Answer, host: str) -> Fate:
    """Judge a server's answer for one recipient.

    Without an enhanced code the class alone is told: guessing that a plain 550
    means a bad mailbox would be wrong as often as right.
    """
    if answer.positive:
        return Delivered(f"{host}: {answer}")
    if answer.permanent:
        return Failed(answer.status or "5.0.0", str(answer), host)
    return Deferred(answer.status or "4.0.0", str(answer), host)


def temporary(answer: Answer, host: str) -> Deferred:
    """Judge a refusal that is our own configuration's fault, not the mail's."""
    status = answer.status if answer.status.startswith("4") else NO_LOGIN
    return Deferred(status, str(answer), host)

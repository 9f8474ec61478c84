"""What a policy stage says of a connection, a command or a message."""

from collections.abc import Mapping
from enum import Enum

from attrs import Factory

from mailsuite.model.address import Address
from mailsuite.model.envelope import Marks
from mailsuite.model.replies import Reply
from mailsuite.model.values import value


class Phase(Enum):
    """Where in the SMTP dialogue a stage is asked."""

    CONNECT = "connect"
    GREETING = "greeting"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    MESSAGE = "message"

    __hash__ = object.__hash__  # stages are looked up by it for every command


@value
class Proceed:
    """No objection. ``prefix`` is whole header fields put before the message.

    ``marks`` are of the message (in phase RCPT of the recipient), ``each`` are
    those of some recipients, in phase MESSAGE.
    """

    marks: Marks = Factory(dict)
    prefix: bytes = b""
    each: Mapping[Address, Marks] = Factory(dict)


@value
class Refuse:
    """Answer ``reply`` (4yz or 5yz); ``close`` ends the connection after it."""

    reply: Reply
    close: bool = False


Verdict = Proceed | Refuse
PROCEED = Proceed()

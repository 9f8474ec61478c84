"""What the session machine makes of a client's octets."""

from typing import Any

from attrs import field, frozen

from mailsuite.wire.imap.commands.append import Append


@frozen
class Command:
    """A whole command that is allowed now; ``value`` is of its parser."""

    tag: bytes
    name: bytes
    value: Any


@frozen
class Refused:
    """Answer ``text`` (NO or BAD and why) tagged; the command had no effect."""

    tag: bytes
    text: bytes
    fatal: bool = False
    """Say BYE and hang up: what follows cannot be told from commands."""


@frozen
class Wanted:
    """Send a continuation: the client waits with its literal."""


@frozen
class Upload:
    """An APPEND whose message of ``size`` octets comes next.

    Call ``accept`` or ``decline`` of the session before the next event.
    """

    tag: bytes
    append: Append
    size: int
    waits: bool
    """Whether the client waits for a continuation (no LITERAL+)."""


@frozen
class Block:
    """Some octets of the message."""

    octets: bytes = field(repr=False)


@frozen
class Uploaded:
    """The message is whole and the command ended as it should."""


@frozen
class Line:
    """A line of a client that is in IDLE or AUTHENTICATE, its CRLF left out."""

    text: bytes = field(repr=False)


Event = Command | Refused | Wanted | Upload | Block | Uploaded | Line

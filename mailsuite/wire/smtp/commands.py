"""Commands as values (RFC 5321 §4.1.1): what the session tells its door."""

from attrs import field

from mailsuite.model.address import Address
from mailsuite.model.errors import Refusal
from mailsuite.model.replies import Reply
from mailsuite.model.values import value
from mailsuite.wire.smtp import paths, replies
from mailsuite.wire.smtp.parameters import Parameters


@value
class Hello:
    """HELO, EHLO or LHLO; ``extended`` for the latter two."""

    name: str
    extended: bool


@value
class Mail:
    """MAIL FROM; ``sender`` None is the null reverse-path."""

    sender: Address | None
    parameters: Parameters


@value
class Rcpt:
    """RCPT TO."""

    address: Address
    parameters: Parameters


@value
class Data:
    """DATA: answer 354 to get the content."""


@value
class Content:
    """A block of content, already without stuffed dots. Takes no answer."""

    block: bytes = field(repr=False)


@value
class End:
    """The content is whole, or is refused with ``refusal`` whatever it was."""

    refusal: Reply | None = None
    close: bool = False


@value
class Auth:
    """AUTH; ``initial`` is decoded, None without an initial response."""

    mechanism: str
    initial: bytes | None = field(repr=False)


@value
class Response:
    """The decoded answer to a challenge."""

    octets: bytes = field(repr=False)


@value
class StartTLS:
    """STARTTLS: answer 220, start TLS, then tell the session ``secured``."""


@value
class Reset:
    """RSET."""


@value
class Quit:
    """QUIT: answer 221 and close; nothing more comes out of the session."""


@value
class Told:
    """Needs nothing but its ``reply``: NOOP, VRFY, HELP."""

    reply: Reply


@value
class Refused:
    """Wrong or not offered: answer ``reply``, then ``close`` if it says so."""

    reply: Reply
    close: bool = False


Event = (
    Hello
    | Mail
    | Rcpt
    | Data
    | Content
    | End
    | Auth
    | Response
    | StartTLS
    | Reset
    | Quit
    | Told
    | Refused
)


def hello(argument: str, *, extended: bool) -> Hello:
    """Read the client's name: a domain or address literal (RFC 5321 §4.1.1.1).

    What is neither is taken too, as every server does, if it is one plain word:
    the trace field guards itself. :raises Refusal: there is none.
    """
    words = argument.split()
    if len(words) != 1 or not words[0].isascii():
        raise Refusal(replies.BAD_ARGUMENT)
    if len(words[0]) > paths.DOMAIN_OCTETS:
        raise Refusal(replies.BAD_ARGUMENT)
    return Hello(words[0], extended)


def path(argument: str, keyword: str, bad: Reply) -> tuple[str, str]:
    """Cut ``FROM:<path> parameters``; spaces after the colon are tolerated."""
    size = len(keyword)
    if argument[:size].upper() != keyword:
        raise Refusal(replies.BAD_SYNTAX)
    found, rest = paths.split(argument[size:].lstrip(" "))
    if not found.startswith("<"):
        raise Refusal(bad)
    return found, rest


def sender(found: str) -> Address | None:
    """Read a reverse-path. :raises Refusal: bad syntax."""
    if found == "<>":
        return None
    address = paths.address(found)
    if address is None:
        raise Refusal(replies.BAD_SENDER)
    return address


def recipient(found: str) -> Address:
    """Read a forward-path; ``<postmaster>`` needs no domain (RFC 5321 §4.5.1)."""
    address = paths.address(found)
    if address is None:
        if found.lower() != "<postmaster>":
            raise Refusal(replies.BAD_RECIPIENT)
        return Address("postmaster", "")
    return address

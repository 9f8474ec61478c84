"""Commands of POP3 and their grammar (RFC 1939 §9, RFC 2449 §4, RFC 5034 §4)."""

import re
from collections.abc import Callable, Mapping
from enum import Enum

from attrs import field, frozen

from mailsuite.model.errors import PeerError
from mailsuite.wire.sasl import encoding

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
NUMBER_DIGITS = 9  # no maildrop holds more messages; keeps numbers small


class Verb(Enum):
    """Every command's keyword; ``RESPONSE`` is a line of a SASL exchange."""

    APOP = "APOP"
    AUTH = "AUTH"
    CAPA = "CAPA"
    DELE = "DELE"
    LIST = "LIST"
    NOOP = "NOOP"
    PASS = "PASS"
    QUIT = "QUIT"
    RETR = "RETR"
    RSET = "RSET"
    STAT = "STAT"
    STLS = "STLS"
    TOP = "TOP"
    UIDL = "UIDL"
    USER = "USER"
    RESPONSE = ""


@frozen
class Plain:
    """A command without arguments."""

    verb: Verb


@frozen
class Named:
    """USER: the name of a maildrop."""

    name: str
    verb: Verb = Verb.USER


@frozen
class Secret:
    """PASS: all after the first space, spaces included (RFC 1939 §7)."""

    secret: str = field(repr=False)
    verb: Verb = Verb.PASS


@frozen
class Auth:
    """AUTH with its mechanism; ``initial`` is decoded, None when absent."""

    mechanism: str
    initial: bytes | None = field(default=None, repr=False)
    verb: Verb = Verb.AUTH


@frozen
class Response:
    """A line of the SASL exchange, decoded; None: the client cancels with ``*``."""

    octets: bytes | None = field(repr=False)
    verb: Verb = Verb.RESPONSE


@frozen
class Numbered:
    """RETR or DELE of message ``n``; LIST or UIDL of it, or of all (None)."""

    verb: Verb
    n: int | None


@frozen
class Top:
    """TOP: the header and ``lines`` lines of message ``n``'s body."""

    n: int
    lines: int
    verb: Verb = Verb.TOP


Command = Plain | Named | Secret | Auth | Response | Numbered | Top


def parse(line: bytes) -> Command:
    """Read a command line without its CRLF.

    :raises PeerError: no command, or malformed; the text may be shown.
    """
    word, space, rest = line.partition(b" ")
    try:
        verb = Verb(word.decode("ascii").upper())
    except ValueError:
        raise PeerError("Unknown command") from None
    reader = _READERS.get(verb)
    if reader is None:
        raise PeerError("Unknown command")
    try:
        argument = rest.decode("utf-8")
    except UnicodeDecodeError:
        raise PeerError("Argument is not UTF-8") from None
    if _CONTROL.search(argument):
        raise PeerError("Control characters are not allowed")
    if verb is Verb.PASS:
        return _secret(argument if space else "")
    return reader(verb, argument.strip(" "))


def response(line: bytes) -> Response:
    """Read a line of a SASL exchange (RFC 5034 §4). :raises PeerError: no base64."""
    if line == b"*":
        return Response(None)
    octets = encoding.decode(line) if line != b"=" else None
    if octets is None:
        raise PeerError("Response is not base64")
    return Response(octets)


def _bare(verb: Verb, argument: str) -> Command:
    if argument:
        raise PeerError(f"{verb.value} takes no argument")
    return Plain(verb)


def _named(_verb: Verb, argument: str) -> Command:
    if not argument:
        raise PeerError("USER takes a name")
    return Named(argument)


def _secret(argument: str) -> Command:
    if not argument:
        raise PeerError("PASS takes a password")
    return Secret(argument)


def _auth(_verb: Verb, argument: str) -> Command:
    words = argument.split(" ")
    if not words[0] or len(words) > 2:
        raise PeerError("AUTH takes a mechanism and at most one response")
    if len(words) == 1:
        return Auth(words[0].upper())
    initial = encoding.decode(words[1].encode("utf-8"))
    if initial is None:
        raise PeerError("Response is not base64")
    return Auth(words[0].upper(), initial)


def _count(text: str) -> int:
    """Read a number of any size, as clients name one to get all lines."""
    if not (text.isascii() and text.isdigit()):
        raise PeerError("A number is expected")
    return int(text)


def _number(text: str) -> int:
    count = _count(text)
    if len(text.lstrip("0")) > NUMBER_DIGITS:
        raise PeerError("The number is too large")
    return count


def _one(verb: Verb, argument: str) -> Command:
    return Numbered(verb, _number(argument))


def _one_or_all(verb: Verb, argument: str) -> Command:
    return Numbered(verb, _number(argument) if argument else None)


def _top(_verb: Verb, argument: str) -> Command:
    words = argument.split(" ")
    if len(words) != 2:
        raise PeerError("TOP takes a message and a count of lines")
    return Top(_number(words[0]), _count(words[1]))


_READERS: Mapping[Verb, Callable[[Verb, str], Command]] = {
    Verb.AUTH: _auth,
    Verb.CAPA: _bare,
    Verb.DELE: _one,
    Verb.LIST: _one_or_all,
    Verb.NOOP: _bare,
    Verb.PASS: lambda _verb, argument: _secret(argument),
    Verb.QUIT: _bare,
    Verb.RETR: _one,
    Verb.RSET: _bare,
    Verb.STAT: _bare,
    Verb.STLS: _bare,
    Verb.TOP: _top,
    Verb.UIDL: _one_or_all,
    Verb.USER: _named,
}

"""Reads each command's argument where the dialogue stands (RFC 5321 §4.1.1).

Every reader gives the event or raises ``Refusal`` with the reply.
"""

from collections.abc import Callable
from functools import lru_cache

from mailsuite.model.address import Address
from mailsuite.model.errors import Refusal
from mailsuite.wire.sasl import encoding
from mailsuite.wire.smtp import commands, parameters, replies
from mailsuite.wire.smtp.commands import Event
from mailsuite.wire.smtp.standing import Standing
from mailsuite.wire.smtp.states import Verb

Reader = Callable[[Standing, str], Event]

_UTF8_WORDS = ("MAIL", "RCPT", "VRFY")  # RFC 6531 §3.3, §3.7.4
_MAIL_AUTH = parameters.MAIL | {"AUTH"}  # RFC 4954 §5, where AUTH is offered

_CHUNK_DIGITS = 20  # RFC 3030 §2

MEMO_ARGUMENTS = 2_000
"""Of MAIL and as many of RCPT stay read; the same few come again and again."""
MEMO_CHARACTERS = 256
"""Longer arguments are not remembered: together they take a few MB at most."""

_NOOP = commands.Told(replies.OK)
_HELP = commands.Told(replies.HELP)
_VERIFY = commands.Told(replies.VERIFY)


def words(line: bytes) -> tuple[str, str]:
    """Decode a command line without its CRLF: its word in capitals, and the rest.

    :raises Refusal: controls, octets that are no UTF-8, or UTF-8 out of place.
    """
    try:
        decoded = line.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(replies.BAD_SYNTAX) from None
    if decoded.isascii():
        if not decoded.isprintable():
            raise Refusal(replies.BAD_SYNTAX)
    elif decoded[:4].upper() not in _UTF8_WORDS or _controls(decoded):
        raise Refusal(replies.BAD_SYNTAX)
    word, _, argument = decoded.partition(" ")
    return word.upper(), argument


def _controls(decoded: str) -> bool:
    """Whether C0, C1 or a line or paragraph separator of Unicode is in it."""
    return any(
        mark < " " or "\x7f" <= mark <= "\x9f" or mark in "\u2028\u2029"
        for mark in decoded
    )


def mail(standing: Standing, argument: str) -> Event:
    """MAIL FROM (RFC 5321 §4.1.1.2, RFC 1870 §6.1, RFC 6531 §3.1)."""
    offer = standing.offer
    if offer.tls_first and not standing.secure:
        raise Refusal(replies.TLS_FIRST)
    read = _mail if len(argument) <= MEMO_CHARACTERS else _mail.__wrapped__
    event = read(argument, bool(offer.mechanisms))
    given = event.parameters
    if given and int(given.get("SIZE", "0")) > offer.size:
        raise Refusal(replies.TOO_LARGE)
    standing.utf8 = "SMTPUTF8" in given
    return event


@lru_cache(MEMO_ARGUMENTS)
def _mail(argument: str, auth: bool) -> commands.Mail:
    found, rest = commands.path(argument, "FROM:", replies.BAD_SENDER)
    known = _MAIL_AUTH if auth else parameters.MAIL
    given = parameters.read(rest, known) if rest else {}
    address = commands.sender(found)
    _allow(address, utf8="SMTPUTF8" in given)
    return commands.Mail(address, given)


def rcpt(standing: Standing, argument: str) -> Event:
    """RCPT TO (RFC 5321 §4.1.1.3)."""
    read = _rcpt if len(argument) <= MEMO_CHARACTERS else _rcpt.__wrapped__
    event = read(argument, standing.utf8)
    if standing.recipients >= standing.offer.recipients:
        raise Refusal(replies.TOO_MANY)
    return event


@lru_cache(MEMO_ARGUMENTS)
def _rcpt(argument: str, utf8: bool) -> commands.Rcpt:
    found, rest = commands.path(argument, "TO:", replies.BAD_RECIPIENT)
    given = parameters.read(rest, parameters.RCPT) if rest else {}
    address = commands.recipient(found)
    _allow(address, utf8=utf8)
    return commands.Rcpt(address, given)


def _allow(address: Address | None, *, utf8: bool) -> None:
    if address is not None and not utf8 and not address.ascii:
        raise Refusal(replies.NEEDS_UTF8)


def auth(standing: Standing, argument: str) -> Event:
    """AUTH with or without initial response (RFC 4954 §4)."""
    offer, words = standing.offer, argument.split(" ")
    if not offer.mechanisms:
        raise Refusal(replies.NOT_OFFERED)
    if standing.authenticated:
        raise Refusal(replies.AUTH_TWICE)
    if not standing.auth_open:
        raise Refusal(replies.AUTH_NEEDS_TLS)
    if not words[0] or len(words) > 2:
        raise Refusal(replies.BAD_ARGUMENT)
    if words[0].upper() not in offer.mechanisms:
        raise Refusal(replies.BAD_MECHANISM)
    initial = response(words[1].encode()).octets if len(words) == 2 else None
    return commands.Auth(words[0].upper(), initial)


def response(line: bytes) -> commands.Response:
    """A line of the exchange without its end (RFC 4954 §4)."""
    if line == b"*":
        raise Refusal(replies.AUTH_ENDED)
    octets = encoding.decode(line)
    if octets is None:
        raise Refusal(replies.BAD_BASE64)
    return commands.Response(octets)


def chunk(argument: str, most: int) -> int | None:
    """How many octets follow BDAT (RFC 3030 §2); they are no commands.

    None: that cannot be known, or they are more than will be read.
    """
    size = argument.split(" ", maxsplit=1)[0]
    if not (size.isascii() and size.isdigit() and len(size) <= _CHUNK_DIGITS):
        return None
    return int(size) if int(size) <= most else None


def _bare(event: Event) -> Reader:
    """RFC 5321 §4.1.1: these take no argument, spaces at the end apart."""

    def read(_: Standing, argument: str) -> Event:
        if argument.strip(" "):
            raise Refusal(replies.NO_ARGUMENT)
        return event

    return read


_start_tls = _bare(commands.StartTLS())


def _starttls(standing: Standing, argument: str) -> Event:
    if not standing.offer.starttls or standing.secure:
        raise Refusal(replies.NOT_OFFERED)
    return _start_tls(standing, argument)


def _greeting(word: str) -> Reader:
    """What is a greeting in one dialect is unknown in the other (RFC 2033 §4.1)."""

    def read(standing: Standing, argument: str) -> Event:
        extended = standing.offer.dialect.greetings.get(word)
        if extended is None:
            raise Refusal(replies.UNKNOWN)
        return commands.hello(argument, extended=extended)

    return read


def _verify(_: Standing, argument: str) -> Event:
    """RFC 5321 §7.3: nobody is told who lives here."""
    if not argument:
        raise Refusal(replies.BAD_ARGUMENT)
    return _VERIFY


READERS: dict[str, tuple[Verb, Reader]] = {
    **{word: (Verb.HELLO, _greeting(word)) for word in ("EHLO", "HELO", "LHLO")},
    "MAIL": (Verb.MAIL, mail),
    "RCPT": (Verb.RCPT, rcpt),
    "DATA": (Verb.DATA, _bare(commands.Data())),
    "RSET": (Verb.RSET, _bare(commands.Reset())),
    "QUIT": (Verb.QUIT, _bare(commands.Quit())),
    "NOOP": (Verb.TELL, lambda _, __: _NOOP),
    "HELP": (Verb.TELL, lambda _, __: _HELP),
    "VRFY": (Verb.TELL, _verify),
    "AUTH": (Verb.AUTH, auth),
    "STARTTLS": (Verb.STARTTLS, _starttls),
}

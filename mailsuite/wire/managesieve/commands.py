"""Commands of a client and how their arguments are read (RFC 5804 §2)."""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum

from attrs import frozen

from mailsuite.model.errors import PeerError
from mailsuite.wire.sasl import encoding

NUMBERS = 1 << 32  # RFC 5804 §4: a number is below it

_NUMBER = re.compile("0|[1-9][0-9]{0,9}")


class Verb(Enum):
    """What the client wants; RESPONSE is a line of a SASL exchange."""

    AUTHENTICATE = "AUTHENTICATE"
    STARTTLS = "STARTTLS"
    LOGOUT = "LOGOUT"
    CAPABILITY = "CAPABILITY"
    HAVESPACE = "HAVESPACE"
    PUTSCRIPT = "PUTSCRIPT"
    LISTSCRIPTS = "LISTSCRIPTS"
    SETACTIVE = "SETACTIVE"
    GETSCRIPT = "GETSCRIPT"
    DELETESCRIPT = "DELETESCRIPT"
    RENAMESCRIPT = "RENAMESCRIPT"
    CHECKSCRIPT = "CHECKSCRIPT"
    NOOP = "NOOP"
    UNAUTHENTICATE = "UNAUTHENTICATE"
    RESPONSE = "a response"


@frozen
class Word:
    """What stands without quotes: a verb or a number."""

    text: str


Token = Word | bytes
"""A string comes as its octets."""


@frozen
class Command:
    """``names`` are names of scripts, or a mechanism; ``content`` a script.

    ``octets`` is the size of HAVESPACE, or what a SASL response says once it is
    decoded (None: there was none). ``tag`` is what NOOP wants back.
    """

    verb: Verb
    names: tuple[str, ...] = ()
    content: bytes = b""
    size: int = 0
    octets: bytes | None = None
    tag: bytes | None = None


def read(tokens: Sequence[Token]) -> Command:
    """Read one command. :raises PeerError: the text says what is wrong."""
    first = tokens[0] if tokens else None
    if not isinstance(first, Word):
        raise PeerError("A command is expected")
    try:
        verb = Verb(first.text.upper())
    except ValueError:
        raise PeerError("Unknown command") from None
    reader = _READERS.get(verb)
    if reader is not None:
        return reader(verb, tokens[1:])
    if len(tokens) > 1:
        raise PeerError(f"{verb.value} takes no argument")
    return Command(verb)


def response(tokens: Sequence[Token]) -> Command:
    """Read a line of a SASL exchange; ``*`` cancels it (RFC 5804 §2.1).

    :raises PeerError: it is neither.
    """
    if len(tokens) != 1 or not isinstance(tokens[0], bytes):
        raise PeerError("A string is expected")
    return Command(Verb.RESPONSE, octets=_decoded(tokens[0]))


def _decoded(text: bytes) -> bytes | None:
    if text == b"*":
        return None
    octets = encoding.decode(text) if text else b""
    if octets is None:
        raise PeerError("This is no base64")
    return octets


def _strings(verb: Verb, tokens: Sequence[Token], count: int) -> list[bytes]:
    strings = [one for one in tokens if isinstance(one, bytes)]
    if len(strings) != count or len(tokens) != count:
        raise PeerError(f"{verb.value} takes {count} string{'s' if count > 1 else ''}")
    return strings


def _name(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise PeerError("A name is in UTF-8") from None


def _authenticate(verb: Verb, tokens: Sequence[Token]) -> Command:
    if not 1 <= len(tokens) <= 2:
        raise PeerError("AUTHENTICATE takes a mechanism and perhaps a response")
    strings = _strings(verb, tokens, len(tokens))
    initial = None
    if len(strings) == 2:
        initial = _decoded(strings[1])
        if initial is None:
            raise PeerError("Cancelled")
    return Command(verb, (_name(strings[0]),), octets=initial)


def _one_name(verb: Verb, tokens: Sequence[Token]) -> Command:
    return Command(verb, (_name(_strings(verb, tokens, 1)[0]),))


def _two_names(verb: Verb, tokens: Sequence[Token]) -> Command:
    old, new = map(_name, _strings(verb, tokens, 2))
    return Command(verb, (old, new))


def _have_space(verb: Verb, tokens: Sequence[Token]) -> Command:
    size = tokens[1] if len(tokens) == 2 else None
    if not isinstance(size, Word) or not _NUMBER.fullmatch(size.text):
        raise PeerError("HAVESPACE takes a name and a number")
    number = int(size.text)
    if number >= NUMBERS:
        raise PeerError("A number is below 2^32")
    name = _name(_strings(verb, tokens[:1], 1)[0])
    return Command(verb, (name,), size=number)


def _put(verb: Verb, tokens: Sequence[Token]) -> Command:
    name, content = _strings(verb, tokens, 2)
    return Command(verb, (_name(name),), content)


def _check(verb: Verb, tokens: Sequence[Token]) -> Command:
    return Command(verb, content=_strings(verb, tokens, 1)[0])


def _noop(verb: Verb, tokens: Sequence[Token]) -> Command:
    return Command(verb, tag=_strings(verb, tokens, 1)[0] if tokens else None)


_READERS: Mapping[Verb, Callable[[Verb, Sequence[Token]], Command]] = {
    Verb.AUTHENTICATE: _authenticate,
    Verb.HAVESPACE: _have_space,
    Verb.PUTSCRIPT: _put,
    Verb.SETACTIVE: _one_name,
    Verb.GETSCRIPT: _one_name,
    Verb.DELETESCRIPT: _one_name,
    Verb.RENAMESCRIPT: _two_names,
    Verb.CHECKSCRIPT: _check,
    Verb.NOOP: _noop,
}

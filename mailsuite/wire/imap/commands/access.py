"""LOGIN and AUTHENTICATE (RFC 3501 §6.2; initial response of RFC 4959)."""

from attrs import field, frozen

from mailsuite.model.errors import PeerError
from mailsuite.wire.imap.lexer import Cursor
from mailsuite.wire.sasl.exchange import NAME_OCTETS, SECRET_OCTETS


@frozen
class Login:
    """A name and a password in the clear."""

    name: str
    secret: str = field(repr=False)


@frozen
class Authenticate:
    """``response`` is base64 as it was sent, None where there was none."""

    mechanism: str
    response: bytes | None = field(default=None, repr=False)


def login(cursor: Cursor) -> Login:
    """Two strings, no longer than SASL's; names and passwords are UTF-8."""
    cursor.space()
    name = cursor.astring()
    cursor.space()
    secret = cursor.astring()
    cursor.end()
    if len(name) > NAME_OCTETS or len(secret) > SECRET_OCTETS:
        raise PeerError("name or password is too long")
    try:
        return Login(name.decode("utf-8"), secret.decode("utf-8"))
    except UnicodeDecodeError:
        raise PeerError("name or password is not UTF-8") from None


def authenticate(cursor: Cursor) -> Authenticate:
    """A mechanism and perhaps what the client says first."""
    cursor.space()
    mechanism = cursor.word().decode("ascii")
    response = None
    if cursor.skip(b" "):
        response = cursor.data[cursor.at :].rstrip(b" ")
        if not response:
            raise PeerError("initial response expected")
    return Authenticate(mechanism, response)

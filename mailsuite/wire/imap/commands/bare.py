"""Commands without arguments, and those whose arguments say who speaks.

CAPABILITY, NOOP, LOGOUT, STARTTLS, CHECK, CLOSE, EXPUNGE (RFC 3501 §6), UNSELECT
(RFC 3691), IDLE (RFC 2177), NAMESPACE (RFC 2342), ID (RFC 2971), ENABLE (RFC 5161).
"""

from attrs import frozen

from mailsuite.model.errors import PeerError
from mailsuite.wire.imap import numbers
from mailsuite.wire.imap.lexer import Cursor
from mailsuite.wire.imap.limits import ID_KEY_OCTETS, ID_PAIRS, ID_VALUE_OCTETS
from mailsuite.wire.imap.numbers import Numbers


@frozen
class Bare:
    """No arguments."""


@frozen
class Expunge:
    """``uids`` None: every message that is marked (RFC 4315 §2.1 gives some)."""

    uids: Numbers | None = None


@frozen
class ID:
    """What the client says of itself; names in lower case."""

    facts: tuple[tuple[str, str], ...] = ()


@frozen
class Enable:
    """Names of extensions, upper case."""

    names: tuple[bytes, ...]


_BARE = Bare()


def bare(cursor: Cursor) -> Bare:
    """Nothing may follow the command's name."""
    cursor.end()
    return _BARE


def expunge(cursor: Cursor) -> Expunge:
    """EXPUNGE has no arguments."""
    cursor.end()
    return Expunge()


def uid_expunge(cursor: Cursor) -> Expunge:
    """UID EXPUNGE names messages."""
    cursor.space()
    found = Expunge(numbers.parse(cursor))
    cursor.end()
    return found


def enable(cursor: Cursor) -> Enable:
    """One name or more."""
    names = []
    while cursor.skip(b" "):
        names.append(cursor.word())
    cursor.end()
    if not names:
        raise PeerError("capability expected")
    return Enable(tuple(names))


def identity(cursor: Cursor) -> ID:
    """NIL or a flat list of pairs (RFC 2971 §3.1)."""
    cursor.space()
    if cursor.peek() != b"(":
        if cursor.word() != b"NIL":
            raise PeerError("list or NIL expected")
        cursor.end()
        return ID()
    cursor.expect(b"(", "(")
    pairs: list[tuple[str, str]] = []
    while not cursor.skip(b")"):
        if pairs:
            cursor.space()
        if len(pairs) >= ID_PAIRS:
            raise PeerError("too many fields")
        key = cursor.string()
        cursor.space()
        value = _nstring(cursor)
        if len(key) > ID_KEY_OCTETS or len(value) > ID_VALUE_OCTETS:
            raise PeerError("field too long")
        pairs.append((_text(key).lower(), _text(value)))
    cursor.end()
    return ID(tuple(pairs))


def _nstring(cursor: Cursor) -> bytes:
    if cursor.peek() in {b'"', b"{"}:
        return cursor.string()
    if cursor.word() != b"NIL":
        raise PeerError("string or NIL expected")
    return b""


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")

"""From a whole command's text to its event: a value of its parser, or a refusal."""

import re
from collections.abc import Callable
from typing import TypeVar

from mailsuite.model.errors import PeerError
from mailsuite.wire.imap.commands.append import append
from mailsuite.wire.imap.commands.search import CHARSETS, BadCharset
from mailsuite.wire.imap.commands.table import SYNTAX, State
from mailsuite.wire.imap.events import Command, Refused, Upload
from mailsuite.wire.imap.lexer import Cursor
from mailsuite.wire.imap.names import BadEncoding

UNTAGGED = b"*"
"""Tags the refusal of what has no tag."""

_TAG = re.compile(rb'([^\x00-\x20\x7f-\xff(){%*"\\+]{1,128})(?: |$)')
_NAME = re.compile(rb"([A-Za-z]+)(?= |$)")
_ANNOUNCED = re.compile(rb"\{[0-9]+\+?\}$")

T = TypeVar("T")


def tag_of(text: bytes) -> bytes:
    """The tag that a command begins with, or ``UNTAGGED``."""
    found = _TAG.match(text)
    return found.group(1) if found else UNTAGGED


def understood(text: bytes, fault: bytes, state: State) -> Command | Refused:
    """Read a whole command; ``fault`` is what was wrong with its octets."""
    tag = tag_of(text)
    if tag == UNTAGGED:
        return Refused(tag, b"BAD Tag and command expected")
    if fault:
        return Refused(tag, fault)
    return _judged(tag, lambda: _command(tag, Cursor(text, len(tag)), state))


def announced(text: bytes, size: int, *, waits: bool) -> Upload | Refused:
    """Read an APPEND up to its message's literal."""
    tag = tag_of(text)

    def read() -> Upload:
        cursor = Cursor(text, len(tag) + len(b" APPEND"))
        asked = append(cursor)
        _ = cursor.take(_ANNOUNCED, "literal")
        return Upload(tag, asked, size, waits)

    return _judged(tag, read)


def _judged(tag: bytes, read: Callable[[], T]) -> T | Refused:
    try:
        return read()
    except BadCharset:
        known = " ".join(CHARSETS).encode("ascii")
        return Refused(tag, b"NO [BADCHARSET (%b)] Unknown charset" % known)
    except BadEncoding as error:
        return Refused(tag, b"NO [CANNOT] " + _shown(error))
    except PeerError as error:
        return Refused(tag, b"BAD " + _shown(error))


def _command(tag: bytes, cursor: Cursor, state: State) -> Command:
    cursor.space()
    name = cursor.take(_NAME, "command").group().upper()
    if name == b"UID":
        cursor.space()
        name += b" " + cursor.take(_NAME, "command").group().upper()
    syntax = SYNTAX.get(name)
    if syntax is None:
        raise PeerError("unknown command")
    if state not in syntax.states:
        raise PeerError(f"not while {state.value}")
    if name == b"APPEND":
        raise PeerError("literal expected")
    return Command(tag, name, syntax.parse(cursor))


def _shown(error: PeerError) -> bytes:
    text = str(error).encode("ascii", "replace")
    return text[:1].upper() + text[1:]

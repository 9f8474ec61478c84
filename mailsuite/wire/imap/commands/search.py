"""SEARCH (RFC 3501 §6.4.4; ids of RFC 8474 §6): a tree of keys, parsed without recursion."""

import re
from collections.abc import Callable
from enum import Enum

from attrs import define, field, frozen

from mailsuite.model.errors import PeerError
from mailsuite.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, canonical
from mailsuite.wire.imap import dates, numbers
from mailsuite.wire.imap.lexer import Cursor
from mailsuite.wire.imap.limits import DEPTH, SEARCH_KEYS
from mailsuite.wire.imap.numbers import Numbers

_OBJECT = re.compile(rb"[A-Za-z0-9_-]{1,255}(?![A-Za-z0-9_-])")  # RFC 8474 §7
_EMAIL = re.compile(rb"M[1-9][0-9]{0,18}")
CHARSETS = ("US-ASCII", "UTF-8")


class BadCharset(PeerError):  # noqa: N818 - named as its response code
    """Answer NO [BADCHARSET (...)]."""


class Order(Enum):
    """How a message's value stands to the key's."""

    BELOW = "below"
    SAME = "same"
    ABOVE = "above"
    FROM = "from"


class Where(Enum):
    """What is looked through for text."""

    HEADER = "header"
    BODY = "body"
    TEXT = "text"


@frozen
class And:
    """All of them; none is ALL."""

    keys: "tuple[Key, ...]"


@frozen
class Or:
    """One or both."""

    first: "Key"
    second: "Key"


@frozen
class Not:
    """The others."""

    key: "Key"


@frozen
class Flag:
    """Has the flag (in its one spelling; a keyword in any case)."""

    name: str


@frozen
class Recent:
    """Is recent in this session."""


@frozen
class Messages:
    """Is in the set, of message numbers or of UIDs."""

    numbers: Numbers
    uid: bool


@frozen
class Size:
    """BELOW or ABOVE so many octets."""

    order: Order
    octets: int


@frozen
class Date:
    """``day`` is a midnight, UTC seconds; ``sent`` means the Date field."""

    order: Order
    day: int
    sent: bool


@frozen
class Text:
    """Contains ``text``, without regard to case; ``name`` is of a field."""

    where: Where
    text: str
    name: str = ""


@frozen
class Email:
    """Has this EMAILID (RFC 8474 §6), as a number."""

    number: int


Key = And | Or | Not | Flag | Recent | Messages | Size | Date | Text | Email


@frozen
class Search:
    """Which messages have ``key``."""

    key: Key
    uid: bool


_UNSEEN = Not(Flag(SEEN))
_PLAIN: dict[bytes, Key] = {
    b"ALL": And(()),
    b"ANSWERED": Flag(ANSWERED),
    b"DELETED": Flag(DELETED),
    b"DRAFT": Flag(DRAFT),
    b"FLAGGED": Flag(FLAGGED),
    b"SEEN": Flag(SEEN),
    b"RECENT": Recent(),
    b"UNANSWERED": Not(Flag(ANSWERED)),
    b"UNDELETED": Not(Flag(DELETED)),
    b"UNDRAFT": Not(Flag(DRAFT)),
    b"UNFLAGGED": Not(Flag(FLAGGED)),
    b"UNSEEN": _UNSEEN,
    b"OLD": Not(Recent()),
    b"NEW": And((Recent(), _UNSEEN)),
}
_FIELDS = {b"BCC", b"CC", b"FROM", b"SUBJECT", b"TO"}
_WHERE = {b"BODY": Where.BODY, b"TEXT": Where.TEXT}
_DATES = {b"BEFORE": Order.BELOW, b"ON": Order.SAME, b"SINCE": Order.FROM}
_SIZES = {b"LARGER": Order.ABOVE, b"SMALLER": Order.BELOW}


@define(eq=False)
class _Frame:
    """An open parenthesis, OR or NOT; ``want`` keys fill it, 0: until ``)``."""

    make: Callable[[list[Key]], Key]
    want: int
    keys: list[Key] = field(factory=list)


def _both(keys: list[Key]) -> Key:
    return keys[0] if len(keys) == 1 else And(tuple(keys))


def _either(keys: list[Key]) -> Key:
    return Or(keys[0], keys[1])


def _none(keys: list[Key]) -> Key:
    return Not(keys[0])


@define(eq=False)
class _Tree:
    """The tree while it grows: open frames, the outermost first."""

    cursor: Cursor
    charset: str
    frames: list[_Frame] = field(factory=lambda: [_Frame(_both, 0)])
    count: int = 0

    def grow(self) -> Key:
        """Read keys to the end of the command."""
        while True:
            self._step()
            while self._closes():
                pass
            if self.cursor.at >= len(self.cursor.data):
                break
            self.cursor.space()
        if len(self.frames) > 1:
            raise PeerError("search key expected")
        return _both(self.frames[0].keys)

    def _step(self) -> None:
        self.count += 1
        if self.count > SEARCH_KEYS:
            raise PeerError("too many search keys")
        while self.cursor.skip(b"("):
            self._open(_both, 0)
        if self.cursor.peek().isdigit() or self.cursor.peek() == b"*":
            key: Key = Messages(numbers.parse(self.cursor), uid=False)
            self._done(key)
            return
        word = self.cursor.word()
        if word == b"OR":
            self._open(_either, 2)
        elif word == b"NOT":
            self._open(_none, 1)
        else:
            self._done(_key(self.cursor, word, self.charset))

    def _open(self, make: Callable[[list[Key]], Key], want: int) -> None:
        if len(self.frames) > DEPTH:
            raise PeerError("search keys too deep")
        self.frames.append(_Frame(make, want))

    def _done(self, key: Key) -> None:
        """Give a whole key to its frame, and full frames to theirs."""
        while True:
            frame = self.frames[-1]
            frame.keys.append(key)
            if not frame.want or len(frame.keys) < frame.want:
                return
            key = frame.make(frame.keys)
            self.frames.pop()

    def _closes(self) -> bool:
        frame = self.frames[-1]
        if len(self.frames) == 1 or frame.want or not frame.keys:
            return False
        if not self.cursor.skip(b")"):
            return False
        self.frames.pop()
        self._done(frame.make(frame.keys))
        return True


def _key(cursor: Cursor, word: bytes, charset: str) -> Key:
    plain = _PLAIN.get(word)
    if plain is not None:
        return plain
    cursor.space()
    if word in _FIELDS:
        return Text(Where.HEADER, _text(cursor, charset), word.decode().lower())
    if word in _WHERE:
        return Text(_WHERE[word], _text(cursor, charset))
    if word in _DATES:
        return Date(_DATES[word], dates.date(cursor), sent=False)
    if word[:4] == b"SENT" and word[4:] in _DATES:
        return Date(_DATES[word[4:]], dates.date(cursor), sent=True)
    if word in _SIZES:
        return Size(_SIZES[word], cursor.number())
    return _rare(cursor, word, charset)


def _rare(cursor: Cursor, word: bytes, charset: str) -> Key:
    if word == b"UID":
        return Messages(numbers.parse(cursor), uid=True)
    if word == b"KEYWORD":
        return Flag(canonical(cursor.atom().decode("ascii")))
    if word == b"UNKEYWORD":
        return Not(Flag(canonical(cursor.atom().decode("ascii"))))
    if word == b"HEADER":
        name = cursor.astring().decode("latin-1").lower()
        cursor.space()
        return Text(Where.HEADER, _text(cursor, charset), name)
    if word in {b"EMAILID", b"THREADID"}:
        found = cursor.take(_OBJECT, "object id").group()
        if word == b"EMAILID" and _EMAIL.fullmatch(found):
            return Email(int(found[1:]))
        return Not(And(()))  # no message has it
    raise PeerError("unknown search key")


def _text(cursor: Cursor, charset: str) -> str:
    octets = cursor.astring()
    try:
        return octets.decode(charset)
    except UnicodeDecodeError:
        raise PeerError("text is not in its charset") from None


def _search(cursor: Cursor, *, uid: bool) -> Search:
    cursor.space()
    charset = "utf-8"
    if cursor.data[cursor.at : cursor.at + 8].upper() == b"CHARSET ":
        cursor.at += 8
        charset = cursor.astring().decode("latin-1").upper()
        if charset not in CHARSETS:
            raise BadCharset("unknown charset")
        cursor.space()
    cursor.data = cursor.data.rstrip(b" ")
    return Search(_Tree(cursor, charset).grow(), uid)


def search(cursor: Cursor) -> Search:
    """SEARCH that answers message numbers."""
    return _search(cursor, uid=False)


def uid_search(cursor: Cursor) -> Search:
    """SEARCH that answers UIDs."""
    return _search(cursor, uid=True)

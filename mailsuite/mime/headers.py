"""Header fields as they lie in a message (RFC 5322 §2.2), for IMAP and policy."""

import re
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

from mailsuite.mime.limits import HEADER_LINES, HEADER_OCTETS
from mailsuite.mime.quoting import unfolded

_VALUE = rb"[^\n]*+\n?(?:[ \t][^\n]*+\n?)*+"
_FIELD = re.compile(rb"^([!-9;-~]++)[ \t]*+:" + _VALUE, re.MULTILINE)
_DIVIDED = re.compile(rb"^([!-9;-~]++)[ \t]*+:(" + _VALUE + rb")", re.MULTILINE)
_BLANK = frozenset((b"\r\n", b"\n"))
PATTERN_NAMES = 40  # more are looked up one by one: a long pattern costs more

USUAL = frozenset(
    b"bcc cc chat-version content-description content-type date from importance"
    b" disposition-notification-to in-reply-to lines list-id list-post list-subscribe"
    b" list-unsubscribe mail-followup-to mail-reply-to message-id mime-version"
    b" newsgroups organization precedence priority references reply-to"
    b" return-receipt-to sender subject to x-k9mail-identity x-label x-mailing-list"
    b" x-original-to x-priority x-tuid x-uid".split()
)
"""Fields that clients ask for when they list a mailbox, in lower case."""


def fields(header: bytes) -> list[tuple[bytes, bytes]]:
    """Give each field's name in lower case and the whole field, line end included.

    Lines that are no field, the blank one among them, are left out.
    """
    header = _bounded(header)
    return [(match[1].lower(), match[0]) for match in _FIELD.finditer(header)]


def divided(header: bytes) -> list[tuple[bytes, bytes]]:
    """Give each field's name as it stands there and what follows its colon.

    The same fields as :func:`fields` has.
    """
    return _DIVIDED.findall(_bounded(header))


def _bounded(header: bytes) -> bytes:
    if len(header) <= HEADER_LINES:
        return header
    lines = header[:HEADER_OCTETS].split(b"\n", HEADER_LINES)
    if len(lines) > HEADER_LINES:
        return b"\n".join(lines[:HEADER_LINES]) + b"\n"
    return header[:HEADER_OCTETS]


def select(header: bytes, names: Collection[bytes], *, invert: bool = False) -> bytes:
    """Give HEADER.FIELDS or, inverted, HEADER.FIELDS.NOT (RFC 3501 §6.4.5).

    Names in any case. The blank line follows if the header has one; a message
    without body may have none.
    """
    return selector(frozenset(names), invert=invert)(header)


@lru_cache(100)
def selector(
    names: frozenset[bytes], *, invert: bool = False
) -> Callable[[bytes], bytes]:
    """Give :func:`select` for these names, to be called for many headers."""
    wanted = {name.lower() for name in names if name}
    found = _by_name if len(wanted) > PATTERN_NAMES else _by_pattern
    return found(wanted, invert=invert)


def _by_name(wanted: Collection[bytes], *, invert: bool) -> Callable[[bytes], bytes]:
    def selected(header: bytes) -> bytes:
        ended = _ended(header)
        end = b"\r\n" if ended.endswith(b"\r\n") else b"\n"
        found = fields(ended)
        chosen = [w for n, w in found if (n in wanted) is not invert]
        return b"".join([*chosen, end] if _closed(header) else chosen)

    return selected


def _by_pattern(wanted: Collection[bytes], *, invert: bool) -> Callable[[bytes], bytes]:
    """Seek line ends with a field or the last blank line behind them.

    That goes at the speed of C; what each line ends with is what the next begins with.
    """
    named = one_of(wanted) + rb"[ \t]*+:"
    if invert:
        named = rb"(?!" + named + rb")[!-9;-~]++[ \t]*+:"
    field = named + rb"[^\n]*+(?:\n[ \t][^\n]*+)*+"
    find = re.compile(rb"\n(?:" + field + rb"|\r?\n\Z)").findall

    def selected(header: bytes) -> bytes:
        if header.endswith(b"\r\n\r\n") and len(header) <= HEADER_LINES:
            return b"".join(find(b"\n" + header))[1:]
        chosen = b"".join(find(b"\n" + _ended(header)))[1:]
        if _closed(header):
            return chosen
        return chosen.removesuffix(b"\n").removesuffix(b"\r")

    return selected


def _closed(header: bytes) -> bool:
    """Whether it has its blank line: a message without body may have none."""
    return header.endswith((b"\r\n\r\n", b"\n\n", b"\n\r\n")) or header in _BLANK


def _ended(header: bytes) -> bytes:
    """Give what is read of a header, with a blank line at its end."""
    line_end = b"\r\n" if b"\r\n" in header or b"\n" not in header else b"\n"
    bounded = _bounded(header)
    return bounded + (line_end if bounded.endswith(b"\n") else line_end * 2)


def one_of(names: Iterable[bytes]) -> bytes:
    """Give a pattern of names in lower case; their first octet decides quickly."""
    begun: dict[bytes, list[bytes]] = {}
    for name in sorted(names):
        begun.setdefault(name[:1], []).append(_either(name[1:]))
    alternatives = [
        _either(first) + rb"(?:" + b"|".join(rests) + rb")"
        for first, rests in begun.items()
    ]
    return rb"(?:" + (b"|".join(alternatives) or rb"(?!)") + rb")"


def _either(text: bytes) -> bytes:
    """Give a pattern of a text in either case, each letter a set of two."""
    octets = [text[at : at + 1] for at in range(len(text))]
    return b"".join(
        b"[%b%b]" % (one, one.upper()) if one.isalpha() else re.escape(one)
        for one in octets
    )


usual = selector(USUAL)
"""Gives of a header the :data:`USUAL` fields, which answer most that is asked."""


def value(header: bytes, name: bytes) -> bytes | None:
    """Give the first value of that name, unfolded and stripped; None if absent."""
    found = _of(name).search(b"\n" + _bounded(header))
    return unfolded(found[1]) if found else None


def values(header: bytes, name: bytes) -> list[bytes]:
    """Give every value of that name in order, unfolded and stripped."""
    return [unfolded(one) for one in _of(name).findall(b"\n" + _bounded(header))]


def _of(name: bytes) -> re.Pattern[bytes]:
    """Give the pattern of a field; ``re`` remembers the usual ones."""
    return re.compile(
        rb"\n(?i:" + re.escape(name) + rb")[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)"
    )

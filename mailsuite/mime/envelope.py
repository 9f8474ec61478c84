"""ENVELOPE of a message (RFC 3501 §7.4.2), rendered from its header's fields."""

import re
from collections.abc import Mapping

from mailsuite.mime import addresses
from mailsuite.mime.limits import Budget
from mailsuite.mime.quoting import NIL, QUOTED_OCTETS, nstring, string, unfolded

EMPTY = b"(" + b" ".join([NIL] * 10) + b")"

ADDRESSES = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")
_TEXTS = (b"date", b"subject", b"in-reply-to", b"message-id")
FIELDS = ADDRESSES + _TEXTS

# One mailbox in the forms of nearly all mail, up to its comma or the end: nothing
# in it needs an escape that it has not got.
_SIMPLE = re.compile(
    rb'[ \t]*+(?:(?:"([^"\\\x00-\x1f\x7f-\xff]*+'
    rb'(?:\\["\\][^"\\\x00-\x1f\x7f-\xff]*+)*+)"[ \t]*+|'
    rb"([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-][ A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]*+)?)"
    rb"<([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]++)@([A-Za-z0-9.-]++)>|"
    rb"([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]++)@([A-Za-z0-9.-]++))"
    rb"[ \t]*+(?:,|\Z)"
).match


def render(fields: Mapping[bytes, bytes], budget: Budget) -> bytes:
    """Give the parenthesized list; names in lower case, values still folded.

    ``budget`` is that of the whole message.
    """
    if not fields:
        return EMPTY
    get = fields.get
    date, subject, answered, number = [
        NIL if (value := get(name)) is None else string(unfolded(value))
        for name in _TEXTS
    ]
    author, sender, answers, to, copied, hidden = [
        NIL if (value := get(name)) is None else _list(unfolded(value), budget)
        for name in ADDRESSES
    ]
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        date,
        subject,
        author,
        author if sender is NIL else sender,
        author if answers is NIL else answers,
        to,
        copied,
        hidden,
        answered,
        number,
    )


def _list(value: bytes, budget: Budget) -> bytes:
    """Render one address field; NIL when nobody is in it."""
    rendered = []
    at, end = 0, len(value)
    while at < end and budget.addresses > 0:
        match = _SIMPLE(value, at)
        if match is None or match.end() - at > QUOTED_OCTETS:
            rendered += _tolerant(value[at:], budget)
            break
        at = match.end()
        budget.addresses -= 1
        quoted, phrase, local, host, bare, domain = match.groups()
        if bare:
            rendered.append(b'(NIL NIL "%b" "%b")' % (bare, domain))
        elif quoted or phrase:
            name = quoted or b" ".join(phrase.split())
            rendered.append(b'("%b" NIL "%b" "%b")' % (name, local, host))
        else:
            rendered.append(b'(NIL NIL "%b" "%b")' % (local, host))
    return b"(" + b"".join(rendered) + b")" if rendered else NIL


def _tolerant(value: bytes, budget: Budget) -> list[bytes]:
    """Render what the tolerant parser finds; a group that is cut off is closed."""
    rendered = []
    group = False
    for raw in addresses.read(value, budget):
        if budget.addresses <= 0:
            raw = addresses.GROUP_END  # noqa: PLW2901 - instead of all that follow
        if raw.host is None:
            ended, group = group, raw.mailbox is not None
            if not (ended or group):
                break
        rendered.append(b"(" + b" ".join(map(nstring, raw)) + b")")
        budget.addresses -= 1
    return rendered

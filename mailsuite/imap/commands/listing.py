r"""LIST and LSUB (RFC 3501 §6.3.8, §6.3.9).

Attributes of RFC 3348 (\HasChildren) and RFC 6154 (special uses) stand in every
LIST answer.
"""

from collections.abc import Iterable, Iterator

from mailsuite.imap.talk import Talk
from mailsuite.model.changes import MailboxRow
from mailsuite.wire.imap import patterns, responses
from mailsuite.wire.imap.commands.folders import Listing
from mailsuite.wire.imap.names import SEPARATOR

NAMES_PER_TURN = 500  # matched and rendered between two looks at the clock


async def list_(talk: Talk, asked: Listing) -> bytes:
    """§6.3.8."""
    if not asked.pattern:
        talk.write(b'* LIST (\\Noselect) "/" ""\r\n')
        return b"OK Done"
    matches = patterns.matcher(asked.reference + asked.pattern)
    rows = {row.name: row for row in await talk.account.mailboxes()}
    parents = {parent for name in rows for parent in _above(name)}
    for number, name in enumerate(sorted({*rows, *parents}, key=_inbox_first), 1):
        if matches(name):
            words = _attributes(rows.get(name), children=name in parents)
            talk.write(_line(b"LIST", words, name))
        if number % NAMES_PER_TURN == 0:
            await talk.flush()
    return b"OK Done"


async def lsub(talk: Talk, asked: Listing) -> bytes:
    r"""§6.3.9: with ``%`` a parent of what does not match is told \Noselect."""
    if not asked.pattern:
        talk.write(b'* LSUB (\\Noselect) "/" ""\r\n')
        return b"OK Done"
    pattern = asked.reference + asked.pattern
    matches = patterns.matcher(pattern)
    names = set(await talk.account.subscriptions())
    parents: set[str] = set()
    if "%" in pattern:
        hidden = (name for name in names if not matches(name))
        parents = {up for name in hidden for up in _above(name) if matches(up)}
    for number, name in enumerate(sorted({*names, *parents}, key=_inbox_first), 1):
        if name in names and matches(name):
            talk.write(_line(b"LSUB", b"", name))
        elif name in parents:
            talk.write(_line(b"LSUB", b"\\Noselect", name))
        if number % NAMES_PER_TURN == 0:
            await talk.flush()
    return b"OK Done"


def _inbox_first(name: str) -> tuple[bool, str]:
    return name != "INBOX", name


def _above(name: str) -> Iterator[str]:
    while SEPARATOR in name:
        name = name.rpartition(SEPARATOR)[0]
        yield name


def _attributes(row: MailboxRow | None, *, children: bool) -> bytes:
    words: list[str] = []
    if row is None or not row.selectable:
        words.append("\\Noselect")
    words.append("\\HasChildren" if children else "\\HasNoChildren")
    if row is not None and row.use:
        words.append(row.use)
    return _joined(words)


def _joined(words: Iterable[str]) -> bytes:
    return " ".join(words).encode("ascii")


def _line(kind: bytes, attributes: bytes, name: str) -> bytes:
    return b'* %b (%b) "/" %b\r\n' % (kind, attributes, responses.mailbox(name))

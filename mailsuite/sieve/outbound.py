"""Addresses that a script sends mail to or from (RFC 5228 §2.4.2.3)."""

import re
from collections.abc import Callable

from mailsuite.mime import addresses
from mailsuite.mime.addresses import Mailbox
from mailsuite.model.address import Address
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.program import text
from mailsuite.sieve.run import Run
from mailsuite.wire.smtp import paths

_PHRASE = re.compile(
    r"""(?>(?:[^\s()<>\[\]:;@\\,"]++\s*+|"[^"\\]*+(?:\\.[^"\\]*+)*+"\s*+)*)""",
    re.DOTALL,
)
ADDRESS_CHARACTERS = 1_000  # more than any address has, with a name before it
AUTHORS = 10  # of one message that a script sends


def address(text: str) -> Address | None:
    """Read ``local@domain`` or ``name <local@domain>``; None: it is neither.

    Routes, groups and lists are not permitted, nor are line ends.
    """
    text = text.strip()
    if len(text) > ADDRESS_CHARACTERS or not text.isprintable():
        return None
    if text.endswith(">"):
        found = _PHRASE.match(text)
        text = text[found.end() if found else 0 :]
        if text[:1] != "<":
            return None
        text = text[1:-1]
    return None if text[:1] == "@" else paths.address(f"<{text}>")


def mailboxes(told: str) -> tuple[Mailbox, ...]:
    """Read a list of mailboxes, as From has it; none: it is no such list."""
    if len(told) > AUTHORS * ADDRESS_CHARACTERS or not told.isprintable():
        return ()
    found = addresses.parse(told.encode("utf-8", "replace"))
    for one in found:
        path = f"<{Address(one.local, one.domain)}>"
        if one.group or not one.domain or paths.address(path) is None:
            return ()
    return tuple(found) if len(found) <= AUTHORS else ()


def authors(bound: Bound) -> Callable[[Run], tuple[Mailbox, ...]]:
    """Whom ``:from`` names; nobody: it is not given, or what it has become is none.

    :raises BadScript: it names nobody.
    """
    if not bound.has("from"):
        return lambda _: ()
    value = bound.value("from")
    if isinstance(value, str):
        fixed = mailboxes(value)
        if not fixed:
            hint = "write name@domain, or Name <name@domain>"
            raise bound.error("from", f"{value[:40]!r} is no author of a message", hint)
        return lambda _: fixed
    return lambda run: mailboxes(text(run, value))

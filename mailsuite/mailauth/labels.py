"""Domain names as mail authentication compares them: A-labels in lower case.

RFC 5890 §2.3.2.1, with the mapping of UTS 46 for what people type.
"""

import re

import idna

NAME_OCTETS = 253  # RFC 1035 §2.3.4, without the root's dot
UNICODE_CHARACTERS = 253  # of a name that is mapped; longer ones cannot fit

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NAME = re.compile(rf"{_LABEL.pattern}(?:\.{_LABEL.pattern})*+")


def ascii_name(text: str) -> str | None:
    """Give the name in lower-case A-labels, or None if DNS cannot have it.

    One final dot is dropped. Underscores are allowed: names of records have them.
    """
    name = text.removesuffix(".").lower()
    if not name.isascii():
        if len(name) > UNICODE_CHARACTERS:
            return None
        try:
            name = idna.encode(name, uts46=True).decode("ascii").lower()
        except UnicodeError:  # idna.IDNAError is one
            return None
    if len(name) > NAME_OCTETS or not _NAME.fullmatch(name):
        return None
    return name


def parents(name: str) -> list[str]:
    """Give the names above, nearest first: ``b.c`` and ``c`` for ``a.b.c``."""
    labels = name.split(".")
    return [".".join(labels[n:]) for n in range(1, len(labels))]


def within(name: str, domain: str) -> bool:
    """Whether ``name`` is ``domain`` or lies below it."""
    return name == domain or name.endswith("." + domain)

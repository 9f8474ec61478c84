"""Spelling of names: one canonical form for each user, domain and alias.

Local parts of our own domains are compared without case (RFC 5321 §2.4 leaves it
to the receiver), domains as A-labels (RFC 5890).
"""

import re
import unicodedata
from functools import lru_cache

import idna

from mailsuite.model.address import Address
from mailsuite.model.errors import UsageError
from mailsuite.wire.sasl.saslprep import prepared

LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1
DOMAIN_OCTETS = 255  # RFC 5321 §4.5.3.1.2

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f/\\@\"(),:;<>\[\]\s]")


def fold_local(local: str) -> str:
    """Fold case and, beyond ASCII, the ways to write one character."""
    if local.isascii():
        return local.lower()
    return unicodedata.normalize("NFC", local).lower()


def fold_domain(domain: str) -> str:
    """Lower-case A-labels; what cannot be one is left as it is."""
    domain = domain.lower().removesuffix(".")
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain


@lru_cache(maxsize=1_000)  # the same name is asked about twice in one login
def guessed(name: str) -> str:
    """One form for every spelling by which a login finds the same account."""
    local, at, domain = prepared(name).rpartition("@")
    return f"{fold_local(local)}@{fold_domain(domain)}" if at else fold_local(domain)


def canonical(address: Address) -> str:
    """Give the name under which the directory knows an address."""
    return f"{fold_local(address.local)}@{fold_domain(address.domain)}"


def parse(text: str, domain: str = "") -> Address:
    """Read ``local@domain``; a bare local part belongs to ``domain``.

    :raises UsageError: it is no address.
    """
    local, at, rest = text.strip().rpartition("@")
    if not at:
        local, rest = rest, domain
    address = Address(fold_local(local), fold_domain(rest))
    if not local or not rest or _unprintable(local):
        raise UsageError(f"{text!r} is not an address: write name@example.org")
    checked_domain(address.domain)
    return address


def _unprintable(local: str) -> bool:
    octets = len(local.encode("utf-8", "surrogatepass"))
    return octets > LOCAL_OCTETS or not local.isprintable()


def checked_domain(text: str) -> str:
    """Give a domain's canonical name. :raises UsageError: it is none."""
    name = fold_domain(text)
    labels = name.split(".")
    if len(name) > DOMAIN_OCTETS or not all(map(_LABEL.fullmatch, labels)):
        raise UsageError(f"{text!r} is not a domain: write example.org")
    return name


def checked_user(address: Address) -> str:
    """Give the name of a new account; it becomes a directory on the disk.

    :raises UsageError: nobody can have that name.
    """
    local = fold_local(address.local)
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    if not local or dots or _FORBIDDEN.search(local) or _unprintable(local):
        raise UsageError(
            f"no user can be called {address.local!r}: use letters, digits, . _ - +"
        )
    return f"{local}@{checked_domain(address.domain)}"

"""Paths and domains of the envelope (RFC 5321 §4.1.2, §4.1.3; RFC 6531 §3.3)."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from mailsuite.model.address import Address

LOCAL_OCTETS = 255  # RFC 5321 §4.5.3.1.1 says 64 and to accept more where possible
DOMAIN_OCTETS = 255  # RFC 5321 §4.5.3.1.2
LABEL_OCTETS = 63  # RFC 1035 §2.3.4

_END = r"A-Za-z0-9_\u0080-\U0010ffff"  # underscores are tolerated
_LABEL = rf"[{_END}](?:[{_END}\-]*[{_END}])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-\u0080-\U0010ffff]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_ROUTE = r"(?:@[^@,:<> ]+(?:,@[^@,:<> ]+)*:)?"
_PATH = re.compile(
    rf"<{_ROUTE}(?P<local>{_ATOMS}|{_QUOTED})@(?P<domain>[^@<>\[\] ]+|\[[^\[\]<> ]+\])>"
)
_PAIR = re.compile(r"\\(.)")
_TO_ITS_END = re.compile(rf"(?:[^\">]|{_QUOTED})*>")


def split(text: str) -> tuple[str, str]:
    """Cut a path from the parameters after it, which begin with a space.

    A path ends at the first ``>`` outside quotes; without one it is all.
    """
    if '"' not in text:
        end = text.find(">") + 1
    else:
        found = _TO_ITS_END.match(text)
        end = found.end() if found else 0
    return (text[:end], text[end:]) if end else (text, "")


def address(path: str) -> Address | None:
    """Read ``<local@domain>``, its source route dropped; None: bad syntax.

    ``%`` and ``!`` mean nothing (RFC 5321 Appendix F.2 routes are not followed).
    """
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    local, name = found["local"], domain(found["domain"])
    if local[0] == '"':
        local = _PAIR.sub(r"\1", local[1:-1])
    if name is None or len(local.encode()) > LOCAL_OCTETS:
        return None
    return Address(local, name)


def domain(text: str) -> str | None:
    """Read a domain or address literal; one trailing dot is dropped."""
    if text.startswith("["):
        return text if _literal(text) else None
    text = text.removesuffix(".")
    if len(text.encode()) > DOMAIN_OCTETS or not _DOMAIN.fullmatch(text):
        return None
    if len(text) > LABEL_OCTETS and max(map(len, text.split("."))) > LABEL_OCTETS:
        return None
    return text


def _literal(text: str) -> bool:
    """``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (RFC 5321 §4.1.3)."""
    inside = text[1:-1]
    try:
        if inside[:5].upper() == "IPV6:":
            return "%" not in inside and bool(IPv6Address(inside[5:]))
        return text.endswith("]") and bool(IPv4Address(inside))
    except AddressValueError:
        return False

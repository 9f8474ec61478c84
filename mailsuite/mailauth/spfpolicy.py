"""A policy record, read whole before any of it is tried (RFC 7208 §4.6, §7, §12).

The words are pyspf's: its ``query`` knows the client's address, reads mechanisms
and takes their networks apart. What it does not see of the grammar, or would do
without a bound, stands here: the shape of every term, macros, modifiers.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

import spf
from attrs import Factory, define, frozen
from typing_extensions import override

RECORD_OCTETS = 4_096  # RFC 7208 §3.4 hopes for 450; longer ones are no policy
MACROS = 128  # expanded in one record or explanation; more is an attack
NAME_OCTETS = 253  # RFC 7208 §7.3; labels on the left are dropped until it fits
TEXT_CHARACTERS = 400  # of an explanation; it goes into one reply of SMTP
REMEMBERED = 4_096  # networks whose reading is remembered

_VERSION = re.compile(rb"v=spf1(?: |\Z)", re.IGNORECASE)
_MACRO = r"%\{[slodiphv](?>(?:0*+[1-9][0-9]*+)?)r?+[-.+,/_=]*+\}"
_MACROS = re.compile(rf"(?>(?:[!-$&-~]++|%[%_-]|{_MACRO})*)", re.IGNORECASE)
_TEXT_MACROS = re.compile(
    rf"(?>(?:[ -$&-~]++|%[%_-]|{_MACRO.replace('hv]', 'hvcrt]')})*)", re.IGNORECASE
)
_ONE = re.compile(r"%(?:[%_-]|\{(.)([0-9]*)(r?)([^}]*)\})", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*+)=(.*)", re.IGNORECASE | re.DOTALL)
_INCLUDE = re.compile(r"([-+?~]?)include:(.*)", re.IGNORECASE | re.DOTALL)
_NETWORK = re.compile(
    r"([-+?~]?)ip([46]):([0-9a-f.:]++)(?:/(0|[1-9][0-9]*))?", re.IGNORECASE
)
_LOCAL = re.compile(r"%\{[sl]", re.IGNORECASE)
_PLAIN = {"%%": "%", "%_": " ", "%-": "%20"}
_QUALIFIERS = {"-": "fail", "~": "softfail", "?": "neutral"}


@frozen
class Mechanism:
    """One directive; ``domain`` has its macros expanded (RFC 7208 §4.6.2)."""

    text: str
    """As it stands in the record."""
    name: str
    domain: str
    prefix: int
    """Length of the network's prefix, for the family of the client."""
    result: str
    """What it says of a client that matches."""
    local: bool = False
    """It names the sender's local part (RFC 8616 §4)."""


@define(eq=False)
class Policy:
    """A record's terms; ``redirect`` and ``explain`` are domains or empty.

    ``redirect`` is empty if the record says ``all`` (RFC 7208 §6.1).
    """

    mechanisms: list[Mechanism] = Factory(list)
    redirect: str = ""
    explain: str = ""


class Reader(spf.query):
    """Reads records for one client and one identity.

    :raises spf.PermError: from every method, for what the grammar forbids.
    """

    def __init__(self, ip: str, helo: str, local: str, domain: str) -> None:
        super().__init__(ip, f"{local}@{domain}", helo)
        # pyspf divides at the first @, which may stand in a quoted local part.
        self.l, self.o, self.d = local, domain, domain
        self.p = "unknown"
        self._macros = 0

    def facts(self, receiver: str, now: float) -> None:
        """Give ``%{r}`` and ``%{t}``; ``now`` in seconds since 1970."""
        self.r = receiver
        self.t = str(int(now))

    def policy(self, record: str, domain: str, name: str = "unknown") -> Policy:
        """Read the record of ``domain``; ``name`` stands for ``%{p}``."""
        self.d, self.p, self._macros = domain, name, 0
        policy = Policy()
        seen = set()
        for term in filter(None, record.split(" ")[1:]):
            network = _network(term)
            if network is not None:
                policy.mechanisms.append(network)
                continue
            if not _MACROS.fullmatch(term):
                raise spf.PermError("not a term of SPF", term)
            modifier = _MODIFIER.fullmatch(term)
            if modifier is None:
                policy.mechanisms.append(self._mechanism(term))
                continue
            word = modifier[1].lower()
            if word not in {"redirect", "exp"}:
                continue  # RFC 7208 §6: unknown ones are ignored
            if word in seen:
                raise spf.PermError(f"{word}= stands there twice", term)
            seen.add(word)
            target = self.expand_domain(modifier[2])
            if not target:
                raise spf.PermError(f"{word}= names no domain", term)
            if word == "exp":
                policy.explain = target
            else:
                policy.redirect = target
        if any(one.name == "all" for one in policy.mechanisms):
            policy.redirect = ""
        return policy

    def _mechanism(self, term: str) -> Mechanism:
        local = bool(_LOCAL.search(term))
        include = _INCLUDE.fullmatch(term)
        if include:  # pyspf would judge a record that includes itself too early
            domain = self.expand_domain(include[2])
            if not domain:
                raise spf.PermError("include: names no domain", term)
            result = _QUALIFIERS.get(include[1], "pass")
            return Mechanism(term, "include", domain, 0, result, local)
        _, name, domain, prefix, result = self.validate_mechanism(term)
        return Mechanism(term, name, domain or "", prefix, result, local)

    @override
    def expand(self, s: str, stripdot: bool = True) -> str:
        """Expand macros (RFC 7208 §7.3); ``stripdot``: for a name in a query."""
        if "%" in s:
            s = _ONE.sub(self._macro, s)
        if not stripdot:
            return s[:TEXT_CHARACTERS]
        s = s.removesuffix(".")
        if len(s) > NAME_OCTETS:
            s = s[s.find(".", len(s) - NAME_OCTETS - 1) + 1 :]
        return s

    def explanation(self, text: bytes, domain: str, name: str = "unknown") -> str:
        """Expand an explanation (RFC 7208 §6.2); empty if it is none."""
        self.d, self.p, self._macros = domain, name, 0
        if len(text) > RECORD_OCTETS or not text.isascii():
            return ""
        decoded = text.decode("ascii")
        if not _TEXT_MACROS.fullmatch(decoded):
            return ""
        return "".join(
            one if one.isprintable() and one.isascii() else "?"
            for one in self.expand(decoded, stripdot=False)
        )

    def _macro(self, found: re.Match[str]) -> str:
        if found[0] in _PLAIN:
            return _PLAIN[found[0]]
        self._macros += 1
        if self._macros > MACROS:
            raise spf.PermError(f"more than {MACROS} macros")
        letter, count, reverse, delimiters = found.groups()
        value: str = getattr(self, letter.lower())
        if count or reverse or delimiters:
            parts = re.split(f"[{re.escape(delimiters or '.')}]", value)
            if reverse:
                parts.reverse()
            value = ".".join(parts[-int(count) :] if count else parts)
        return quote(value, safe="~") if letter.isupper() else value


def chosen(texts: list[bytes]) -> str | None:
    """Choose the policy among TXT records (RFC 7208 §4.5), None: there is none.

    :raises spf.PermError: there are several, or it is not one that we read.
    """
    found = [text for text in texts if _VERSION.match(text)]
    if len(found) > 1:
        raise spf.PermError("there is more than one policy record")
    if not found:
        return None
    if len(found[0]) > RECORD_OCTETS:
        raise spf.PermError(f"the policy is longer than {RECORD_OCTETS} octets")
    if not found[0].isascii():
        raise spf.PermError("the policy holds characters that are not ASCII")
    return found[0].decode("ascii")


@lru_cache(maxsize=REMEMBERED)
def _network(term: str) -> Mechanism | None:
    """Read ``ip4`` and ``ip6`` that are right; pyspf says what is wrong with others."""
    found = _NETWORK.fullmatch(term)
    if found is None:
        return None
    qualifier, family, address, prefix = found.groups()
    width = 32 if family == "4" else 128
    try:
        number(address, family)
    except ValueError:
        return None
    length = width if prefix is None else int(prefix[:4])
    if length > width:
        return None
    result = _QUALIFIERS.get(qualifier, "pass")
    return Mechanism(term, "ip" + family, address, length, result)


@lru_cache(maxsize=REMEMBERED)
def number(address: str, family: str) -> int:
    """Give an address of family ``4`` or ``6`` as a number.

    :raises ValueError: it is none of that family.
    """
    return int(IPv4Address(address) if family == "4" else IPv6Address(address))

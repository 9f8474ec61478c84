"""Authentication-Results (RFC 8601) and Received-SPF (RFC 7208 §9.1) in our name.

Whatever a peer chose is quoted, printable and bounded, so that it can neither end
a field nor begin a result. Fields that others wrote in our name are found here
too; policy takes them out before it writes ours.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from hashlib import sha256

from attrs import define

from mailsuite.mailauth.claims import Finding, service_of
from mailsuite.mailauth.labels import ascii_name, parents
from mailsuite.model.lines import printable
from mailsuite.model.proofs import (
    BIMI,
    DMARC,
    SPF,
    Chain,
    Proofs,
    Result,
    Reverse,
    Signature,
)

COLUMNS = 78  # of a line, RFC 5322 §2.1.1
TAB_COLUMNS = 8  # that a continued line's tab takes
QUOTED_CHARACTERS = 200  # of a peer's text
ADDRESS_OCTETS = 512  # longer addresses are written as their domains
SIGNATURES = 50  # that are written
VALUE_CHARACTERS = 2_000  # of a field that are searched for our name
LOGO_HASH_CHARACTERS = 8  # draft-brand-indicators §7.7 asks for so many at least
MAPPED = 50  # names beyond ASCII, of all fields, that are compared with ours
FIELDS = 50  # that are looked into for our name; further ones are all removed

_TOKEN = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+")
_ATOMS = re.compile(
    r"[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]+(?:\.[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]+)*"
)
_STRING = re.compile(r'"(?:[^"\\\r\n\x00]|\\[^\r\n\x00])*+"')
_DOMAIN = re.compile(r"[\w-]+(?>(?:\.[\w-]+)*)")
_KEYED = re.compile(
    r"[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~]+(?>(?:\.[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~]+)*)"
)
_OURS = re.compile(
    rb"\n(?:[\x00-\x08\x0b-\x1f\x7f-\xff][\x00-\x09\x0b-\x20\x7f-\xff]*+)?+"
    rb"(authentication-results|received-spf)[\x00-\x09\x0b-\x20\x7f-\xff]*+"
    rb"(?:\n[ \t][\x00-\x09\x0b-\x20\x7f-\xff]*+)*+"
    rb":([^\n]*+(?:\n[ \t][^\n]*+)*+)",
    re.IGNORECASE,
)
"""Also with octets around the name, and folds, that some readers pass over."""
_INDENTED = re.compile(rb"(?:[ \t][^\n]*+\n?)++")
_RECEIVER = re.compile(r"receiver[ \t\r\n]*+=", re.IGNORECASE)
_SPECIAL = re.compile(r"[()\\]")
_APART = re.compile(r"[\x00-,/:-@\[-^`{-\x7f]+")  # UTS 46 maps the rest


def render(proofs: Proofs, authserv_id: str) -> bytes:
    """Write the whole Authentication-Results field, folded, with its CRLF."""
    return field("Authentication-Results", payload(findings(proofs), authserv_id))


def authenticated(authserv_id: str, user: str, sender: str = "") -> bytes:
    """Write the field for a message that ``user`` submitted (RFC 8601 §2.7.4).

    ``sender`` is the ``AUTH=`` of MAIL FROM, if any.
    """
    properties = [("smtp.auth", user)]
    if sender:
        properties.append(("smtp.mailfrom", sender))
    found = Finding("auth", "pass", tuple(properties))
    return field("Authentication-Results", payload([found], authserv_id))


def payload(found: Sequence[Finding], authserv_id: str) -> list[list[str]]:
    """Give the words of each line-to-be; :func:`field` folds them."""
    if not found:
        return [[_value(authserv_id) + ";"], ["none"]]
    lines = [[_value(authserv_id) + ";"]]
    for one in found:
        words = [f"{one.method}={one.result}"]
        if one.comment:
            words += _comment(one.comment)
        if one.reason:
            words.append(f"reason={_quoted(one.reason)}")
        words += [_property(name, value) for name, value in one.properties]
        words[-1] += ";"
        lines.append(words)
    lines[-1][-1] = lines[-1][-1][:-1]
    return lines


def field(name: str, lines: Iterable[Sequence[str]]) -> bytes:
    """Fold the words of a field; each line of them begins a new line, but the first."""
    parts = [name, ":"]
    width = len(name) + 1
    for number, words in enumerate(lines):
        for place, word in enumerate(words):
            begins = number > 0 and place == 0
            if begins or (place > 0 and width + 1 + len(word) > COLUMNS):
                parts.append("\r\n\t")
                width = TAB_COLUMNS
            else:
                parts.append(" ")
                width += 1
            parts.append(word)
            width += len(word)
    parts.append("\r\n")
    return "".join(parts).encode()


def arc(instance: int, found: Sequence[Finding], authserv_id: str) -> bytes:
    """Write ARC-Authentication-Results (RFC 8617 §4.1.1), with its CRLF."""
    lines = payload(found, authserv_id)
    lines[0].insert(0, f"i={instance};")
    return field("ARC-Authentication-Results", lines)


def findings(proofs: Proofs) -> list[Finding]:
    """Give everything that was found out, as results of RFC 8601 §2.7."""
    found = [*_reverse(proofs.reverse, proofs.ip)]
    if proofs.sender:
        found.append(
            Finding(
                "spf",
                proofs.mailfrom.result.value,
                (("smtp.mailfrom", proofs.sender),),
                comment=_problem(proofs.mailfrom),
            )
        )
    if not proofs.sender or proofs.helo.result is not Result.NONE:
        found.append(
            Finding(
                "spf",
                proofs.helo.result.value,
                (("smtp.helo", proofs.greeting),) if proofs.greeting else (),
                comment=_problem(proofs.helo),
            )
        )
    found += [_signature(one) for one in proofs.signatures[:SIGNATURES]]
    if not proofs.signatures:
        found.append(Finding("dkim", "none"))
    found += _chain(proofs.chain, proofs.ip)
    found.append(_dmarc(proofs.dmarc))
    return found if proofs.bimi is None else [*found, *_bimi(proofs.bimi)]


def _reverse(reverse: Reverse, ip: str) -> list[Finding]:
    if reverse.result is Result.NONE:
        return []  # RFC 8601 §2.7.3 has no such result: it was not looked up
    comment = reverse.name if ascii_name(reverse.name) else ""
    properties = (("policy.iprev", ip),)
    return [Finding("iprev", reverse.result.value, properties, comment=comment)]


def _problem(found: SPF) -> str:
    if found.result in {Result.PERMERROR, Result.TEMPERROR} and found.steps:
        return found.steps[-1]
    return ""


def _signature(one: Signature) -> Finding:
    properties = [
        (name, value)
        for name, value in (
            ("header.d", one.domain),
            ("header.i", one.identity if one.identity != f"@{one.domain}" else ""),
            ("header.s", one.selector),
            ("header.a", one.algorithm),
            ("header.b", one.begins),
        )
        if value
    ]
    notes = [f"{one.bits}-bit key"] if one.bits else []
    notes += ["key under test"] if one.testing else []
    notes += [] if one.whole else ["part of the body is not signed"]
    return Finding(
        "dkim", one.result.value, tuple(properties), one.reason, ", ".join(notes)
    )


def _chain(chain: Chain, ip: str) -> list[Finding]:
    if chain.result is Result.NONE:
        return []
    properties = [("smtp.remote-ip", ip)] if ip else []
    if chain.result is Result.PASS and chain.oldest is not None:
        properties.insert(0, ("header.oldest-pass", str(chain.oldest)))
    comment = f"i={chain.sets}" if chain.sets else ""
    return [
        Finding("arc", chain.result.value, tuple(properties), chain.reason, comment)
    ]


def _dmarc(dmarc: DMARC) -> Finding:
    properties = []
    if dmarc.domain:
        properties.append(("header.from", dmarc.domain))
    comment = ""
    if dmarc.policy is not None:
        properties.append(("policy.dmarc", dmarc.disposition))
        comment = f"p={dmarc.policy.p}"
    return Finding(
        "dmarc", dmarc.result.value, tuple(properties), dmarc.reason, comment
    )


def _bimi(found: BIMI) -> list[Finding]:
    """Tell of a logo (draft-brand-indicators §7.7); evidence was not looked at."""
    if found.result == "skipped":
        return []
    properties = [("header.d", found.domain), ("header.selector", found.selector)]
    if found.result == "pass":
        properties += [
            ("policy.authority", "none"),
            ("policy.indicator-uri", found.location),
        ]
    if found.logo:
        hashed = sha256(found.logo).hexdigest()[-LOGO_HASH_CHARACTERS:]
        properties.append(("policy.indicator-hash", hashed))
    told = tuple((name, value) for name, value in properties if value)
    return [Finding("bimi", found.result, told, comment=found.reason)]


def received_spf(found: SPF, proofs: Proofs, receiver: str) -> bytes:
    """Write the Received-SPF field of one check (RFC 7208 §9.1), with its CRLF."""
    sender = proofs.sender or f"postmaster@{proofs.greeting}"
    told = {
        Result.PASS: f"domain of {sender} designates {proofs.ip} as permitted sender",
        Result.FAIL: f"domain of {sender} does not designate {proofs.ip}"
        " as permitted sender",
        Result.SOFTFAIL: f"domain of {sender} discourages {proofs.ip} as sender",
        Result.NEUTRAL: f"domain of {sender} says nothing about {proofs.ip}",
        Result.NONE: f"{found.domain} has no policy",
    }.get(found.result, found.steps[-1] if found.steps else found.result.value)
    pairs = [("client-ip", proofs.ip)]
    if found.scope == "mailfrom" and proofs.sender:
        pairs.append(("envelope-from", proofs.sender))
    pairs += [("helo", proofs.greeting), ("receiver", receiver)]
    pairs.append(("identity", found.scope))
    if found.result in {Result.PERMERROR, Result.TEMPERROR}:
        pairs.append(("problem", found.steps[-1] if found.steps else "unknown"))
    elif found.result is not Result.NONE:
        pairs.append(("mechanism", found.mechanism or "default"))
    words = [f"{key}={_keyed(key, value)};" for key, value in pairs]
    words[-1] = words[-1][:-1]
    comment = _comment(f"{receiver}: {told}")
    return field("Received-SPF", [[found.result.value, *comment, *words]])


def forged(
    header: bytes, authserv_id: str, also: Collection[str] = ()
) -> list[tuple[int, int]]:
    """Give spans of fields that speak in our name and must go (RFC 8601 §5).

    ``authserv_id`` and every name in ``also`` are ours, and what lies below them.
    Fields that cannot be read, or are of a version that we do not know, go too:
    their readers may see another name in them than we do. So does a Received-SPF
    that names us or no receiver, and what is indented before the first field: it
    would continue the last field that we put there. The spans are whole fields of
    ``header``, in their order.
    """
    own = _Own({_normal(name) for name in (authserv_id, *also)} - {""})
    indented = _INDENTED.match(header)
    spans = [indented.span()] if indented else []
    for number, found in enumerate(_OURS.finditer(b"\n" + header)):
        judged = _claims if found[1][:1] in b"Aa" else _receives
        if number >= FIELDS or judged(found[2], own):
            end = min(found.end(), len(header))  # with its line end, if it has one
            spans.append((found.start(), end))
    return spans


@define(eq=False)
class _Own:
    """Our names, and how many beyond ASCII are still compared with them."""

    names: AbstractSet[str]
    left: int = MAPPED

    def named(self, text: str) -> bool:
        """Whether one of ours, or one below it, stands in the text, or may do so."""
        for piece in _APART.split(text):
            if not piece.isascii():
                self.left -= 1
                if self.left < 0:
                    return True  # making A-labels of them all would take too long
            name = _normal(piece)
            if name in self.names or not self.names.isdisjoint(parents(name)):
                return True
        return False


def _claims(value: bytes, own: _Own) -> bool:
    claims = service_of(value)
    if claims is None or claims.version != 1:
        return True
    return own.named("".join(claims.service[:VALUE_CHARACTERS].split()))


def _receives(value: bytes, own: _Own) -> bool:
    text = value[:VALUE_CHARACTERS].decode("utf-8", "replace").replace("\\", "")
    return not _RECEIVER.search(text) or own.named(text)


def _normal(name: str) -> str:
    """Give a name as it is compared; one that is no domain in lower case."""
    name = name.strip(".")
    if name.isascii():
        return name.lower()  # no other form of it could be a domain
    return ascii_name(name) or name.lower()


def _property(name: str, value: str) -> str:
    """Write a ``pvalue``; only an envelope's address may be more than ASCII."""
    if len(value.encode("utf-8", "replace")) > ADDRESS_OCTETS:
        value = value.rpartition("@")[2][:QUOTED_CHARACTERS]
    if _TOKEN.fullmatch(value):
        return f"{name}={value}"
    if name != "smtp.mailfrom":
        value = _ascii(value)
    local, at, domain = value.rpartition("@")
    sound = not local or _ATOMS.fullmatch(local) or _STRING.fullmatch(local)
    if at and sound and _DOMAIN.fullmatch(domain) and value.isprintable():
        return f"{name}={value}"
    return f"{name}={_quoted(value, plain=name != 'smtp.mailfrom')}"


def _value(text: str) -> str:
    return text if _TOKEN.fullmatch(text) else _quoted(text)


def _keyed(key: str, text: str) -> str:
    if len(text) <= QUOTED_CHARACTERS and _KEYED.fullmatch(text):
        return text
    return _quoted(text, plain=key != "envelope-from")


def _quoted(text: str, *, plain: bool = True) -> str:
    text = printable(_ascii(text) if plain else text)[:QUOTED_CHARACTERS]
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _comment(text: str) -> list[str]:
    """Give the words of a comment, its parentheses with them."""
    text = printable(_ascii(text))[:QUOTED_CHARACTERS]
    return f"({_SPECIAL.sub(_escaped, text)})".split()


def _escaped(found: re.Match[str]) -> str:
    return "\\" + found[0]


def _ascii(text: str) -> str:
    return text if text.isascii() else text.encode("ascii", "replace").decode()

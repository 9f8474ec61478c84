"""BIMI: the logo that an author's domain asks to be shown (draft-brand-indicators).

After a DMARC pass under an enforced policy: which record speaks for the message,
and where the logo is. Evidence (``a=``, mark certificates) is noted and not looked
at. Section numbers are those of draft-brand-indicators-for-message-identification-10.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from attrs import define, evolve, field, frozen

from mailsuite.interfaces.resolving import IResolver, NoAnswer, NoSuchName
from mailsuite.mailauth.author import Authors
from mailsuite.mailauth.labels import ascii_name, within
from mailsuite.mailauth.suffixes import Suffixes
from mailsuite.mailauth.treewalk import Search
from mailsuite.mime.headers import values
from mailsuite.model.proofs import BIMI, DMARC, Policy, Result, Signature

RECORD_OCTETS = 4_096  # of a record that is read
URI_CHARACTERS = 1_024  # of a logo's or evidence's place
COLUMNS = 76  # of a folded line of base64

DEFAULT = "default"

_VERSION = re.compile(r"v[ \t]*=[ \t]*BIMI1[ \t]*(?:;|\Z)")
_TAG = re.compile(r"[ \t]*([a-z]{1,20}+)[ \t]*=[ \t]*([!-~]*+)[ \t]*")
_FIELD = re.compile(
    r"v[ \t]*=[ \t]*BIMI1[ \t]*;[ \t]*s[ \t]*=[ \t]*([A-Za-z0-9.-]{1,127}+)[ \t]*;?[ \t]*"
)
_SELECTOR = re.compile(
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*+"
)
_FOREIGN = re.compile(
    rb"^bimi-(?:location|indicator|logo-preference)[\x00-\x09\x0b\x0c\x0e-\x20]*+:"
    rb"[^\n]*+\n?(?:[ \t][^\n]*+\n?)*+",
    re.IGNORECASE | re.MULTILINE,
)


@frozen
class Assertion:
    """One record (§4.3); ``fault`` says why it is of no use."""

    location: str = ""
    authority: str = ""
    by_local: bool = False
    preference: str = ""
    fault: str = ""

    @property
    def declined(self) -> bool:
        """Whether the owner wants no logo (§4.3.1)."""
        return not (self.fault or self.location or self.authority)


def parse(octets: bytes) -> Assertion | None:
    """Read a TXT record; None: it is not BIMI."""
    text = octets[: RECORD_OCTETS + 1].decode("ascii", "replace")
    version = _VERSION.match(text)
    if version is None or len(octets) > RECORD_OCTETS:
        return None
    tags: dict[str, str] = {}
    for part in text[version.end() :].split(";"):
        tag = _TAG.fullmatch(part)
        if tag is None and part.strip():
            return Assertion(fault=f"not a tag: {part.strip()[:40]!r}")
        if tag is None:
            continue
        if tag[1] in tags:
            return Assertion(fault=f"{tag[1]} stands twice")
        tags[tag[1]] = tag[2]
    if "l" not in tags:
        return Assertion(fault="there is no l=")
    fault = _uri_fault("l", tags["l"]) or _uri_fault("a", tags.get("a", ""))
    preference = tags.get("avp", "")
    return Assertion(
        tags["l"],
        tags.get("a", ""),
        tags.get("lps") == "true",
        preference if preference in {"brand", "personal"} else "",
        fault,
    )


def _uri_fault(name: str, uri: str) -> str:
    """Say what is wrong with a place: https, a full name, an SVG (§4.3.2)."""
    if not uri:
        return ""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"{name}= is no URI"
    if parts.scheme != "https" or "," in uri or len(uri) > URI_CHARACTERS:
        return f"{name}= is no https URI"
    if "." not in host or ascii_name(host) is None or parts.username is not None:
        return f"{name}= has no full host name"
    if port not in {None, 443}:
        return f"{name}= has a port of its own"
    if name == "l" and not parts.path.lower().endswith((".svg", ".svgz")):
        return "l= is no SVG"
    return ""


def selector(header: bytes) -> str:
    """Give what the only BIMI-Selector field says, or nothing (§5.1)."""
    found = values(header, b"BIMI-Selector")
    match = _FIELD.fullmatch(found[0].decode("ascii", "replace")) if found else None
    if match is None or len(found) > 1:
        return ""
    name = match[1].lower()
    return name if _SELECTOR.fullmatch(name) else ""


def local_selector(local: str) -> str:
    """Make a selector of a local part, or nothing where none can be made (§4.5)."""
    name = re.sub(r"[-_.]+", "-", local.partition("+")[0]).strip("-").lower()
    fits = len(name) <= 63 and name.isascii() and _SELECTOR.fullmatch(name)
    return name if fits else ""


def unwanted(policy: Policy) -> str:
    """Say why a policy is too weak for a logo (§7.1, 7 to 9), or nothing."""
    if policy.p == "none":
        return f"{policy.domain} has p=none"
    if policy.sp == "none":
        return f"{policy.domain} has sp=none"
    if policy.p == "quarantine" and policy.percent < 100:
        return f"{policy.domain} has pct={policy.percent}"
    if policy.testing:
        return f"{policy.domain} only tests (t=y)"
    return ""


async def look(
    header: bytes,
    found: tuple[Authors, DMARC, Sequence[Signature]],
    resolver: IResolver,
    suffixes: Suffixes | None = None,
) -> BIMI:
    """Find the record for a message. Never raises for DNS or bad mail.

    ``pass`` means here that there is a place where the logo should be; who fetches
    it says what came of that.
    """
    authors, dmarc, signatures = found
    why = _skipped(authors, dmarc)
    if why:
        return BIMI("skipped", reason=why, steps=(why,))
    looking = _Looking(authors, dmarc, resolver, Search(resolver, suffixes))
    try:
        return await looking.found(_signed_selector(header, dmarc, signatures))
    except NoAnswer:
        steps = (*looking.steps, "DNS gave no answer about BIMI")
        return BIMI("temperror", dmarc.domain, reason=steps[-1], steps=steps)


def _skipped(authors: Authors, dmarc: DMARC) -> str:
    if authors.fields != 1 or len(authors.addresses) != 1 or authors.trouble:
        return "the message has not one author"
    if dmarc.result is not Result.PASS or dmarc.policy is None:
        return "the message did not pass DMARC"
    return unwanted(dmarc.policy)


def _signed_selector(
    header: bytes, dmarc: DMARC, signatures: Sequence[Signature]
) -> str:
    """Believe the field only where the author's domain signed it (§5.5)."""
    top = dmarc.organizational or dmarc.domain
    signed = any(
        one.result is Result.PASS
        and within(one.domain, top)
        and "bimi-selector" in one.fields
        for one in signatures
    )
    return (selector(header) if signed else "") or DEFAULT


@define(eq=False)
class _Looking:
    _authors: Authors
    _dmarc: DMARC
    _resolver: IResolver
    _search: Search
    steps: list[str] = field(factory=list)

    async def found(self, name: str) -> BIMI:
        """Ask the author's domain, then its organization (§7.2)."""
        author = self._dmarc.domain
        organizational = await self._search.organizational(author)
        above = await self._search.record(organizational)
        why = unwanted(above.policy) if above is not None else ""
        if why:
            return BIMI("skipped", reason=why, steps=(why,))
        for domain in dict.fromkeys((author, organizational)):
            assertion = await self._asked(name, domain)
            if assertion is None:
                continue
            used = name
            local = local_selector(self._authors.addresses[0][0])
            if assertion.by_local and local not in {"", name}:
                own = await self._asked(local, domain)
                assertion, used = (own, local) if own else (assertion, name)
            return self._told(assertion, domain, used)
        reason = f"{author} asks for no logo"
        return BIMI("none", author, name, reason=reason, steps=tuple(self.steps))

    async def _asked(self, name: str, domain: str) -> Assertion | None:
        where = f"{name}._bimi.{domain}"
        try:
            texts = await self._resolver.texts(where)
        except NoSuchName:
            texts = ()
        found = [one for text in texts if (one := parse(text)) is not None]
        said = f"{len(found)} records" if found else "no BIMI record"
        self.steps.append(f"{where}: {said}")
        if len(found) > 1:
            return Assertion(fault="there are several records")
        return found[0] if found else None

    def _told(self, assertion: Assertion, domain: str, name: str) -> BIMI:
        made = BIMI(
            "pass",
            domain,
            name,
            assertion.location,
            assertion.authority,
            assertion.preference,
            steps=tuple(self.steps),
        )
        if assertion.declined:
            return evolve(made, result="declined", reason="the owner wants no logo")
        if assertion.fault or not assertion.location:
            reason = assertion.fault or "there is evidence, but no place of a logo"
            return evolve(made, result="fail", reason=reason)
        return made


def foreign(header: bytes) -> list[tuple[int, int]]:
    """Give the spans of fields that only we may write (§7.8), in their order."""
    return [match.span() for match in _FOREIGN.finditer(header)]


def fields(found: BIMI) -> bytes:
    """Write what clients show the logo by (§7.9 to §7.11); nothing without a pass."""
    if found.result != "pass" or not found.logo:
        return b""
    lines = [f"BIMI-Location: v=BIMI1;\r\n\tl={found.location}\r\n"]
    if found.preference:
        lines.append(f"BIMI-Logo-Preference: avp={found.preference}\r\n")
    lines.append("BIMI-Indicator:")
    lines += _folded(b64encode(found.logo).decode())
    return "".join([*lines, "\r\n"]).encode()


def _folded(text: str) -> Iterator[str]:
    for at in range(0, len(text), COLUMNS):
        yield f"\r\n\t{text[at : at + COLUMNS]}"

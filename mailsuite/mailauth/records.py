"""DMARC policy records (RFC 9989 §4.7, §4.8; RFC 7489 §6.3).

What is wrong in a record is passed over in favour of the default, as RFC 9989
§4.8 says; only the version decides whether it is a record at all.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import unquote

from attrs import frozen

from mailsuite.model.proofs import Policy

RECORD_OCTETS = 4_096  # longer ones are not read; answers over UDP are shorter
TAGS = 100  # of one record; the rest is not read
URIS = 20  # of one list; RFC 7489 §6.2 asks for two at least
PARSED_RECORDS = 1_024  # remembered, so that warm mail does not parse again

REQUESTS = ("none", "quarantine", "reject")
"""What a domain owner may ask for, mildest first."""

_VERSION = re.compile(r"[ \t]*v[ \t]*=[ \t]*(DMARC1)[ \t]*(?:;|\Z)", re.IGNORECASE)
_TAG = re.compile(r"[ \t]*([A-Za-z]{1,20}+)[ \t]*=([\t\x20-\x3a\x3c-\x7e]*+)")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+:[!#-+./0-9:;=?@A-Z\[\]_a-z~-]++")
_SIZED = re.compile(r"([^!]++)(?:!([0-9]{1,12})([kmgt]?))?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


@frozen
class Record:
    """One record as it was found.

    ``applies`` is False when RFC 9989 §4.10.1 lets DMARC rest: no valid ``p``, or
    an ``sp`` or ``np`` that is none, and nobody to report to. ``faults`` are for
    people.
    """

    policy: Policy
    applies: bool
    faults: tuple[str, ...] = ()


@frozen
class Destination:
    """Where reports go: an address, and the most octets it takes (0: no limit)."""

    address: str
    octets: int = 0


def choose(domain: str, texts: Sequence[bytes]) -> tuple[Record | None, int]:
    """Give the one DMARC record among TXT records, and how many there were.

    Several are as good as none (RFC 9989 §4.10, step 2).
    """
    found = [record for text in texts if (record := parse(domain, text))]
    return (found[0] if len(found) == 1 else None), len(found)


@lru_cache(PARSED_RECORDS)
def parse(domain: str, octets: bytes) -> Record | None:
    """Read a TXT record found at ``_dmarc.`` and ``domain``; None: not DMARC."""
    if len(octets) > RECORD_OCTETS:
        return None
    text = octets.decode("ascii", "replace")
    version = _VERSION.match(text)
    if version is None or version[1] != "DMARC1":  # RFC 9989 §4.7: case counts
        return None
    tags = _Tags.of(text[version.end() :])
    policy = _policy(domain, text, tags)
    wrong = tags.unanswered
    return Record(policy, not wrong or bool(policy.rua), (*tags.faults, *wrong))


@frozen
class _Tags:
    """Names in lower case and their values; of one that stands twice, the first."""

    values: dict[str, str]
    faults: list[str]

    @classmethod
    def of(cls, text: str) -> "_Tags":
        tags = cls({}, [])
        for part in text.split(";", TAGS)[:TAGS]:
            tag = _TAG.fullmatch(part)
            if tag is None:
                if part.strip():
                    tags.faults.append(f"not a tag: {part.strip()[:40]!r}")
            elif tag[1].lower() in tags.values:
                tags.faults.append(f"{tag[1].lower()} stands twice")
            else:
                tags.values[tag[1].lower()] = tag[2].strip()
        return tags

    @property
    def unanswered(self) -> list[str]:
        """Say which of the requests is missing or none (RFC 9989 §4.10.1)."""
        wrong = [
            f"{name}={self.values[name][:40]}"
            for name in ("p", "sp", "np")
            if name in self.values and self.values[name].lower() not in REQUESTS
        ]
        return wrong if "p" in self.values else ["no p", *wrong]

    def one(self, name: str, known: Sequence[str], default: str) -> str:
        """Give a value out of those known, else the default."""
        value = self.values.get(name, default).lower()
        if value in known or value == default:
            return value
        self.faults.append(f"{name}={value[:40]}")
        return default

    def uris(self, name: str) -> Iterator[str]:
        """Give the list's URIs in their order."""
        value = self.values.get(name, "")
        for part in value.split(",", URIS)[:URIS] if value else ():
            uri = part.strip()
            if _URI.fullmatch(uri):
                yield uri
            else:
                self.faults.append(f"{name}: not a URI: {uri[:40]!r}")


def _policy(domain: str, text: str, tags: _Tags) -> Policy:
    request = "none"
    if not tags.unanswered:
        request = tags.values["p"].lower()
    inherited = {
        name: tags.values.get(name, "").lower() if not tags.unanswered else ""
        for name in ("sp", "np")
    }
    percent = tags.values.get("pct", "100")
    return Policy(
        domain,
        text,
        request,
        inherited["sp"],
        inherited["np"],
        tags.one("adkim", ("r", "s"), "r"),
        tags.one("aspf", ("r", "s"), "r"),
        _failures(tags),
        tags.one("t", ("y", "n"), "n") == "y",
        min(int(percent[:4]), 100) if percent.isascii() and percent.isdigit() else 100,
        tags.one("psd", ("y", "n", "u"), "u"),
        tuple(tags.uris("rua")),
        tuple(tags.uris("ruf")),
    )


def _failures(tags: _Tags) -> str:
    """Give ``fo``: options in any order, 0 and 1 never together (RFC 9989 §4.7)."""
    value = tags.values.get("fo", "0").lower()
    options = [option.strip() for option in value.split(":", 4)]
    known = all(option in {"0", "1", "d", "s"} for option in options)
    if known and len(set(options)) == len(options) and not {"0", "1"} <= set(options):
        return ":".join(options)
    tags.faults.append(f"fo={value[:40]}")
    return "0"


def destination(uri: str) -> Destination | None:
    """Give the address of a ``mailto`` URI; None: another scheme, or no address.

    The size after ``!`` is obsolete (RFC 9989 §4.8), yet tells what will bounce.
    """
    scheme, _, rest = uri.partition(":")
    sized = _SIZED.fullmatch(rest)
    if scheme.lower() != "mailto" or sized is None:
        return None
    address = unquote(sized[1].partition("?")[0])
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or not address.isprintable() or " " in address:
        return None
    octets = int(sized[2]) * _UNITS[sized[3].lower()] if sized[2] else 0
    return Destination(address, octets)

"""Texts of strangers, made fit to be kept and shown: short, printable, one line."""

import re

from mailsuite.dns.names import canonical

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]+")
"""Controls, ends of lines, and what XML 1.0 cannot hold."""

_DOMAIN_CHARACTERS = 300
_DOMAIN = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
"""Domains of mail; the DNS knows wilder names."""


def clipped(text: str, characters: int) -> str:
    """Give a text in one line, at most so long."""
    return _UNFIT.sub(" ", text[:characters]).strip()


def domain(text: str) -> str:
    """Give a domain in lower-case A-labels; empty: it is none."""
    name = canonical(text[:_DOMAIN_CHARACTERS].strip()) or ""
    return name if _DOMAIN.fullmatch(name) else ""


def number(text: str, most: int) -> int:
    """Give a whole number from 0 to ``most``; 0 for anything else."""
    text = text.strip()[:20].partition(".")[0]
    if not (text.isascii() and text.isdecimal()):
        return 0
    return min(int(text), most)

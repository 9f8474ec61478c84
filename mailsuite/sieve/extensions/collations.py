"""Comparators beyond the language's own: RFC 4790 §9.1 and RFC 5051."""

from mailsuite.sieve.comparators import NUMERIC, UNICODE
from mailsuite.sieve.shapes import Extension

EXTENSIONS = tuple(
    Extension(f"comparator-{one.name}", comparators={one.name: one})
    for one in (NUMERIC, UNICODE)
)

"""Every extension, in the order in which their strings are interpreted."""

from mailsuite.sieve import comparators, matching
from mailsuite.sieve.extensions import (
    collations,
    control,
    encoded,
    envelope,
    filing,
    headers,
    relational,
    subaddress,
)
from mailsuite.sieve.shapes import Extension
from mailsuite.sieve.vocabulary import Vocabulary

LANGUAGE = Extension("", comparators=comparators.BUILT_IN, matches=matching.BUILT_IN)

EXTENSIONS: tuple[Extension, ...] = (
    LANGUAGE,
    control.EXTENSION,
    headers.EXTENSION,
    filing.LANGUAGE,
    filing.FILEINTO,
    filing.COPY,
    encoded.EXTENSION,
    *collations.EXTENSIONS,
    envelope.EXTENSION,
    relational.EXTENSION,
    subaddress.EXTENSION,
)

VOCABULARY = Vocabulary.of(EXTENSIONS)

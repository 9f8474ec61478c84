"""Every extension, in the order in which their strings are interpreted."""

from mailsuite.sieve import comparators, matching
from mailsuite.sieve.extensions import (
    collations,
    control,
    date,
    debug,
    duplicate,
    encoded,
    envelope,
    environment,
    extlists,
    filing,
    headers,
    ihave,
    include,
    index,
    regex,
    relational,
    subaddress,
    variables,
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
    variables.EXTENSION,
    *regex.EXTENSIONS,
    date.EXTENSION,
    index.EXTENSION,
    include.EXTENSION,
    ihave.EXTENSION,
    environment.EXTENSION,
    environment.DOVECOT,
    debug.EXTENSION,
    duplicate.EXTENSION,
    extlists.EXTENSION,
)

VOCABULARY = Vocabulary.of(EXTENSIONS)

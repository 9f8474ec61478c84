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
    fcc,
    filing,
    flags,
    headers,
    ihave,
    include,
    index,
    metadata,
    regex,
    relational,
    subaddress,
    targets,
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
    flags.EXTENSION,
    *targets.EXTENSIONS,
    *metadata.EXTENSIONS,
    fcc.EXTENSION,
)

VOCABULARY = Vocabulary.of(EXTENSIONS)

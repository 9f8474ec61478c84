"""Every extension, in the order in which their strings are interpreted."""

from collections.abc import Callable
from functools import cache

from attrs import evolve

from mailsuite.sieve import comparators, matching
from mailsuite.sieve.extensions import (
    body,
    collations,
    control,
    converting,
    date,
    debug,
    deliverby,
    dsn,
    duplicate,
    editheader,
    encoded,
    enotify,
    envelope,
    environment,
    extlists,
    extracting,
    fcc,
    filing,
    flags,
    headers,
    ihave,
    imapsieve,
    include,
    index,
    loops,
    metadata,
    mime,
    processcalendar,
    programs,
    regex,
    reject,
    relational,
    rewriting,
    scores,
    snooze,
    subaddress,
    targets,
    vacation,
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
    *imapsieve.EXTENSIONS,
    debug.EXTENSION,
    duplicate.EXTENSION,
    extlists.EXTENSION,
    flags.EXTENSION,
    *targets.EXTENSIONS,
    *metadata.EXTENSIONS,
    fcc.EXTENSION,
    body.EXTENSION,
    editheader.EXTENSION,
    loops.EXTENSION,
    mime.EXTENSION,
    extracting.EXTENSION,
    *rewriting.EXTENSIONS,
    converting.EXTENSION,
    *reject.EXTENSIONS,
    *vacation.EXTENSIONS,
    enotify.EXTENSION,
    *dsn.EXTENSIONS,
    *deliverby.EXTENSIONS,
    *scores.EXTENSIONS,
    *snooze.EXTENSIONS,
    processcalendar.EXTENSION,
)

VOCABULARY = Vocabulary.of(EXTENSIONS)
WITH_PROGRAMS = Vocabulary.of((*EXTENSIONS, *programs.EXTENSIONS))
"""For scripts that may run the operator's programs."""


@cache
def spoken(
    *, programs: bool, delimiter: str = "+", zones: Callable[[str], bool] | None = None
) -> Vocabulary:
    """What scripts may ask for; ``delimiter`` stands before details of addresses.

    ``zones`` says whether there is a time zone of that name.
    """
    known = evolve(WITH_PROGRAMS if programs else VOCABULARY, zones=zones)
    if delimiter == "+":
        return known
    parts = subaddress.extension(delimiter).parts
    return evolve(known, parts={**known.parts, **parts})

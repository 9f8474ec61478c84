"""Every extension, in the order in which their strings are interpreted."""

from mailsuite.sieve import comparators, matching
from mailsuite.sieve.extensions import control, filing, headers
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
)

VOCABULARY = Vocabulary.of(EXTENSIONS)

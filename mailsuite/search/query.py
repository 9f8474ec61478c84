"""From words to Whoosh's query objects; text is never parsed as a query."""

from whoosh.query import And, Or, Query, Term

from mailsuite.search.words import asked

FIELDS = (("subject", 2.0), ("people", 1.5), ("text", 1.0))  # with their weights
WORDS = 32  # of one question; the rest is left out


def build(text: str) -> Query | None:
    """Messages that hold all the words, in whichever field; None: no words."""
    words = asked(text)[:WORDS]
    if not words:
        return None
    return And(
        [Or([Term(name, word, boost) for name, boost in FIELDS]) for word in words]
    )

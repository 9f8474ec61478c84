"""Values: small things that are made, handed on, compared, and never changed.

mypy sees attrs' ``frozen`` and forbids a change. Nothing guards against it once more
while the house runs: attrs' guard goes around ``__setattr__`` for every field of every
value that is made, which makes it three times as dear; a message makes some thirty.
"""

from functools import partial
from typing import TYPE_CHECKING

__all__ = ("value",)

if TYPE_CHECKING:
    from attrs import frozen as value
else:
    from attrs import define, setters

    value = partial(define, unsafe_hash=True, on_setattr=setters.NO_OP)

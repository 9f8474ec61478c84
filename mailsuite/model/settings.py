"""Fields of settings classes: each with default, unit and meaning.

Every room defines one frozen class of them; the sample file, ``config explain``
and the manual are made from these. A class's docstring is its section's comment.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

import attrs
from attrs import frozen

T = TypeVar("T")

_MEANING = "mailsuite.meaning"
_UNIT = "mailsuite.unit"
_RESTART = "mailsuite.restart"


def setting(default: T, meaning: str, unit: str = "", *, restart: bool = False) -> T:
    """A settings field.

    ``unit`` stands beside the value in the sample ("seconds", "octets").
    ``restart`` marks what a reload cannot change.
    """
    metadata = {_MEANING: meaning, _UNIT: unit, _RESTART: restart}
    if isinstance(default, list | dict):
        raise TypeError("a setting's default is immutable: use a tuple")
    field: T = attrs.field(default=default, metadata=metadata)
    return field


@frozen
class Described:
    """One setting as the manual shows it."""

    key: str
    type: Any
    default: Any
    meaning: str
    unit: str
    restart: bool


def described(settings: type) -> Iterator[Described]:
    """The settings of a class in the order of their definition."""
    for field in attrs.fields(attrs.resolve_types(settings)):
        data = field.metadata
        yield Described(
            field.name,
            field.type,
            field.default,
            data[_MEANING],
            data[_UNIT],
            data[_RESTART],
        )

from collections.abc import Iterator
from typing import Any

from whoosh.formats import Format

class FieldType:
    format: Format
    scorable: bool
    stored: bool
    unique: bool
    def __init__(
        self,
        format: Format,
        analyzer: Any,
        scorable: bool = ...,
        stored: bool = ...,
        unique: bool = ...,
    ) -> None: ...
    def index(
        self, value: Any, **kwargs: Any
    ) -> Iterator[tuple[bytes, int, float, bytes]]: ...

class ID(FieldType):
    def __init__(self, stored: bool = ..., unique: bool = ...) -> None: ...

class STORED(FieldType):
    def __init__(self) -> None: ...

class Schema:
    def __init__(self, **fields: FieldType) -> None: ...
    def names(self) -> list[str]: ...

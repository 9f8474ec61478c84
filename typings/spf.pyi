import re
from typing import Any

RE_MODIFIER: re.Pattern[str]
RE_CHAR: re.Pattern[str]
RE_TOPLAB: re.Pattern[str]
MAX_VOID_LOOKUPS: int

class TempError(Exception):
    msg: str
    mech: str | None
    def __init__(self, msg: str, mech: str | None = ..., ext: object = ...) -> None: ...

class PermError(Exception):
    msg: str
    mech: str | None
    def __init__(self, msg: str, mech: str | None = ..., ext: object = ...) -> None: ...

class query:
    s: str
    l: str
    o: str
    d: str
    h: str
    t: str
    p: str | None
    r: str
    i: str
    c: str
    v: str
    A: str
    cidrmax: int
    ipaddr: Any
    def __init__(
        self,
        i: str,
        s: str,
        h: str,
        local: str | None = ...,
        receiver: str | None = ...,
        strict: bool | int = ...,
        timeout: float = ...,
        verbose: bool = ...,
        querytime: float = ...,
    ) -> None: ...
    def expand(self, s: str, stripdot: bool = ...) -> str: ...
    def expand_domain(self, arg: str) -> str: ...
    def validate_mechanism(self, mech: str) -> tuple[str, str, str, int, str]: ...

"""The mechanisms by name; the doors offer them in this order."""

from collections.abc import Callable

from mailsuite.wire.sasl.exchange import Exchange
from mailsuite.wire.sasl.login import Login
from mailsuite.wire.sasl.plain import Plain

_MADE_BY: dict[str, Callable[[], Exchange]] = {"PLAIN": Plain, "LOGIN": Login}

OFFERED = tuple(_MADE_BY)


def begin(name: str) -> Exchange | None:
    """Start the mechanism of that name, in any case; None: there is none."""
    made = _MADE_BY.get(name.upper())
    return made() if made else None

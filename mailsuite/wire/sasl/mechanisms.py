"""The mechanisms by name; the doors offer them in this order."""

from collections.abc import Callable, Mapping

from attrs import Factory, frozen

from mailsuite.interfaces.directory import IDirectory
from mailsuite.wire.sasl.exchange import Exchange
from mailsuite.wire.sasl.login import Login
from mailsuite.wire.sasl.plain import Plain
from mailsuite.wire.sasl.scram import DIGESTS, PLUS, Scram

_MADE_BY: dict[str, Callable[[], Exchange]] = {"PLAIN": Plain, "LOGIN": Login}

Bindings = Callable[[], Mapping[str, bytes]]

_SCRAM = tuple(DIGESTS)
_BOUND = tuple(name + PLUS for name in DIGESTS)
_PASSWORDS = tuple(_MADE_BY)


@frozen
class Choice:
    """What one connection may choose from, the strongest first.

    ``bindings`` are the channel's by name (RFC 5056); with them come the -PLUS
    mechanisms.
    """

    scram: bool = False
    bindings: Mapping[str, bytes] = Factory(dict)

    @classmethod
    def of(cls, directory: IDirectory, bindings: Bindings) -> "Choice":
        """What there is now; ``bindings`` tells of the connection."""
        if not directory.offers_scram():
            return cls()
        return cls(True, bindings())

    @property
    def names(self) -> tuple[str, ...]:
        """As they are told."""
        if not self.scram:
            return _PASSWORDS
        return (_BOUND if self.bindings else ()) + _SCRAM + _PASSWORDS

    def begin(self, name: str, nonce: str) -> Exchange | None:
        """Start the mechanism of that name, in any case; None: it is not offered.

        ``nonce`` is unpredictable, printable and without a comma.
        """
        name = name.upper()
        if name not in self.names:
            return None
        if made := _MADE_BY.get(name):
            return made()
        digest = DIGESTS[name.removesuffix(PLUS)]
        return Scram(digest, name.endswith(PLUS), nonce, self.bindings)

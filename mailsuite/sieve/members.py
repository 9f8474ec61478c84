"""What a list holds that scripts ask about (RFC 6134): one entry a line.

An entry is an address or any other text. ``*@example.org`` holds everybody of a
domain, ``*@*.example.org`` everybody below it. Case does not matter; empty lines and
those that begin with ``#`` count for nothing. A value costs its length, however long
the list is.
"""

from attrs import frozen

from mailsuite.sieve.extensions.extlists import REGISTERED

LIST_OCTETS = 256 * 1024  # of one list: 5 ms to read
BOOKS = f"{REGISTERED}:addrbook:"
"""Names of an account's own lists begin so."""
DOMAIN_CHARACTERS = 255  # RFC 5321 §4.5.3.1.2; of anything longer no part is looked at
ENTRY = "/private/vendor/mailsuite/addrbook/"
"""Where they lie among the account's annotations (RFC 5464)."""
DEFAULT = "default"  # the list that every account has: RFC 6134 §2.5
_EVERYBODY, _BELOW = "*@", "*@*."


@frozen(eq=False)
class Members:
    """One list, read."""

    addresses: tuple[str, ...] = ()
    """Entries that name one, as they were written."""
    _exact: frozenset[str] = frozenset()
    _domains: frozenset[str] = frozenset()
    _above: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self._exact) + len(self._domains) + len(self._above)

    def holds(self, value: str) -> bool:
        """Whether the value is in the list."""
        value = value.strip().casefold()
        if value in self._exact:
            return True
        _, at, domain = value.rpartition("@")
        if not at:
            return False
        if domain in self._domains:
            return True
        if len(domain) > DOMAIN_CHARACTERS:
            return False
        while self._above and domain:
            _, _, domain = domain.partition(".")
            if domain in self._above:
                return True
        return False


def read(octets: bytes) -> Members:
    """Read a list; what is beyond its limit is not looked at."""
    text = octets[:LIST_OCTETS].decode("utf-8", "replace").removeprefix("\ufeff")
    lines = (line.strip() for line in text.splitlines())
    entries = dict.fromkeys(line for line in lines if line and line[0] != "#")
    exact, domains, above, addresses = set(), set(), set(), []
    for entry in entries:
        folded = entry.casefold()
        if folded.startswith(_BELOW):
            above.add(folded.removeprefix(_BELOW))
        elif folded.startswith(_EVERYBODY):
            domains.add(folded.removeprefix(_EVERYBODY))
        else:
            exact.add(folded)
            addresses.append(entry)
    return Members(
        tuple(addresses), frozenset(exact), frozenset(domains), frozenset(above)
    )


def entry(name: str) -> str | None:
    """The annotation that an account's own list lies in; None: it is not one."""
    own = name[: len(BOOKS)].lower() == BOOKS
    return ENTRY + name[len(BOOKS) :].lower() if own else None

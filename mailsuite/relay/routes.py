"""Smarthost routes: which domains do not go by their MX."""

import os
import re
from collections.abc import Sequence
from enum import Enum

from attrs import field, frozen

from mailsuite.model.errors import UsageError

SUBMISSIONS_PORT = 465  # RFC 8314 §3.3: TLS from the first octet

_NEXT_HOP = re.compile(r"(?:\[([^\]\s]+)\]|([^\[\]:\s]+))(?::([0-9]{1,5}))?")


class Policy(Enum):
    """What a route asks of TLS."""

    NONE = "none"
    MAY = "may"
    REQUIRED = "required"
    VERIFY = "verify"


@frozen
class Login:
    """Name and secret for a smarthost."""

    user: str
    password: str = field(repr=False)


@frozen
class Route:
    """Where a domain's mail goes.

    ``host`` is a name or an address. ``exchangers``: its MX records are asked
    for; else (brackets) its addresses alone. ``wrapped``: TLS before the greeting.
    """

    host: str
    port: int
    exchangers: bool
    tls: Policy
    login: Login | None = None
    configured: bool = True
    wrapped: bool = False


@frozen
class Routes:
    """The table; ``*`` stands for every other domain."""

    _table: dict[str, Route]
    _port: int
    _tls: Policy

    @classmethod
    def parse(cls, rows: Sequence[str], port: int, tls: str) -> "Routes":
        """Read the settings, secrets included.

        :raises UsageError: a row or a secret cannot be read.
        """
        policy = _policy(tls, "relay.tls")
        table = dict(_row(row, port, policy) for row in rows)
        return cls(table, port, policy)

    def find(self, domain: str) -> Route:
        """Give the route of a domain: configured, or by its MX."""
        domain = domain.lower()
        if domain in self._table:
            return self._table[domain]
        above = domain
        while above:
            found = self._table.get(f".{above}")
            if found is not None:
                return found
            above = above.partition(".")[2]
        route = self._table.get("*")
        return route or Route(
            domain, self._port, True, self._tls, None, configured=False
        )


def _row(row: str, port: int, tls: Policy) -> tuple[str, Route]:
    words = row.split()
    found = _NEXT_HOP.fullmatch(words[1]) if len(words) >= 2 else None
    if found is None or int(found[3] or port) > 0xFFFF:
        raise UsageError(
            f"relay.routes: {row!r} is no route; write 'example.org [host]:25' or "
            "'* host:587 user=NAME password=file:PATH'"
        )
    options = dict(_option(word) for word in words[2:])
    login = None
    if "user" in options:
        login = Login(options["user"], _secret(options.get("password", "")))
        tls = Policy.VERIFY
    if "tls" in options:
        tls = _policy(options["tls"], "relay.routes: tls")
    host, port = found[1] or found[2], int(found[3] or port)
    wrapped = port == SUBMISSIONS_PORT and tls is not Policy.NONE
    route = Route(
        host, port, not found[1], tls, login, configured=True, wrapped=wrapped
    )
    return words[0].lower(), route


def _option(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or name not in {"user", "password", "tls"}:
        raise UsageError(
            f"relay.routes: no such option {name!r}; there are user=, password=, tls="
        )
    return name, value


def _policy(text: str, where: str) -> Policy:
    try:
        return Policy(text)
    except ValueError as error:
        names = ", ".join(policy.value for policy in Policy)
        raise UsageError(f"{where}: {text!r} is none of {names}") from error


def _secret(text: str) -> str:
    kind, _, where = text.partition(":")
    if kind == "env":
        if where not in os.environ:
            raise UsageError(f"relay.routes: the environment has no {where}")
        return os.environ[where]
    if kind == "file":
        try:
            with open(where, encoding="utf-8") as file:
                return file.readline().rstrip("\r\n")
        except OSError as error:
            raise UsageError(
                f"relay.routes: cannot read {where}: {error.strerror}"
            ) from error
    return text

"""Reading ``domains.d``: one file a domain, written by people."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

from mailsuite.directory.names import canonical, checked_domain, parse
from mailsuite.directory.state import Listing
from mailsuite.house import config
from mailsuite.house.keylines import KeyLines
from mailsuite.interfaces.directory import AliasRow, Domain
from mailsuite.model.errors import UsageError
from mailsuite.policy.authentication.settings import CHOICES, DOMAIN_KEYS, checked

SUFFIX = ".toml"
FOLDER = "domains.d"
KEYS: dict[str, object] = {
    "catch_all": "",
    "aliases": {},
    "authentication": {},
    "sieve": {},
}


SCRIPTS = {"before": 0, "after": 1}
"""Keys of ``[sieve]`` in a domain's file, and their places in a pair."""


def load(folder: str) -> Listing:
    """Read every file. :raises UsageError: what is wrong, line by line."""
    domains: list[Domain] = []
    aliases: list[AliasRow] = []
    rules: dict[str, Mapping[str, Any]] = {}
    scripts: dict[str, tuple[list[str], list[str]]] = {}
    wrong: list[str] = []
    for path in _files(folder):
        file = File(path)
        try:
            file.read()
        except UsageError as error:
            wrong.append(str(error))
        wrong += file.wrong
        domains += file.domains
        aliases += file.aliases
        rules |= file.rules
        scripts |= file.scripts
    if wrong:
        raise UsageError("\n".join(wrong))
    return Listing(tuple(domains), tuple(aliases), rules, scripts)


def _files(folder: str) -> Sequence[str]:
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from error
    return [
        os.path.join(folder, name)
        for name in names
        if name.endswith(SUFFIX) and not name.startswith(".")
    ]


@define(eq=False, repr=False)
class File:
    """One file: what it says and what is wrong with it."""

    path: str
    domains: list[Domain] = field(factory=list)
    aliases: list[AliasRow] = field(factory=list)
    rules: dict[str, Mapping[str, Any]] = field(factory=dict)
    scripts: dict[str, tuple[list[str], list[str]]] = field(factory=dict)
    wrong: list[str] = field(factory=list)
    _lines: KeyLines = field(factory=KeyLines)

    def read(self) -> None:
        """Read it. :raises UsageError: it cannot be read at all."""
        text = config.read_text(self.path)
        self._lines = KeyLines.of(text)
        document = config.parse(self.path, text)
        name = checked_domain(os.path.basename(self.path).removesuffix(SUFFIX))
        for key in document.keys() - KEYS.keys():
            hint = config.nearest(key, KEYS)
            self._report("", key, f"unknown key {key!r}{hint}")
        catch_all = document.get("catch_all", "")
        into = ""
        if catch_all != "":
            into = self._address("", "catch_all", catch_all, name)
        self.domains.append(Domain(name, into, self.path))
        self._authentication(document.get("authentication", {}), name)
        self._sieve(document.get("sieve", {}), name)
        listed = document.get("aliases", {})
        if not isinstance(listed, dict):
            self._report("", "aliases", "'aliases' must be a section: [aliases]")
            return
        for key, targets in listed.items():
            self._alias(key, targets, name)

    def _authentication(self, table: object, domain: str) -> None:
        """Read what the domain has of its own about mail that fails."""
        section = "authentication"
        if not isinstance(table, dict):
            self._report("", section, f"{section!r} must be a section: [{section}]")
            return
        for key, value in table.items():
            if key not in DOMAIN_KEYS:
                hint = config.nearest(key, DOMAIN_KEYS)
                self._report(section, key, f"unknown key {key!r}{hint}")
            elif key in CHOICES:
                try:
                    checked(key, value, CHOICES[key])
                except UsageError as error:
                    self._report(section, key, str(error))
            elif type(value) is not bool:
                self._report(section, key, f"{key!r} is true or false")
        if table:
            self.rules[domain] = table

    def _sieve(self, table: object, domain: str) -> None:
        """Read which scripts run before and after those of the domain's users."""
        section = "sieve"
        if not isinstance(table, dict):
            self._report("", section, f"{section!r} must be a section: [{section}]")
            return
        for key, value in table.items():
            if key not in SCRIPTS:
                hint = config.nearest(key, SCRIPTS)
                self._report(section, key, f"unknown key {key!r}{hint}")
            elif not isinstance(value, list) or not all(
                isinstance(one, str) for one in value
            ):
                self._report(section, key, f"{key!r} must be a list of file names")
            else:
                self.scripts.setdefault(domain, ([], []))[SCRIPTS[key]].extend(value)

    def _alias(self, key: str, targets: object, domain: str) -> None:
        name = self._address("aliases", key, key, domain)
        if name and not name.endswith("@" + domain):
            self._report("aliases", key, f"{key!r} does not belong to {domain}")
        if not isinstance(targets, list) or not targets:
            self._report("aliases", key, f"{key!r} must be a list of addresses")
            return
        into = [self._target(key, target, domain) for target in targets]
        self.aliases.append(AliasRow(name, tuple(filter(None, into)), self.path))

    def _address(self, table: str, key: str, text: object, domain: str) -> str:
        try:
            return canonical(parse(str(text), domain))
        except UsageError as error:
            self._report(table, key, str(error))
            return ""

    def _target(self, key: str, text: object, domain: str) -> str:
        """Keep the case of other servers' local parts."""
        if not self._address("aliases", key, text, domain):
            return ""
        local, at, rest = str(text).rpartition("@")
        return f"{local}@{rest}" if at else f"{rest}@{domain}"

    def _report(self, table: str, key: str, text: str) -> None:
        line = self._lines.line(table, key)
        self.wrong.append(f"{self.path}:{line}: {text}")

"""The operator's own Sieve scripts: read and checked at the start and at a reload."""

import os
from collections.abc import Iterable, Iterator

from attrs import define, field

from mailsuite.delivery import zones
from mailsuite.delivery.ground import Named, Rule, System
from mailsuite.directory.state import Listing
from mailsuite.house.tree import Tree
from mailsuite.model.errors import UsageError
from mailsuite.sieve.check import check
from mailsuite.sieve.errors import BadScript
from mailsuite.sieve.extensions.imapsieve import CAUSES
from mailsuite.sieve.extensions.table import spoken
from mailsuite.sieve.settings import Sieve
from mailsuite.sieve.vocabulary import Vocabulary

SUFFIX = ".sieve"
EVENTS = (
    "write MAILBOX CAUSES SCRIPT or FROM > MAILBOX CAUSES SCRIPT, as in"
    ' "INBOX > Junk COPY sieve/spam.sieve"; causes are APPEND, COPY and FLAG'
)
_USUAL = Sieve()
DEFAULTS = frozenset((*_USUAL.before, *_USUAL.after, *_USUAL.shared, *_USUAL.lists))
"""Folders that need not be there."""


def vocabulary(tree: Tree, *, users: bool) -> Vocabulary:
    """What scripts may ask for; of users' own it is asked whether they run programs."""
    settings = tree.sieve
    programs = bool(settings.programs) and (not users or settings.programs_for_users)
    delimiter = tree.directory.delimiter
    return spoken(programs=programs, delimiter=delimiter, zones=zones.known)


def load(tree: Tree, files: Listing, etc: str) -> System:
    """Read all of them. :raises UsageError: what is wrong, script by script."""
    settings = tree.sieve
    reader = Reader(etc, vocabulary(tree, users=False))
    domains = {
        domain: (reader.scripts(before), reader.scripts(after))
        for domain, (before, after) in files.sieve.items()
    }
    system = System(
        reader.scripts(settings.before),
        reader.scripts(settings.after),
        domains,
        {
            one.name: one.program
            for one in reader.scripts(settings.shared)
            if one.program is not None
        },
        tuple(reader.rules(settings.events)),
    )
    reader.wrong += [
        f"{path}: sieve.lists names no file or folder"
        for path in settings.lists
        if path not in DEFAULTS and not os.path.exists(os.path.join(etc, path))
    ]
    if reader.wrong:
        raise UsageError("\n".join(reader.wrong))
    return system


@define(eq=False, repr=False)
class Reader:
    """Reads scripts, and collects what is wrong with them."""

    _etc: str
    _vocabulary: Vocabulary
    wrong: list[str] = field(factory=list)

    def scripts(self, paths: Iterable[str]) -> tuple[Named, ...]:
        """Those that a setting names, in order."""
        return tuple(
            script
            for path in paths
            for file in self._files(path)
            if (script := self._script(file)) is not None
        )

    def rules(self, rows: Iterable[str]) -> Iterator[Rule]:
        """The operator's scripts for IMAP events, in order."""
        for row in rows:
            try:
                place, causes, path = row.rsplit(None, 2)
            except ValueError:
                self.wrong.append(f"sieve.events: {row!r}: {EVENTS}")
                continue
            source, arrow, mailbox = place.rpartition(" > ")
            named = frozenset(causes.upper().split(","))
            if not named.issubset(CAUSES):
                self.wrong.append(f"sieve.events: {row!r}: {EVENTS}")
            source = source.strip() if arrow else "*"
            yield Rule(source, mailbox.strip(), named, self.scripts([path]))

    def _files(self, path: str) -> Iterator[str]:
        whole = os.path.normpath(os.path.join(self._etc, path))
        if not os.path.isdir(whole):
            if os.path.exists(whole) or path not in DEFAULTS:
                yield whole
            return
        for name in sorted(os.listdir(whole)):
            if name.endswith(SUFFIX) and not name.startswith("."):
                yield os.path.join(whole, name)

    def _script(self, path: str) -> Named | None:
        name = os.path.basename(path).removesuffix(SUFFIX)
        try:
            with open(path, "rb") as file:
                content = file.read()
            return Named(name, content, check(content, self._vocabulary))
        except OSError as error:
            self.wrong.append(f"{path}: {error.strerror}")
        except BadScript as error:
            self.wrong.append(f"{path}: {error}")
        return None

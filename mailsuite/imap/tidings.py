"""Annotations that one session changed and others hear of (RFC 5464 §4.4.2).

Only sessions that said ENABLE METADATA, and only of the same account.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import define, field

from mailsuite.model.ids import AccountName
from mailsuite.wire.imap.commands import metadata

if TYPE_CHECKING:
    from mailsuite.imap.talk import Talk

ENTRIES = 5_000  # that wait to be told to one session; more are not


@define(eq=False)
class Heard:
    """What one session is to be told: entries by mailbox."""

    news: dict[str, dict[str, None]] = field(factory=dict)
    _count: int = 0

    def add(self, mailbox: str, entries: Iterable[str]) -> None:
        """Some were changed."""
        known = self.news.setdefault(mailbox, {})
        for entry in entries:
            if entry not in known and self._count < ENTRIES:
                known[entry] = None
                self._count += 1

    def taken(self) -> list[bytes]:
        """What to say now."""
        said = [
            metadata.changed(mailbox, entries)
            for mailbox, entries in self.news.items()
            if entries
        ]
        self.news.clear()
        self._count = 0
        return said


@define(eq=False)
class Tidings:
    """The sessions that listen, by account."""

    _listening: "dict[AccountName, dict[Talk, Heard]]" = field(factory=dict)

    def listen(self, talk: "Talk") -> Heard:
        """A session wants to be told."""
        return self._listening.setdefault(talk.account.name, {}).setdefault(
            talk, Heard()
        )

    def leave(self, talk: "Talk") -> None:
        """It is gone."""
        name = talk.account.name
        there = self._listening.get(name, {})
        _ = there.pop(talk, None)
        if not there:
            _ = self._listening.pop(name, None)

    def spread(self, source: "Talk", mailbox: str, entries: Iterable[str]) -> None:
        """A session changed some: the others are told soon."""
        for talk, heard in self._listening.get(source.account.name, {}).items():
            if talk is not source:
                heard.add(mailbox, entries)
                talk.changed()

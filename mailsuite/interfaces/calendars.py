"""Calendars of accounts, as people look at them: mailboxes with an object a message."""

from collections.abc import Sequence

from attrs import frozen
from zope.interface import Interface

from mailsuite.model.ids import AccountName


class NoSuchEntry(Exception):  # noqa: N818 - an answer: 404
    """No calendar of the account has an object of that UID."""


class TooManyEntries(Exception):  # noqa: N818 - an answer: 409
    """A calendar holds more than is looked at; the text says how many that is."""


@frozen
class EntryRow:
    """One object. ``begins`` and ``status`` as it has them (RFC 5545), or empty.

    ``calendar`` is the mailbox's name, ``id`` its MAILBOXID.
    """

    uid: str
    title: str
    begins: str
    status: str
    kind: str
    calendar: str
    id: str


class ICalendars(Interface):
    """Reads calendars; nothing is made and nothing changed."""

    async def listed(account: AccountName) -> Sequence[EntryRow]:
        """Every object of every calendar, by its beginning.

        :raises TooManyEntries: a calendar is too large.
        """

    async def shown(account: AccountName, uid: str) -> bytes:
        """One object as iCalendar. :raises NoSuchEntry: there is none."""

    async def exported(account: AccountName) -> bytes:
        """All objects in one calendar. :raises TooManyEntries: as of ``listed``."""

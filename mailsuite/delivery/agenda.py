"""Calendars as operators and scripts of theirs see them."""

from collections.abc import Sequence

from attrs import define
from zope.interface import implementer

from mailsuite.delivery.calendars import Calendars
from mailsuite.icalendar import entries
from mailsuite.icalendar.components import Component, printed, together
from mailsuite.icalendar.lines import plain
from mailsuite.interfaces.calendars import EntryRow, ICalendars, NoSuchEntry
from mailsuite.interfaces.mailboxes import IAccounts
from mailsuite.model.changes import MailboxRow
from mailsuite.model.ids import AccountName
from mailsuite.net.lanes import Lane

PRODUCT = "-//mailsuite//calendar//EN"
TITLE_CHARACTERS = 200


@implementer(ICalendars)
@define(eq=False)
class Agenda:
    """Provides ICalendars."""

    _accounts: IAccounts
    _calendars: Calendars
    _lane: Lane

    async def listed(self, account: AccountName) -> Sequence[EntryRow]:
        """See :meth:`ICalendars.listed`."""
        return await self._lane.run(_rows, await self._every(account))

    async def shown(self, account: AccountName, uid: str) -> bytes:
        """See :meth:`ICalendars.shown`."""
        opened = await self._accounts.open(account)
        try:
            held = await self._calendars.held(opened, uid)
        finally:
            opened.close()
        if held is None or held.octets is None:
            raise NoSuchEntry(uid)
        return held.octets

    async def exported(self, account: AccountName) -> bytes:
        """See :meth:`ICalendars.exported`."""
        found = [one for _, one in await self._every(account)]
        return await self._lane.run(_joined, found)

    async def _every(
        self, account: AccountName
    ) -> Sequence[tuple[MailboxRow, Component]]:
        opened = await self._accounts.open(account)
        try:
            return await self._calendars.every(opened)
        finally:
            opened.close()


def _joined(calendars: Sequence[Component]) -> bytes:
    return printed(together(calendars, PRODUCT))


def _rows(found: Sequence[tuple[MailboxRow, Component]]) -> Sequence[EntryRow]:
    rows = [_row(place, one) for place, one in found]
    return sorted(rows, key=lambda row: (row.begins, row.uid))


def _row(place: MailboxRow, calendar: Component) -> EntryRow:
    some = calendar.entries
    whole = entries.master(calendar) or some[0]
    title = " ".join(plain(whole.value("SUMMARY")).split())[:TITLE_CHARACTERS]
    return EntryRow(
        entries.uid(whole),
        title,
        whole.value("DTSTART") or whole.value("DUE"),
        whole.value("STATUS"),
        whole.name,
        place.name,
        place.objectid,
    )

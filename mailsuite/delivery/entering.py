"""What scripts ask about calendars and their owner (RFC 9671), found out."""

from collections.abc import Sequence

from mailsuite.delivery.ground import Ground
from mailsuite.delivery.letters import Case
from mailsuite.model.address import Address
from mailsuite.model.principals import Principal
from mailsuite.sieve.errors import Question
from mailsuite.sieve.extensions.processcalendar import ENTRY, OWN, PLACE, SENDERS

ABOUT_CALENDARS = frozenset((ENTRY, OWN, PLACE, SENDERS))
"""Kinds of questions."""

Answer = Sequence[str] | str | bool | None


async def answer(case: Case, ground: Ground, question: Question) -> Answer:
    """The answer, as :mod:`mailsuite.sieve.extensions.processcalendar` says."""
    calendars, subject = ground.calendars, question.subject
    if question.kind == OWN:
        return await _own(case, ground, subject)
    if question.kind == ENTRY:
        return await calendars.entry(case.account, subject[0])
    if question.kind == PLACE:
        return await calendars.place(case.account, subject[0]) is not None
    return calendars.strict


async def _own(case: Case, ground: Ground, addresses: Sequence[str]) -> Sequence[str]:
    """Those of some addresses that are the account's (RFC 9671 §4.1)."""
    name = case.account.name
    owner, speaks = Principal(name, name), ground.directory.may_send_as
    found = []
    for one in addresses:
        local, _, domain = one.rpartition("@")
        if local and domain and await speaks(owner, Address(local, domain)):
            found.append(one)
    return found

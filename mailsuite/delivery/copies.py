"""Copies of a message for mailboxes of one account, each stored exactly once.

An action's number comes from what it asks for, not from its place in the plan: after
a script changed between two attempts, what was stored is not stored again, and what
is new is. Where the mailbox cannot be had the copy goes into the INBOX.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any

from attrs import define, evolve, field, frozen

from mailsuite.delivery import folders
from mailsuite.delivery.awakening import Awakening
from mailsuite.delivery.folders import INBOX
from mailsuite.delivery.letters import Case
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.mailboxes import (
    BadName,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
)
from mailsuite.model.changes import Draft
from mailsuite.model.envelope import Blob
from mailsuite.model.errors import OverQuota
from mailsuite.model.flags import KEYWORD_OCTETS, SYSTEM, Flags, canonical
from mailsuite.model.snooze import Terms
from mailsuite.sieve.actions import FileInto, Keep
from mailsuite.sieve.extensions.snooze import Snooze
from mailsuite.sieve.message import Message

Written = Callable[[Message | Blob], Awaitable[Blob]]
"""Gives the octets of a message as a script left it."""

NO_SNOOZED = "no mailbox for snoozed mail can be made"
KEYWORDS = 100  # of one message that a script may set


def number(kind: str, *subject: str) -> int:
    """An action's number, from what it does; 0 is the copy for the INBOX."""
    text = "\0".join((kind, *subject)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=6).digest(), "big") | 1


@frozen(eq=False)
class Deed:
    """An action of a plan and the message as the action saw it."""

    action: Any
    message: Message


@frozen(eq=False)
class Copy:
    """A message for one mailbox; ``action`` is its number."""

    mailbox: str
    action: int
    message: Message | Blob
    flags: Flags = frozenset()
    create: str = ""
    """Name to make, if there is no such mailbox; empty: none is made."""
    use: str = ""
    at: int = 0
    terms: Terms | None = None
    """When and where it awakens; None: it is not snoozed."""


def flags_of(named: Iterable[str] | None) -> Flags:
    """Flags that can be kept, of those a script names."""
    kept = []
    for name in named or ():
        flag = canonical(name)
        plain = flag.isascii() and not flag.startswith("\\")
        if flag in SYSTEM or (plain and 0 < len(flag) <= KEYWORD_OCTETS):
            kept.append(flag)
    return frozenset(kept[:KEYWORDS])


def filed_as(copies: Sequence[Copy]) -> str:
    """Copies as an outcome keeps them; empty: as without a script."""
    if len(copies) == 1 and not copies[0].action and not copies[0].flags:
        return ""
    return json.dumps([_row(one) for one in copies], separators=(",", ":"))


def _row(copy: Copy) -> list[Any]:
    row: list[Any] = [copy.mailbox, copy.action, sorted(copy.flags)]
    return row if copy.terms is None else [*row, copy.terms.written()]


def copies_of(filed: str, message: Message) -> list[Copy]:
    """Read what :func:`filed_as` wrote; an edited message has its first content.

    That matters only where a power cut took the edited one.
    """
    return [
        Copy(
            str(mailbox),
            int(action),
            message,
            frozenset(map(str, flags)),
            terms=Terms.read(terms[0]) if terms else None,
        )
        for mailbox, action, flags, *terms in json.loads(filed)
    ]


@define(eq=False)
class Copies:
    """Finds mailboxes and stores into them."""

    _events: IEvents
    detail_folders: bool = field(default=True)
    _awakening: Awakening | None = None
    """What wakes up snoozed mail; None: nothing is stored."""

    async def planned(self, case: Case, deeds: Sequence[Deed]) -> list[Copy]:
        """The copies that a plan asks for, one for each mailbox."""
        found: dict[str, Copy] = {}
        for deed in deeds:
            if isinstance(deed.action, Keep):
                copy = await self._kept(case, deed.action, deed.message)
            elif isinstance(deed.action, FileInto):
                copy = await self.filed(case, deed.action, deed.message)
            elif isinstance(deed.action, Snooze):
                copy = await self._sleeping(case, deed.action, deed.message)
            else:
                continue
            if copy.terms is not None:  # it is for another mailbox, in the end
                found[f"{copy.action}"] = copy
                continue
            same = copy.mailbox.upper() if copy.mailbox.upper() == INBOX else ""
            key = same or copy.mailbox
            known = found.get(key)
            if known is not None:  # RFC 5228 §2.10.3: once, with the last flags
                create = copy.create or known.create
                copy = evolve(copy, action=known.action, create=create)
            found[key] = copy
        return list(found.values())

    async def _kept(self, case: Case, action: Keep, message: Message) -> Copy:
        """Where the message goes without a script."""
        mailbox = ""
        if case.junk and action.implicit:
            mailbox = await folders.junk(case.account)
        elif case.detail and self.detail_folders:
            mailbox = await folders.detailed(case.account, case.detail)
        flags = flags_of(action.flags)
        return Copy(mailbox or INBOX, 0, message, flags, at=action.at)

    async def filed(
        self, case: Case, action: FileInto, message: Message | Blob, made: str = ""
    ) -> Copy:
        """The mailbox by its id, its use or its name, in this order.

        ``made`` names a message that a script made; the copy is of that one.
        """
        mailbox = action.mailbox
        if action.mailbox_id:
            mailbox = await self._by_id(case, action.mailbox_id) or mailbox
        elif action.special_use:
            mailbox = (
                await folders.with_use(case.account, action.special_use) or mailbox
            )
        create = action.mailbox if action.create and mailbox == action.mailbox else ""
        kind = f"made {made}" if made else "file"
        asked = number(kind, action.mailbox, action.special_use, action.mailbox_id)
        own = mailbox.upper() == INBOX and not made
        return Copy(
            mailbox,
            0 if own else asked,
            message,
            flags_of(action.flags),
            create,
            action.special_use if create else "",
            action.at,
        )

    async def _sleeping(self, case: Case, action: Snooze, message: Message) -> Copy:
        """As :meth:`snoozed`; where that cannot be, the INBOX."""
        copy = await self.snoozed(case, action, message)
        if copy is None:
            self._diverted(case, action.at, NO_SNOOZED)
            copy = Copy(INBOX, 0, message, flags_of(action.flags), at=action.at)
        return copy

    async def snoozed(
        self, case: Case, action: Snooze, message: Message | Blob
    ) -> Copy | None:
        """The mailbox for snoozed mail; None: there is none, nor can it be made."""
        mailbox = await folders.snoozed(case.account)
        if not mailbox:
            return None
        target = action.mailbox, action.special_use, action.mailbox_id
        terms = Terms(
            float(action.until),
            action.mailbox,
            action.create,
            action.special_use,
            action.mailbox_id,
            tuple(sorted(flags_of(action.add))),
            tuple(sorted(flags_of(action.drop))),
        )
        return Copy(
            mailbox,
            number("snooze", *target),
            message,
            flags_of(action.flags),
            at=action.at,
            terms=terms,
        )

    async def _by_id(self, case: Case, wanted: str) -> str:
        for row in await case.account.mailboxes():
            if row.selectable and row.objectid == wanted:
                return row.name
        return ""

    async def store(
        self, case: Case, copies: Sequence[Copy], written: Written
    ) -> list[str]:
        """Store them; gives where they went.

        :raises OverQuota, NoSpace, OSError: some are not stored; the others will not
            be stored again.
        """
        went = []
        lost: list[Copy] = []
        for copy in copies:
            if await self._stored(case, copy, await written(copy.message)):
                went.append(copy.mailbox)
            else:
                lost.append(copy)
        if lost and INBOX not in {name.upper() for name in went}:
            there = evolve(lost[0], mailbox=INBOX, terms=None)
            await self._append(case, there, await written(there.message))
            went.append(INBOX)
        return went

    async def store_beside(self, case: Case, copy: Copy, blob: Blob) -> None:
        """Store a message that a script made, if there is room for it."""
        with suppress(OverQuota, NoSuchMailbox):
            await self._stored(case, copy, blob)

    async def _stored(self, case: Case, copy: Copy, blob: Blob) -> bool:
        """False: there is no such mailbox, and none could be made."""
        why = ""
        for _ in range(2):
            try:
                await self._append(case, copy, blob)
            except (NoSuchMailbox, BadName):
                why = "there is no such mailbox"
            else:
                return True
            if not copy.create:
                break
            try:
                with suppress(MailboxExists):
                    await folders.make(case.account, copy.create, copy.use)
            except (BadName, LimitReached) as error:
                why = str(error)
                break
        if copy.mailbox.upper() == INBOX:
            raise NoSuchMailbox(INBOX)
        self._diverted(case, copy.at, why)
        return False

    def _diverted(self, case: Case, line: int, why: str) -> None:
        self._events.happened(
            "sieve.diverted",
            qid=case.lease.id,
            account=case.account.name,
            line=line,
            reason=why,
        )

    async def missing(self, case: Case, copy: Copy) -> str:
        """Why its mailbox cannot be had; empty: it is there, made if need be."""
        with suppress(NoSuchMailbox):
            there = await case.account.mailbox(copy.mailbox)
            if (await there.row()).selectable:
                return ""
        if not copy.create:
            return "there is no such mailbox"
        try:
            with suppress(MailboxExists):
                await folders.make(case.account, copy.create, copy.use)
        except (BadName, LimitReached) as error:
            return str(error)
        return ""

    async def _append(self, case: Case, copy: Copy, blob: Blob) -> None:
        once = case.once(copy.action)
        account, mailbox = case.account, copy.mailbox
        try:
            draft = Draft(blob, copy.flags, case.date)
            stored = await account.append(mailbox, [draft], once)
        except LimitReached:  # the mailbox has too many keywords
            flags = copy.flags.intersection(SYSTEM)
            draft = Draft(blob, flags, case.date)
            stored = await account.append(mailbox, [draft], once)
        if copy.terms is not None and self._awakening is not None:
            await self._awakening.snooze(account.name, stored, once, copy.terms)

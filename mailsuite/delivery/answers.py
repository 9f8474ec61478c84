"""What scripts ask and only the world knows (:class:`Question`), found out.

Only about the account that the message is for: no question names another.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from attrs import define, field

from mailsuite.delivery import entering, zones
from mailsuite.delivery.copies import number
from mailsuite.delivery.entering import ABOUT_CALENDARS
from mailsuite.delivery.ground import Ground
from mailsuite.delivery.letters import CONTENT, Case
from mailsuite.delivery.lists import ABOUT_LISTS
from mailsuite.delivery.written import Written
from mailsuite.interfaces.mailboxes import NoSuchMailbox
from mailsuite.interfaces.scripts import NoSuchScript
from mailsuite.model.changes import MailboxRow
from mailsuite.sieve.errors import BadScript, Question
from mailsuite.sieve.extensions.snooze import AWAKEN
from mailsuite.sieve.program import Program

DUPLICATE = "duplicate"
_INBOX = "INBOX"

Subject = Sequence[str]


@define(eq=False)
class Answers:
    """Finds out what one case's scripts want to know; one listing serves all."""

    _case: Case
    _ground: Ground
    _written: Written
    _shared: Mapping[str, Program] = field(factory=dict)
    """Scripts of the operator that others include, by their names."""
    _rows: Sequence[MailboxRow] | None = field(default=None, init=False)

    async def ask(self, question: Question) -> Any:
        """The answer; None to what nobody here knows."""
        if question == CONTENT:
            return await self._written.read()
        if question.kind in ABOUT_LISTS:
            return await self._listing(question.kind, question.subject)
        if question.kind in ABOUT_CALENDARS:
            return await entering.answer(self._case, self._ground, question)
        known: dict[str, Callable[[Subject], Awaitable[Any]]] = {
            "script": self._script,
            DUPLICATE: self._duplicate,
            "mailboxexists": self._exist,
            "mailboxidexists": self._exist_by_id,
            "specialuse_exists": self._used,
            "metadata": self._metadata,
            "metadataexists": self._metadata_exist,
            "servermetadata": self._servermetadata,
            "servermetadataexists": self._servermetadata_exist,
            "program": self._executed,
            AWAKEN: self._awaken,
        }
        find = known.get(question.kind)
        return None if find is None else await find(question.subject)

    async def _script(self, subject: Subject) -> Program | str | None:
        location, name = subject
        if location != "personal":
            return self._shared.get(name)
        try:
            content = await self._ground.scripts.get(self._case.account.name, name)
            return await self._ground.programs.program(content)
        except NoSuchScript:
            return None
        except BadScript as error:
            return f"{name}: {error}"

    async def _executed(self, subject: Subject) -> bytes | None:
        externals = self._ground.externals
        return None if externals is None else await externals.call(self._case, subject)

    async def _listing(self, kind: str, subject: Subject) -> Any:
        lists = self._ground.lists
        if lists is None:
            return None
        return await lists.answer(self._case.account, kind, subject)

    async def _awaken(self, subject: Subject) -> str | None:
        return zones.awaken(subject, self._case.lease.accepted)

    async def _duplicate(self, subject: Subject) -> bool:
        once = self._case.once(number(DUPLICATE, *subject))
        account = self._case.account.name
        return await self._ground.memories.known(account, DUPLICATE, subject[0], once)

    async def _metadata(self, subject: Subject) -> str | None:
        """An annotation as text (RFC 5490 §3.3); no empty name is a mailbox's."""
        mailbox, entry = subject
        notes = await self._notes(mailbox, [entry]) if mailbox else {}
        value = notes.get(entry.lower())
        return None if value is None else value.decode("utf-8", "replace")

    async def _metadata_exist(self, subject: Subject) -> bool:
        mailbox, *entries = subject
        notes = await self._notes(mailbox, entries) if mailbox else {}
        return all(entry.lower() in notes for entry in entries)

    async def _servermetadata(self, subject: Subject) -> str | None:
        (entry,) = subject
        value = (await self._notes("", [entry])).get(entry.lower())
        return None if value is None else value.decode("utf-8", "replace")

    async def _servermetadata_exist(self, subject: Subject) -> bool:
        notes = await self._notes("", subject)
        return all(entry.lower() in notes for entry in subject)

    async def _notes(self, mailbox: str, entries: Subject) -> Mapping[str, bytes]:
        try:
            return await self._case.account.annotations(mailbox, entries)
        except NoSuchMailbox:
            return {}

    async def _mailboxes(self) -> Sequence[MailboxRow]:
        if self._rows is None:
            rows = await self._case.account.mailboxes()
            self._rows = [row for row in rows if row.selectable]
        return self._rows

    async def _exist(self, subject: Subject) -> bool:
        there = {row.name for row in await self._mailboxes()}
        return all(
            name in there or name.upper() == _INBOX for name in subject
        )  # there is always an INBOX

    async def _exist_by_id(self, subject: Subject) -> bool:
        there = {row.objectid for row in await self._mailboxes()}
        return there.issuperset(subject)

    async def _used(self, subject: Subject) -> bool:
        name, *uses = subject
        found = {
            row.use.casefold()
            for row in await self._mailboxes()
            if row.use and (not name or row.name == name)
        }
        return all(use.casefold() in found for use in uses)

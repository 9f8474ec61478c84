"""``/scripts``, ``/vacation`` and ``/replay``: Sieve scripts of accounts."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import TypeVar

import attrs
from attrs import define

from mailsuite.http.api.accounts import account_of, address
from mailsuite.http.asked import Asked
from mailsuite.http.problems import Problem
from mailsuite.http.routes import Answer, Route
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.mailboxes import NoSuchMailbox
from mailsuite.interfaces.scripts import (
    BadScriptName,
    BadScriptText,
    IReplay,
    IScripts,
    NoSuchScript,
    Script,
    ScriptActive,
    ScriptsFull,
)
from mailsuite.model.ids import AccountName, Uid
from mailsuite.sieve.away import Away
from mailsuite.sieve.extensions.vacation import ADDRESSES, DAYS, MOST_DAYS
from mailsuite.sieve.vacations import Vacations

T = TypeVar("T")

UIDS = 100  # messages of one request
LARGEST_UID = (1 << 32) - 1
TEXT_CHARACTERS = 10_000  # of a reply
MOST_SECONDS = 1 << 40


def _day(asked: Asked, name: str) -> str:
    """Give a date, or nothing."""
    text = asked.text(name, "")
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise Problem(400, f"{name!r} must be a date, such as 2026-08-31") from None


async def judged(work: Awaitable[T]) -> T:
    """Await what scripts are asked for; what cannot be becomes a problem."""
    try:
        return await work
    except NoSuchScript as error:
        raise Problem(404, "there is no script of that name") from error
    except NoSuchMailbox as error:
        raise Problem(404, f"there is no mailbox {error}") from error
    except ScriptActive as error:
        raise Problem(
            409, "the script is active: activate another one first"
        ) from error
    except (BadScriptName, BadScriptText) as error:
        raise Problem(400, str(error)) from error
    except ScriptsFull as error:
        raise Problem(409, error.text) from error


@define(eq=False, repr=False)
class Scripts:
    """Routes over IScripts and IReplay; ``directory`` knows the accounts."""

    _directory: IDirectory
    _scripts: IScripts
    _replay: IReplay

    def routes(self) -> Sequence[Route]:
        """Everything of scripts."""
        return (
            Route("GET", "/scripts/<account>", self._of(self.listed)),
            Route("PUT", "/scripts/<account>", self._of(self.activate)),
            Route("GET", "/scripts/<account>/script", self._of(self.get)),
            Route("PUT", "/scripts/<account>/script", self._of(self.put)),
            Route("DELETE", "/scripts/<account>/script", self._of(self.remove)),
            Route("GET", "/vacation/<account>", self._of(self.vacation)),
            Route("PUT", "/vacation/<account>", self._of(self.set_vacation)),
            Route("DELETE", "/vacation/<account>", self._of(self.clear_vacation)),
            Route("GET", "/replay/<account>", self._of(self.messages)),
            Route("POST", "/replay/<account>", self._of(self.replay)),
            Route("POST", "/replay/<account>/answer", self._of(self.answer)),
        )

    def _of(
        self, call: Callable[..., Awaitable[Answer]]
    ) -> Callable[..., Awaitable[Answer]]:
        """A route whose ``account`` is one of ours."""

        async def found(asked: Asked, account: str, **named: str) -> Answer:
            of = await account_of(self._directory, account)
            return await judged(call(asked, of, **named))

        return found

    async def listed(self, asked: Asked, account: AccountName) -> Answer:
        """Every script of an account."""
        asked.only()
        rows = await self._scripts.listed(account)
        return {"account": account, "scripts": [attrs.asdict(row) for row in rows]}

    async def activate(self, asked: Asked, account: AccountName) -> Answer:
        """Let the script ``active`` count for new mail; none if that is empty.

        A vacation that counts goes on to do so, and includes that script.
        """
        asked.only("active")
        name = asked.text("active")
        behind = await Vacations(self._scripts).activate(account, name)
        return {"account": account, "active": name, "vacation": behind}

    async def get(self, asked: Asked, account: AccountName) -> Answer:
        """The text of the one called ``name``."""
        asked.only("name")
        name = asked.text("name")
        content = await self._scripts.get(account, name)
        return {"name": name, "content": content.decode("utf-8", "replace")}

    async def put(self, asked: Asked, account: AccountName) -> Answer:
        """Keep ``content`` as ``name``; 400 with line and column: it is wrong."""
        asked.only("name", "content")
        name, content = asked.text("name"), asked.text("content")
        octets = content.encode("utf-8", "surrogatepass")
        warnings = await self._scripts.put(account, name, octets)
        return {"name": name, "warnings": list(warnings)}

    async def remove(self, asked: Asked, account: AccountName) -> Answer:
        """Forget the one called ``name``, which is not active."""
        asked.only("name")
        name = asked.text("name")
        await self._scripts.remove(account, name)
        return {"removed": name}

    async def vacation(self, asked: Asked, account: AccountName) -> Answer:
        """The vacation, if there is one, and whether it counts."""
        asked.only()
        shown = await Vacations(self._scripts).show(account)
        if shown is None:
            return {"account": account, "vacation": None}
        told = attrs.asdict(shown.away) | {"active": shown.active}
        return {"account": account, "vacation": told}

    async def set_vacation(self, asked: Asked, account: AccountName) -> Answer:
        """Reply with ``text`` from the day ``begin`` to ``end``, each may be left out.

        ``subject`` and ``addresses`` may be given, and after how many ``days`` a
        sender is answered again.
        """
        asked.only("text", "subject", "begin", "end", "addresses", "days")
        wanted = Away(
            _words(asked, "text", TEXT_CHARACTERS),
            _words(asked, "subject", TEXT_CHARACTERS, ""),
            _day(asked, "begin"),
            _day(asked, "end"),
            _addresses(asked),
            asked.number("days", DAYS, MOST_DAYS),
        )
        if wanted.begin and wanted.end and wanted.end < wanted.begin:
            raise Problem(400, "the last day is before the first")
        warnings = await Vacations(self._scripts).set(account, wanted)
        return {"account": account, "warnings": list(warnings)}

    async def clear_vacation(self, asked: Asked, account: AccountName) -> Answer:
        """End it; what was active before is active again."""
        asked.only()
        active = await Vacations(self._scripts).clear(account)
        return {"account": account, "active": active}

    async def messages(self, asked: Asked, account: AccountName) -> Answer:
        """UIDs in ``mailbox`` of what came after ``since``, in wall seconds."""
        asked.only("mailbox", "since")
        mailbox = asked.text("mailbox", "INBOX")
        since = float(asked.number("since", 0, MOST_SECONDS))
        uids = await self._replay.messages(account, mailbox, since)
        return {"mailbox": mailbox, "uids": list(uids)}

    async def replay(self, asked: Asked, account: AccountName) -> Answer:
        """What ``script`` (``content``, or the active one) does with some messages."""
        asked.only("script", "content", "mailbox", "uids")
        uids = [Uid(uid) for uid in asked.numbers("uids", LARGEST_UID)]
        if len(uids) > UIDS:
            raise Problem(400, f"at most {UIDS} messages at once")
        name, content = asked.text("script", ""), asked.text("content", "").encode()
        script = None
        if content:
            await self._scripts.check(account, content)
            script = Script(name, content)
        elif name:
            script = Script(name, await self._scripts.get(account, name))
        rows = await self._replay.replay(
            account, script, asked.text("mailbox", "INBOX"), uids
        )
        return {"messages": [attrs.asdict(row) for row in rows]}

    async def answer(self, asked: Asked, account: AccountName) -> Answer:
        """What a script is told that asks ``kind`` about ``subject``."""
        asked.only("kind", "subject")
        kind, subject = asked.text("kind"), asked.texts("subject")
        return {"answer": await self._replay.answer(account, kind, subject)}


def _words(asked: Asked, name: str, most: int, default: str | None = None) -> str:
    text = asked.text(name, default)
    if len(text) > most or (default is None and not text.strip()):
        raise Problem(400, f"{name!r} has 1 to {most} characters")
    return text


def _addresses(asked: Asked) -> tuple[str, ...]:
    found = asked.texts("addresses") if "addresses" in asked.body else []
    if len(found) > ADDRESSES:
        raise Problem(400, f"at most {ADDRESSES} addresses")
    return tuple(str(address(one)) for one in found)

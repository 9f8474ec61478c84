"""The commands on scripts (RFC 5804 §2.5-§2.12), for who is logged in."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from mailsuite.interfaces.scripts import (
    BadScriptName,
    BadScriptText,
    IScripts,
    NoSuchScript,
    ScriptActive,
    ScriptExists,
    ScriptsFull,
)
from mailsuite.model.errors import NoSpace
from mailsuite.model.ids import AccountName
from mailsuite.wire.managesieve import replies
from mailsuite.wire.managesieve.commands import Command, Verb
from mailsuite.wire.managesieve.replies import Reply

Answer = tuple[bytes, Reply]
"""Data that come before the reply, and the reply."""

NOTHING = b""
DONE = replies.ok("Done")


@frozen(eq=False)
class Shelf:
    """One account's scripts."""

    _scripts: IScripts
    _account: AccountName
    _octets: int
    """Of one script at most."""

    async def serve(self, command: Command) -> Answer:
        """Do one command; what stands in its way becomes NO."""
        try:
            return await _SERVED[command.verb](self, command)
        except NoSuchScript:
            return NOTHING, replies.refuse("There is no such script", b"NONEXISTENT")
        except ScriptExists:
            told = "There is a script of that name already"
            return NOTHING, replies.refuse(told, b"ALREADYEXISTS")
        except ScriptActive:
            told = "The script is active; activate another or none first"
            return NOTHING, replies.refuse(told, b"ACTIVE")
        except (BadScriptName, BadScriptText) as error:
            return NOTHING, replies.refuse(str(error))
        except ScriptsFull as error:
            code = b"QUOTA/%b" % error.which.upper().encode("ascii")
            return NOTHING, replies.refuse(error.text, code)
        except NoSpace:
            told = "The disk is full; try again later"
            return NOTHING, replies.refuse(told, b"TRYLATER")

    async def _have_space(self, command: Command) -> Answer:
        (name,) = command.names
        self._fits(command.size)
        await self._scripts.room(self._account, name, command.size)
        return NOTHING, DONE

    async def _put(self, command: Command) -> Answer:
        (name,) = command.names
        if not command.content:  # RFC 5804 §2.6
            return NOTHING, replies.refuse("The script is empty; remove it instead")
        self._fits(len(command.content))
        return _warned(await self._scripts.put(self._account, name, command.content))

    def _fits(self, octets: int) -> None:
        """:raises ScriptsFull: no script may have so many octets."""
        if octets > self._octets:
            raise ScriptsFull("maxsize", f"A script has {self._octets} octets at most")

    async def _check(self, command: Command) -> Answer:
        return _warned(await self._scripts.check(self._account, command.content))

    async def _list(self, _: Command) -> Answer:
        rows = await self._scripts.listed(self._account)
        return replies.scripts([(row.name, row.active) for row in rows]), DONE

    async def _activate(self, command: Command) -> Answer:
        await self._scripts.activate(self._account, command.names[0])
        return NOTHING, DONE

    async def _get(self, command: Command) -> Answer:
        content = await self._scripts.get(self._account, command.names[0])
        return replies.literal(content) + b"\r\n", DONE

    async def _remove(self, command: Command) -> Answer:
        await self._scripts.remove(self._account, command.names[0])
        return NOTHING, DONE

    async def _rename(self, command: Command) -> Answer:
        old, new = command.names
        await self._scripts.rename(self._account, old, new)
        return NOTHING, DONE


def _warned(warnings: Sequence[str]) -> Answer:
    if warnings:
        return NOTHING, replies.ok("\r\n".join(warnings), b"WARNINGS")
    return NOTHING, DONE


_SERVED: dict[Verb, Callable[[Shelf, Command], Awaitable[Answer]]] = {
    Verb.HAVESPACE: Shelf._have_space,  # noqa: SLF001 - its own table
    Verb.PUTSCRIPT: Shelf._put,  # noqa: SLF001 - same
    Verb.CHECKSCRIPT: Shelf._check,  # noqa: SLF001 - same
    Verb.LISTSCRIPTS: Shelf._list,  # noqa: SLF001 - same
    Verb.SETACTIVE: Shelf._activate,  # noqa: SLF001 - same
    Verb.GETSCRIPT: Shelf._get,  # noqa: SLF001 - same
    Verb.DELETESCRIPT: Shelf._remove,  # noqa: SLF001 - same
    Verb.RENAMESCRIPT: Shelf._rename,  # noqa: SLF001 - same
}

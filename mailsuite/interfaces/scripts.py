"""Sieve scripts of accounts, and what their runs must remember (RFC 5804, RFC 5230)."""

from collections.abc import Sequence

from attrs import frozen
from zope.interface import Interface

from mailsuite.model.envelope import Once
from mailsuite.model.ids import AccountName, Uid


@frozen
class ScriptRow:
    """One script; ``changed`` in wall seconds. At most one is ``active``."""

    name: str
    active: bool
    octets: int
    changed: float


@frozen
class Script:
    """A script as it was put."""

    name: str
    content: bytes


class NoSuchScript(Exception):  # noqa: N818 - an answer: NO (NONEXISTENT)
    """The account has no script of that name."""


class ScriptExists(Exception):  # noqa: N818 - an answer: NO (ALREADYEXISTS)
    """The account has a script of that name already."""


class ScriptActive(Exception):  # noqa: N818 - an answer: NO (ACTIVE)
    """The active script cannot be removed."""


class BadScriptName(Exception):  # noqa: N818 - an answer: NO
    """No script can have that name; the text says why (RFC 5804 §1.6)."""


class BadScriptText(Exception):  # noqa: N818 - an answer: NO with the text
    """The script cannot be used; the text has line, column and what to do."""


@frozen
class ScriptsFull(Exception):  # noqa: N818 - an answer: NO (QUOTA)
    """A limit stands in the way.

    ``which`` is ``maxscripts`` or ``maxsize``, as RFC 5804 §1.3 names them.
    """

    which: str
    text: str


class IScripts(Interface):
    """The scripts of all accounts. What it changes is durable on return.

    Whoever calls has made sure that the account is one.
    """

    async def listed(account: AccountName) -> Sequence[ScriptRow]:
        """Every script in order of name."""

    async def get(account: AccountName, name: str) -> bytes:
        """One script's text. :raises NoSuchScript: there is none."""

    async def active(account: AccountName) -> Script | None:
        """The script that counts for new mail; needs no disk when it is known."""

    async def check(account: AccountName, content: bytes) -> Sequence[str]:
        """Give warnings about a text, which is not kept. :raises BadScriptText: bad."""

    async def put(account: AccountName, name: str, content: bytes) -> Sequence[str]:
        """Keep a script, instead of the one of that name; gives warnings.

        :raises BadScriptName, BadScriptText, ScriptsFull: nothing was changed.
        """

    async def activate(account: AccountName, name: str) -> None:
        """Let this one count, or with an empty name none.

        :raises NoSuchScript: nothing was changed.
        """

    async def remove(account: AccountName, name: str) -> None:
        """Forget a script. :raises NoSuchScript, ScriptActive: it stays."""

    async def rename(account: AccountName, old: str, new: str) -> None:
        """Give a script another name; the active one stays active.

        :raises NoSuchScript, ScriptExists, BadScriptName: nothing was changed.
        """

    async def room(account: AccountName, name: str, octets: int) -> None:
        """Whether a script of so many octets could be put (HAVESPACE).

        :raises BadScriptName, ScriptsFull: it could not.
        """


@frozen
class Replayed:
    """What scripts would do with a message that is there.

    ``places`` are the mailboxes it would lie in; ``deeds`` tell in words what else
    would be done.
    ``trouble``: what a script failed at, after which the message is kept.
    """

    uid: Uid
    date: float
    sender: str
    subject: str
    places: tuple[str, ...]
    deeds: tuple[str, ...]
    trouble: str = ""


class IReplay(Interface):
    """Scripts are tried on mail that is there; nothing is done and nothing kept."""

    async def messages(
        account: AccountName, mailbox: str, since: float
    ) -> Sequence[Uid]:
        """Messages that came after some wall time. :raises NoSuchMailbox: no."""

    async def replay(
        account: AccountName, script: Script | None, mailbox: str, uids: Sequence[Uid]
    ) -> Sequence[Replayed]:
        """Run scripts as delivery would, this one in the place of the active one.

        Messages that are gone are left out. :raises NoSuchMailbox: no such mailbox.
        """

    async def answer(
        account: AccountName, kind: str, subject: Sequence[str]
    ) -> str | bool | Sequence[str] | None:
        """What a script of the account that asks so would be told."""


class IMemories(Interface):
    """What an account's deliveries remember for some time.

    ``kind`` is ``vacation`` or another short word, ``key`` what is remembered. An
    action that is repeated with the same ``once`` does not meet itself.
    """

    async def known(
        account: AccountName, kind: str, key: str, once: Once | None = None
    ) -> bool:
        """Whether another action remembered it and its time has not passed."""

    async def remember(
        account: AccountName,
        kind: str,
        key: str,
        until: float,
        once: Once | None = None,
    ) -> bool:
        """Remember until some wall time; False: it was known, and stays as it was.

        Durable on return, but for the kind ``duplicate``, which a power cut may make
        forget its last seconds.
        """

    async def renew(
        account: AccountName,
        kind: str,
        key: str,
        until: float,
        once: Once | None = None,
    ) -> None:
        """Remember until some wall time, known or not; durable as above."""

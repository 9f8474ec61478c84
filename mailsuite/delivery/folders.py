"""Where mail goes that no script files: INBOX, Junk, the folder of a detail."""

from contextlib import suppress

from mailsuite.interfaces.mailboxes import (
    BadName,
    IAccount,
    LimitReached,
    MailboxExists,
)

INBOX = "INBOX"
SNOOZED_USE = "\\Snoozed"
SNOOZED_FOLDERS = ("Snoozed", "Snoozed mail")  # the second where somebody has the first
JUNK_FOLDER, JUNK_USE = "Junk", "\\Junk"
DETAIL_CHARACTERS = 255  # a longer detail names no folder


async def with_use(account: IAccount, use: str) -> str:
    """The mailbox with a special use (RFC 6154); empty if there is none."""
    wanted = use.casefold()
    for row in await account.mailboxes():
        if row.selectable and row.use.casefold() == wanted:
            return row.name
    return ""


async def junk(account: IAccount) -> str:
    """The folder for junk, made again if it was removed."""
    found = await with_use(account, JUNK_USE)
    if found:
        return found
    with suppress(MailboxExists):
        try:
            await account.create(JUNK_FOLDER, JUNK_USE)
        except (BadName, LimitReached):
            return INBOX
    return JUNK_FOLDER


async def make(account: IAccount, name: str, use: str) -> None:
    """Make a mailbox that a script wants, if possible with its use.

    :raises MailboxExists, BadName, LimitReached: it was not made.
    """
    try:
        await account.create(name, use)
    except LimitReached:
        if not use:  # another mailbox may have the use by now
            raise
        await account.create(name)
    await account.subscribe(name, wanted=True)


async def snoozed(account: IAccount) -> str:
    """The mailbox where messages wait until they awaken; empty: it cannot be made."""
    found = await with_use(account, SNOOZED_USE)
    for name in () if found else SNOOZED_FOLDERS:
        with suppress(MailboxExists, BadName, LimitReached):
            await account.create(name, SNOOZED_USE)
            await account.subscribe(name, wanted=True)
            return name
    return found or await with_use(account, SNOOZED_USE)  # somebody was faster


async def detailed(account: IAccount, detail: str) -> str:
    """The folder that a detail names, in any case; none is ever made for it."""
    if len(detail) > DETAIL_CHARACTERS:
        return ""
    wanted = detail.casefold()
    names = [row.name for row in await account.mailboxes() if row.selectable]
    if detail in names:
        return detail
    return next((name for name in names if name.casefold() == wanted), "")

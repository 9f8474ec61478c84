"""Where mail goes that no script files: INBOX, Junk, the folder of a detail."""

from contextlib import suppress

from mailsuite.interfaces.mailboxes import (
    BadName,
    IAccount,
    LimitReached,
    MailboxExists,
)

INBOX = "INBOX"
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


async def detailed(account: IAccount, detail: str) -> str:
    """The folder that a detail names, in any case; none is ever made for it."""
    if len(detail) > DETAIL_CHARACTERS:
        return ""
    wanted = detail.casefold()
    names = [row.name for row in await account.mailboxes() if row.selectable]
    if detail in names:
        return detail
    return next((name for name in names if name.casefold() == wanted), "")

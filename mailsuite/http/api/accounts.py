"""Addresses and accounts as requests name them."""

from mailsuite.http.problems import Problem
from mailsuite.interfaces.directory import IDirectory, Local
from mailsuite.model.address import Address
from mailsuite.model.ids import AccountName


def address(text: str) -> Address:
    """Read ``local@domain``. :raises Problem: it is none."""
    local, _, domain = text.rpartition("@")
    if not local or not domain:
        raise Problem(400, f"{text!r} is not an address: write name@example.org")
    return Address(local, domain)


async def account_of(directory: IDirectory, text: str) -> AccountName:
    """Give the account of a user's address. :raises Problem: it is none of ours."""
    (what,) = await directory.resolve([address(text)])
    if not isinstance(what, Local):
        raise Problem(404, f"{text} is no user of ours")
    return what.account

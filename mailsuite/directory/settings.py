"""Settings of the directory."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class Settings:
    """How addresses of our own domains are understood."""

    delimiter: str = setting(
        "+", "divides a name from its subaddress (RFC 5233); empty: none"
    )
    postmaster: str = setting(
        "", "gets mail for postmaster and abuse of every domain; empty: first user"
    )
    literals: tuple[str, ...] = setting(
        (), "own IP addresses: user@[address] is taken for the first domain"
    )
    quota_octets: int = setting(
        0, "quota of users without their own, 0: none", "octets"
    )
    quota_messages: int = setting(0, "most messages of one user, 0: no limit")
    scram: str = setting(
        "ready",
        "offer SCRAM logins: ready (once every user has keys for them, which come"
        " with a new password or the next login), always, or never, which forgets"
        " the keys",
    )

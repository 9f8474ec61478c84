"""What an operator may choose for the store."""

from attrs import frozen

from mailsuite.model.annotations import VALUE_OCTETS
from mailsuite.model.settings import setting


@frozen
class Settings:
    """Where mail lies and how much of it is held open."""

    maildir: str = setting(
        "mail/{domain}/{user}/Maildir",
        "Maildir of an account below the data directory; {user} stands above its "
        "last level, because the account's databases lie beside it",
        restart=True,
    )
    lanes: int = setting(
        2,
        "threads for files and databases, accounts shared out among them",
        "threads",
        restart=True,
    )
    open_accounts: int = setting(
        200, "accounts whose databases stay open when nobody uses them", "accounts"
    )
    removed: int = setting(
        600,
        "how long octets of expunged mail are kept before they are unlinked",
        "seconds",
    )
    names: float = setting(
        2.0, "how far file names and UID lists may lag behind the index", "seconds"
    )
    folders: tuple[str, ...] = setting(
        (
            "Drafts=\\Drafts",
            "Sent=\\Sent",
            "Junk=\\Junk",
            "Trash=\\Trash",
            "Archive=\\Archive",
        ),
        "folders of a new account, each with its special use (RFC 6154)",
    )
    annotations: int = setting(
        100,
        "annotations (RFC 5464) of one mailbox, and of the account itself; 10 at least"
        " and 5000 at most",
        "entries",
    )
    annotation_octets: int = setting(
        VALUE_OCTETS,
        "how long one annotation's value may be; 1024 at least and 65536 at most",
        "octets",
    )
    annotations_octets: int = setting(
        67_108_864,
        "how long all annotations of an account may be, with their names",
        "octets",
    )

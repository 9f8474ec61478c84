"""Settings of local delivery."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class Settings:
    """Local delivery: from the queue into the mailboxes."""

    open_accounts: int = setting(200, "accounts kept open between deliveries")
    detail_folders: bool = setting(
        True, "user+folder goes into that folder, if it exists"
    )
    alias_targets: int = setting(1_000, "addresses that one alias may stand for")

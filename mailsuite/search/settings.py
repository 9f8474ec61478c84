"""Section ``[search]``."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class Search:
    """The word index behind ``mailsuite search``; IMAP SEARCH does not need it.

    A child process keeps it; it can be deleted at any time and is built again.
    """

    enabled: bool = setting(True, "keep an index at all", restart=True)
    settle_seconds: float = setting(
        1.0, "how long changes are gathered before they are indexed", "seconds"
    )
    batch: int = setting(100, "most messages in one commit of the index")
    memory: int = setting(
        16, "buffer of the indexing process while it writes", "MiB", restart=True
    )
    sweep_seconds: float = setting(
        60.0, "how often lost indexes are looked for", "seconds", restart=True
    )

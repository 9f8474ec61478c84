"""Section ``[signing]``: keys of our domains and what they prove."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class Signing:
    """How mail that leaves us is proven to be ours (DKIM), and sealed (ARC).

    Keys are made by ``mailsuite domain add`` and ``mailsuite dkim add``, and changed
    by ``mailsuite dkim rotate``. New keys sign once they have been in DNS for a
    while; old ones stay there until what they signed has arrived.
    """

    enabled: bool = setting(
        default=True, meaning="sign what users submit and what the suite itself writes"
    )
    algorithms: tuple[str, ...] = setting(
        ("rsa-sha256", "ed25519-sha256"),
        "a key is made for each of these, and each message signed with all of them",
    )
    publish_days: float = setting(
        2.0, "new keys are published so long before they sign", "days"
    )
    retire_days: float = setting(
        14.0, "old keys are published so long after they signed last", "days"
    )
    rotate_days: float = setting(
        0.0, "keys are replaced when they are so old; 0: only by hand", "days"
    )
    check_published: bool = setting(
        default=True, meaning="new keys sign only when DNS shows their records"
    )
    oversigned: tuple[str, ...] = setting(
        (
            *("From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To"),
            *("In-Reply-To", "References", "MIME-Version", "Content-Type"),
            *("Content-Transfer-Encoding",),
        ),
        "fields that are signed, and of which none may be added later",
    )
    signed: tuple[str, ...] = setting(
        (
            *("Sender", "Resent-From", "Resent-To", "Resent-Cc", "Resent-Date"),
            *("Resent-Message-ID", "Content-ID", "Content-Description"),
            *("List-Id", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post"),
            *("List-Subscribe", "List-Post", "List-Owner", "List-Archive"),
        ),
        "fields that are signed where they stand (RFC 6376 §5.4.1)",
    )
    arc_seal: bool = setting(
        default=False,
        meaning="seal mail that is forwarded to other servers (ARC, RFC 8617)",
    )
    seal_domain: str = setting(
        "", "the domain of ours whose keys seal; empty: that of the server's name"
    )

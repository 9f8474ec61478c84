"""What becomes of a snoozed message: when it awakens, where, and with which flags."""

import json

from attrs import astuple, frozen


@frozen
class Terms:
    """``until`` is in wall seconds. ``mailbox`` empty: the INBOX.

    The mailbox with that id, or with that special ``use``, comes before the name;
    ``create``: it is made if it is not there. ``add`` and ``drop`` are flags.
    """

    until: float
    mailbox: str = ""
    create: bool = False
    use: str = ""
    mailbox_id: str = ""
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    def written(self) -> str:
        """One line of JSON."""
        return json.dumps(astuple(self), separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> "Terms":
        """Read what :meth:`written` gave. :raises ValueError: it is something else."""
        until, mailbox, create, use, mailbox_id, add, drop = json.loads(text)
        return cls(
            float(until),
            str(mailbox),
            bool(create),
            str(use),
            str(mailbox_id),
            tuple(map(str, add)),
            tuple(map(str, drop)),
        )

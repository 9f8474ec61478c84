"""What a refused command is answered (RFC 3501 §7.1.2, codes of RFC 5530)."""

from mailsuite.interfaces.mailboxes import (
    AnnotationReadOnly,
    AnnotationTooLong,
    BadName,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
    TooManyAnnotations,
)
from mailsuite.model.errors import Damaged, NoSpace, OverQuota, PeerError, Taken

SERVERBUG = b"NO [SERVERBUG] Something failed; try again later"
READ_ONLY = b"NO [READ-ONLY] The mailbox was opened with EXAMINE"
TRYCREATE = b"NO [TRYCREATE] No such mailbox"
ISSUED = b"OK [EXPUNGEISSUED] Done; some messages are gone"

_TEXTS: dict[type[Exception], bytes] = {
    NoSuchMailbox: b"NO [NONEXISTENT] No such mailbox",
    AnnotationReadOnly: b"NO [CANNOT] Only the server sets this entry",
    MailboxExists: b"NO [ALREADYEXISTS] There is a mailbox of that name",
    OverQuota: b"NO [OVERQUOTA] The account is full",
    NoSpace: b"NO [UNAVAILABLE] No space is left; try again later",
    Damaged: b"NO [CORRUPTION] A message cannot be read",
    Taken: b"NO [INUSE] In use; try again later",
}
KNOWN: tuple[type[Exception], ...] = (*_TEXTS, BadName, LimitReached, PeerError)


class No(Exception):  # noqa: N818 - an answer to the client
    """End the command with this text, which begins with NO or BAD."""

    def __init__(self, text: bytes) -> None:
        super().__init__(text.decode("ascii"))
        self.text = text


def of(error: Exception) -> bytes:
    """The answer to one of ``KNOWN``."""
    if isinstance(error, BadName):
        return b"NO [CANNOT] " + _clean(error, "No mailbox can have that name")
    if isinstance(error, AnnotationTooLong):
        return b"NO [METADATA MAXSIZE %d] Too long" % error.octets
    if isinstance(error, TooManyAnnotations):
        return b"NO [METADATA TOOMANY] " + _clean(error, "Too many annotations")
    if isinstance(error, LimitReached):
        return b"NO [LIMIT] " + _clean(error, "A limit is reached")
    if isinstance(error, PeerError):
        return b"BAD " + _clean(error, "Not understood")
    return next(text for kind, text in _TEXTS.items() if isinstance(error, kind))


def _clean(error: Exception, default: str) -> bytes:
    text = " ".join(str(error).split()) or default
    return text.encode("ascii", "replace")

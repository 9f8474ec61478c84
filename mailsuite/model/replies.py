"""SMTP replies (RFC 5321 §4.2) with enhanced status codes (RFC 3463)."""

from attrs import field
from typing_extensions import override

from mailsuite.model.values import value


@value
class Reply:
    """What an SMTP or LMTP client is told.

    ``status`` is the enhanced code such as ``5.1.1``, or empty where RFC 2034
    gives none (greeting, EHLO). ``text`` is ASCII without CR, LF or NUL;
    further ``lines`` follow the first in a multi-line reply. ``octets`` are all of it
    as it is sent, where it is told often; empty elsewhere.
    """

    code: int
    status: str
    text: str
    lines: tuple[str, ...] = ()
    octets: bytes = field(default=b"", eq=False, repr=False)

    @property
    def positive(self) -> bool:
        """Whether the client may go on: 2yz or 3yz."""
        return self.code < 400

    @property
    def permanent(self) -> bool:
        """Whether repeating cannot help: 5yz."""
        return self.code >= 500

    @override
    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.status, self.text)))

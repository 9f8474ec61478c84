"""Octets of messages: written once in blocks, read in ranges."""

from zope.interface import Attribute, Interface

from mailsuite.model.envelope import Blob


class IBlobWriter(Interface):
    """Takes a message's octets as blocks."""

    size: int = Attribute("octets written so far")

    def write(block: bytes) -> bool:
        """Take a block. False: the writer is behind, pause until ``drained``."""

    async def drained() -> None:
        """Wait until blocks may be written again. :raises NoSpace: disk full."""

    async def close() -> Blob:
        """All is written. A file, if it became one, is synced with its folder.

        :raises NoSpace: disk full, nothing is left behind.
        """

    def abort() -> None:
        """Forget what was written; leaves nothing behind."""


class IBlobs(Interface):
    """Where message octets wait until a record names them."""

    def create(expected: int) -> IBlobWriter:
        """A writer for about ``expected`` octets (0: unknown).

        Above the memory limit (1 MiB) the octets go to a file of their own.
        """

    def kept(content: bytes) -> Blob:
        """Make a blob in memory of octets that are already whole."""

    async def content(blob: Blob) -> bytes:
        """The whole octets, prefix included. :raises Damaged: cannot be read."""


class IOctets(Interface):
    """A range of stored octets, open until closed.

    The file stays readable while it is open, whatever happens to its message.
    """

    size: int = Attribute("octets in the whole message")
    lined: bool = Attribute("whether every line is known to end with CRLF")

    async def read(start: int, length: int) -> bytes:
        """Octets from ``start``; fewer at the end. :raises Damaged: bad file."""

    def close() -> None:
        """Give the descriptor back."""

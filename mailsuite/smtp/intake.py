"""One message on its way from the session into its blob."""

from attrs import define, field

from mailsuite.interfaces.blobs import IBlobWriter
from mailsuite.interfaces.receiving import ITransaction
from mailsuite.model.replies import Reply


@define(eq=False, repr=False)
class Intake:
    """A transaction with the writer of its octets.

    ``since`` is when MAIL was accepted (reactor clock).
    """

    transaction: ITransaction
    _expected: int
    since: float
    _writer: IBlobWriter | None = field(default=None, init=False)
    _spoiled: Reply | None = field(default=None, init=False)

    def open(self) -> None:
        """DATA was accepted."""
        self._writer = self.transaction.octets(self._expected)

    async def write(self, block: bytes) -> None:
        """Store a block, waiting while the disk is behind.

        :raises NoSpace: the disk is full.
        """
        if self._writer is not None and not self._writer.write(block):
            await self._writer.drained()

    def spoil(self, reply: Reply) -> None:
        """It cannot be kept: take the rest for nothing, then answer ``reply``."""
        self._spoiled = reply
        self._drop()

    async def finish(self, refusal: Reply | None) -> tuple[Reply, ...]:
        """All came: give each recipient's reply, or the one for all.

        :raises NoSpace, OSError: it could not be stored.
        """
        refusal = self._spoiled or refusal
        if refusal is not None or self._writer is None:
            self.abort()
            assert refusal is not None
            return (refusal,)
        told = await self.transaction.finish(await self._writer.close())
        return tuple(map(told.__getitem__, sorted(told)))

    def abort(self) -> None:
        """Forget it; nothing is left behind."""
        self._drop()
        self.transaction.abort()

    def _drop(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abort()

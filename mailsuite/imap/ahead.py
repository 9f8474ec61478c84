"""Messages' octets, opened a little before they are needed.

Opening those that are not at hand waits for a thread of the store; several openings
under way cost one wait.
"""

from collections import deque
from collections.abc import Sequence

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailsuite.interfaces.blobs import IOctets
from mailsuite.interfaces.mailboxes import IMailbox
from mailsuite.model.ids import Uid

AHEAD = 8  # messages that are opened before the one that is said


@define(eq=False)
class Ahead:
    """Gives the octets of ``uids`` one after another; ``close`` it at the end."""

    mailbox: IMailbox
    uids: Sequence[Uid]
    _opening: "deque[Deferred[IOctets]]" = field(factory=deque)
    _next: int = 0

    async def take(self) -> IOctets:
        """The next message's octets; the caller closes them.

        :raises KeyError, Damaged: as :meth:`IMailbox.octets`, for this one alone.
        """
        if not self._opening and self._next < len(self.uids):
            octets = self.mailbox.at_hand(self.uids[self._next])
            if octets is not None:
                self._next += 1
                return octets
        while self._next < len(self.uids) and len(self._opening) < AHEAD:
            opening = self.mailbox.octets(self.uids[self._next])
            self._opening.append(Deferred.fromCoroutine(opening))
            self._next += 1
        return await self._opening.popleft()

    def close(self) -> None:
        """Nobody takes the others."""
        for opening in self._opening:
            _ = opening.addCallbacks(_closed, _dropped)
        self._opening.clear()


def _closed(octets: IOctets) -> None:
    octets.close()


def _dropped(_: Failure) -> None:
    """What could not be opened is nobody's concern any more."""

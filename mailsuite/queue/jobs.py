"""A job: a message with the recipients whose fate is still open."""

from collections.abc import Iterator

from attrs import define, field

from mailsuite.interfaces.journal import Position
from mailsuite.interfaces.queueing import Listed
from mailsuite.model.envelope import Blob, Envelope, Once, Recipient
from mailsuite.model.ids import QueueId

WAITING = "deferred"
ACTIVE = "active"
HELD = "held"


@define(eq=False)
class Slot:
    """One open recipient. ``lease`` is the epoch of who delivers it, 0: nobody.

    ``depth`` counts the aliases behind it; ``status``, ``text`` and ``host`` tell
    of the last attempt.
    """

    recipient: Recipient
    due: float
    held: bool = False
    attempts: int = 0
    depth: int = 0
    lease: int = 0
    status: str = ""
    text: str = ""
    host: str = ""
    transport: str = ""
    waiting: bool = False
    """Whether it stands in line for a transport."""

    @property
    def idle(self) -> bool:
        """Whether nobody delivers it or is about to."""
        return not self.lease and not self.waiting

    @property
    def state(self) -> str:
        """For people."""
        if self.held:
            return HELD
        return WAITING if self.idle and self.attempts else ACTIVE


@define(eq=False)
class Job:
    """One accepted message.

    Its content is in ``blob`` while it is worked on; else it is read again from
    the journal (``place``, ``start`` octets into the record's body) or, once it is
    ``kept``, from its spool file. ``version`` counts the records that changed it;
    ``writing`` those under way.
    """

    id: QueueId
    envelope: Envelope
    blob: Blob
    accepted: float
    expires: float
    slots: dict[int, Slot]
    next: int = 0
    """The number of the next recipient that an alias brings."""
    once: Once | None = None
    place: Position | None = None
    start: int = 0
    crc: int = 0
    kept: bool = False
    """Whether it has rows, or is about to."""
    spooled: bool = False
    """Whether its spool file is written."""
    dirty: bool = False
    warned: bool = False
    awaited: bool = False
    """Whether who handed it over asks for its outcomes."""
    version: int = 0
    writing: int = 0
    held_octets: int = 0
    """Octets that count against the bound on memory."""
    seen: set[str] = field(factory=set)
    """Every address that is or was a recipient, once an alias was expanded."""
    done: list[int] = field(factory=list)
    """Local recipients that are delivered, but not yet safe without the journal."""
    filed: dict[int, Recipient] = field(factory=dict)
    """Those, as they are asked about again, of jobs that have rows."""

    def due(self, now: float) -> list[Slot]:
        """The recipients to be tried now."""
        return [
            slot
            for slot in self.slots.values()
            if slot.due <= now and not (slot.lease or slot.held or slot.waiting)
        ]

    @property
    def next_due(self) -> float | None:
        """When the next recipient that waits is to be tried; None: none waits."""
        first = None
        for slot in self.slots.values():
            if slot.lease or slot.waiting or slot.held:
                continue
            if first is None or slot.due < first:
                first = slot.due
        return first

    @property
    def idle(self) -> bool:
        """Whether nothing is under way with it."""
        return not self.writing and all(slot.idle for slot in self.slots.values())

    @property
    def absent(self) -> bool:
        """Whether its content is neither in memory nor in a file of its own."""
        return self.blob.octets is None and not self.blob.path

    def listed(self) -> Iterator[Listed]:
        """Its open recipients, for people."""
        for n in sorted(self.slots):
            slot = self.slots[n]
            yield Listed(
                self.id,
                n,
                slot.recipient.sender or self.envelope.sender,
                slot.recipient.address,
                slot.transport,
                self.blob.size,
                self.accepted,
                slot.due,
                self.expires,
                slot.attempts,
                f"{slot.status} {slot.text}".strip(),
                slot.state,
            )

    def number(self, address: str) -> bool:
        """Remember an address; False when it was a recipient before."""
        if not self.seen:
            self.seen.update(key(each) for each in self.envelope.recipients)
        if address in self.seen:
            return False
        self.seen.add(address)
        return True


def key(recipient: Recipient) -> str:
    """What makes two recipients the same."""
    return str(recipient.address).casefold()

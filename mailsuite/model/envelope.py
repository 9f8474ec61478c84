"""A message on its way: envelope, octets and where they lie."""

from collections.abc import Mapping

from attrs import Factory, field

from mailsuite.model.address import Address
from mailsuite.model.ids import BlobKey, QueueId
from mailsuite.model.values import value

Marks = Mapping[str, str]
"""Findings about a message or recipient that travel with the envelope."""

JUNK = "junk"
"""Mark of a recipient whose copy goes into Junk; its value says why."""

FILED = "filed"
"""Mark of a recipient that was delivered before the process was killed.

Its value says where, empty: as mail goes that no script files. Nothing else is
decided or sent anew; only the store is asked whether it has the copies.
"""

CALENDAR = "calendar"
"""Mark of a recipient that is an account's calendar.

The content is no mail but an object for it; the value says how it is meant.
"""


@value
class Recipient:
    """One recipient of a message.

    ``n`` is its number in the envelope, never reused within the job. ``sender``
    overrides the envelope's (forwarding); a DSN goes to ``origin``, the job's
    first sender. ``orcpt`` and ``notify`` are RFC 3461 parameters in their wire
    form, empty when absent.
    """

    n: int
    address: Address
    sender: Address | None = None
    origin: Address | None = None
    orcpt: str = ""
    notify: str = ""
    marks: Marks = Factory(dict)


@value
class Envelope:
    """``sender`` is None for the null reverse-path (RFC 5321 §4.5.5)."""

    sender: Address | None
    recipients: tuple[Recipient, ...]
    marks: Marks = Factory(dict)


@value
class Blob:
    """The octets of a message: ``prefix`` and then the content.

    Small content is in ``octets``. Content above the memory limit lies in the
    file ``path`` (already synced with its directory) and ``octets`` is None.
    ``size`` counts prefix and content. Durable only with the record that names it.
    """

    key: BlobKey
    size: int
    octets: bytes | None = field(default=None, repr=False)
    prefix: bytes = field(default=b"", repr=False)
    path: str = ""


@value
class Once:
    """An action of the queue that must happen exactly once.

    ``awaited``: somebody waits for it now; else it may be done with others.
    """

    source: QueueId
    recipient: int
    action: int = 0
    awaited: bool = field(default=True, eq=False)


@value
class Submission:
    """A message handed to the queue.

    ``after`` and ``expires`` are wall-clock seconds, 0 for now and for the
    queue's own limit. ``once`` makes a repeated hand-over find the first.
    ``awaited``: who hands it over asks at once for each recipient's outcome and
    tells the client of failures, which are then not sent to the sender as well.
    """

    envelope: Envelope
    blob: Blob
    once: Once | None = None
    after: float = 0.0
    expires: float = 0.0
    awaited: bool = False

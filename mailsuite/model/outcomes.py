"""What became of a recipient after an attempt at delivery."""

from mailsuite.model.envelope import Recipient, Submission
from mailsuite.model.values import value


@value
class Delivered:
    """Done. ``text`` is the far end's own answer, for the trace.

    ``filed`` is what the local transport is told when it is asked again
    (:data:`~mailsuite.model.envelope.FILED`).
    """

    text: str = ""
    spawn: tuple[Submission, ...] = ()
    filed: str = ""


@value
class Deferred:
    """Try again later. ``status`` is an RFC 3463 code of class 4."""

    status: str
    text: str
    host: str = ""
    spawn: tuple[Submission, ...] = ()


@value
class Failed:
    """Never. The queue sends a DSN to the origin unless that is null.

    ``status`` is an RFC 3463 code of class 5; ``host`` the remote MTA, if any.
    """

    status: str
    text: str
    host: str = ""
    spawn: tuple[Submission, ...] = ()


@value
class Expanded:
    """The recipient stands for others, new recipients of the same job.

    The queue numbers them anew; an empty tuple means all of them were already
    recipients of the job.
    """

    recipients: tuple[Recipient, ...]
    spawn: tuple[Submission, ...] = ()


Outcome = Delivered | Deferred | Failed | Expanded

"""What a run pays for when it looks into a message."""

from mailsuite.sieve.parts import Path, Whole
from mailsuite.sieve.run import Run

SCAN_SHARE = 4  # octets of a large message that are scanned for one that counts
SCANNED_OCTETS = 2 << 20  # below that each of them counts

_SEEN = "whole"


def whole(run: Run) -> Whole:
    """The message with all that was put into it, to be looked into."""
    return _paid(run, run.message.whole)


def lying(run: Run, path: Path, *, inside: bool = True) -> Whole:
    """As :meth:`Message.lying <mailsuite.sieve.message.Message.lying>`."""
    return _paid(run, run.message.lying(path, inside=inside))


def _paid(run: Run, found: Whole) -> Whole:
    """Count the scan of a message that this run has not seen yet."""
    if run.state.get(_SEEN) is not found:
        size = run.message.size
        run.work(max(min(size, SCANNED_OCTETS), size // SCAN_SHARE))
        run.state[_SEEN] = found
    return found

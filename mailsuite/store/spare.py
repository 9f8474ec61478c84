"""A little room that is kept back, so that mail can be expunged from a full disk.

Databases must write to forget. The file is given up when they cannot, and made again
when there is room. What others do to it does no harm.
"""

import os
from contextlib import suppress

from mailsuite.store.undo import failing

SPARE_OCTETS = 2_097_152  # for some hundred commands that set flags or expunge
_NAME = "spare"


def keep(data: str) -> None:
    """Have the room, unless the disk is full. Blocks for a moment."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with suppress(OSError):
        descriptor = os.open(os.path.join(data, _NAME), flags, 0o600)
        try:
            with failing(spend, data):
                os.posix_fallocate(descriptor, 0, SPARE_OCTETS)
        finally:
            os.close(descriptor)


def spend(data: str) -> None:
    """Give the room to whoever needs it now."""
    with suppress(OSError):
        os.unlink(os.path.join(data, _NAME))

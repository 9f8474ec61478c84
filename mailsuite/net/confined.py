"""Become another program, confined: its own session, and limits of the kernel.

Runs as a script of its own (``python -I -S confined.py CPU OCTETS program ...``) in
the child of :mod:`mailsuite.net.outside`; nothing of ours is imported.
"""

import os
import resource
import sys

FILES = 64  # open at once


def main(arguments: list[str]) -> None:
    """Limit what this process may use, and become the program."""
    seconds, octets = int(arguments[0]), int(arguments[1])
    os.setsid()
    os.umask(0o077)
    for kind, limit in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, octets),
        (resource.RLIMIT_FSIZE, octets),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(kind)
        least = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(kind, (least, least))
    os.execv(arguments[2], arguments[2:])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])

"""Memory that the process keeps and does not use."""

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.house.house import ARENAS

WORK = """
import ctypes, threading
from mailsuite.house.house import harden

harden()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
ready = threading.Barrier(12)


def work():
    ready.wait()
    for _ in range(100):
        libc.malloc(5_000)


threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fdopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, file)
libc.fflush(file)
"""


class ArenaTests(SynchronousTestCase):
    """Threads share malloc's arenas."""

    def test_few(self):
        """However many threads there are, there are as many arenas as we said."""
        told = subprocess.run(
            [sys.executable, "-c", WORK],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        self.assertLessEqual(told.count("<heap nr="), ARENAS)
        self.assertIn("<heap nr=", told)

"""Room that is kept back for a full disk."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.store import spare


class SpareTests(SynchronousTestCase):
    def setUp(self):
        self.data = Path(self.mktemp())
        self.data.mkdir()

    def test_kept_and_spent(self):
        """It is really taken from the disk, once, and given up whole."""
        for _ in range(2):
            spare.keep(str(self.data))
        (file,) = self.data.iterdir()
        self.assertGreaterEqual(file.stat().st_blocks * 512, spare.SPARE_OCTETS)
        for _ in range(2):
            spare.spend(str(self.data))
        self.assertEqual(list(self.data.iterdir()), [])

    def test_full(self):
        """A full disk is left alone, and it heals."""

        def full(descriptor, start, size):
            raise OSError(28, "No space left on device")

        real = os.posix_fallocate
        self.patch(os, "posix_fallocate", full)
        spare.keep(str(self.data))
        self.assertEqual(list(self.data.iterdir()), [])
        self.patch(os, "posix_fallocate", real)
        spare.keep(str(self.data))
        self.assertEqual(len(list(self.data.iterdir())), 1)

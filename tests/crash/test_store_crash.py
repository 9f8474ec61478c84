"""Kills at every step of the store on disk."""

import json
import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent.parent
PROOF = bool(os.environ.get("MAILSUITE_PROOF"))
FIRST, STEP, COUNT = (0, 1, 1_000) if PROOF else (95, 13, 8)


class StoreCrashTests(SynchronousTestCase):
    """Append, deliver, copy, move, flag, expunge, create, rename, delete."""

    def test_killed(self):
        """Nothing acknowledged is lost, nothing is there twice, each step is whole."""
        command = [sys.executable, "-m", "tests.support.storecrash"]
        steps = (str(number) for number in (FIRST, STEP, COUNT))
        done = subprocess.run(
            [*command, self.mktemp(), *steps],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=3_600 if PROOF else 120,
        )
        results = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertGreaterEqual(len(results), COUNT if not PROOF else 100)
        wrong = [result for result in results if result["wrong"]]
        self.assertEqual(wrong, [], done.stderr[-2_000:])
        self.assertLessEqual({result["ended"] for result in results}, {0, 9})

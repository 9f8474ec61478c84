"""Kills at every step of the store on disk."""

import json
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.patience import PATIENCE_SECONDS
from tests.support.profile import PROOF, SHARE

ROOT = Path(__file__).parent.parent.parent
EVERY = (0, max(1, round(1 / SHARE)), 1_000) if PROOF else None
FIRST, STEP, COUNT = EVERY or (95, 13, 8)


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
            timeout=3_600 if PROOF else PATIENCE_SECONDS,
        )
        results = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertGreaterEqual(len(results), COUNT if not PROOF else 100 // STEP)
        wrong = [result for result in results if result["wrong"]]
        if PROOF:
            print(
                f"\nkill at each step of the store: {len(results)} points,"
                f" {len(wrong)} with mail lost, torn or doubled, or findings"
            )
        self.assertEqual(wrong, [], done.stderr[-2_000:])
        self.assertLessEqual({result["ended"] for result in results}, {0, 9})

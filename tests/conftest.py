"""What pytest needs to run the suite's tests: the checkout on the path."""

import shutil
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

sys.path.insert(0, str(Path(__file__).parent.parent))


def _mktemp(case):
    """A path that does not exist yet, in a folder that goes with the test."""
    folder = tempfile.mkdtemp(prefix="mailsuite-test-")
    case.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    return str(Path(folder) / "temp")


SynchronousTestCase.mktemp = _mktemp

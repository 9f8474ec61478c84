"""What pytest needs to run the suite's tests: the checkout on the path."""

import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from twisted.trial.unittest import SynchronousTestCase

sys.path.insert(0, str(Path(__file__).parent.parent))


def _mktemp(case):
    """A path that does not exist yet, in a folder that goes with the test."""
    folder = tempfile.mkdtemp(prefix="mailsuite-test-")
    case.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    return str(Path(folder) / "temp")


SynchronousTestCase.mktemp = _mktemp


def pytest_collection_finish():
    """Let the collector pass over what stays until the end: all that was imported."""
    gc.collect()
    gc.freeze()


settings.register_profile(
    "mailsuite",
    deadline=None,
    database=None,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("mailsuite")
"""How long an example takes is the machine's business; none is kept on disk."""

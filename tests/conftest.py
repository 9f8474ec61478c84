"""What pytest needs to run the suite's tests: the checkout on the path."""

import gc
import os
import re
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from twisted.trial.unittest import SynchronousTestCase

sys.path.insert(0, str(Path(__file__).parent.parent))


def _mktemp(case):
    """A path that does not exist yet, in a folder that goes with the test."""
    folder = tempfile.mkdtemp(prefix="mailsuite-test-")
    case.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    return str(Path(folder) / "temp")


SynchronousTestCase.mktemp = _mktemp

STARTS = re.compile(
    r"^from tests\.support(\.| import [\w\s,(]*\b)(demo|faults|going|warm)\b",
    re.MULTILINE,
)
"""What a file imports whose tests start suites."""


def pytest_configure(config):
    """Keep what a run leaves in one folder, that goes with it; its name is short.

    Twistd cuts what it says of a failure, with the path of a log, at 100 octets.
    """
    if not hasattr(config, "workerinput"):  # a process of xdist has its parent's
        folder = tempfile.mkdtemp(prefix="test-")
        os.chmod(folder, 0o755)  # daemons are somebody else
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Of two processes, one has the files whose tests start suites, the other the rest.

    So a suite shares the machine with tests of one process, never with another suite,
    and whatever a file sets up is set up once.
    """
    from xdist.scheduler import LoadFileScheduling

    @cache
    def starts(file):
        return STARTS.search((config.rootpath / file).read_text("utf-8"))

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return "suites" if starts(file) else file

    return Scheduling(config, log)


def pytest_collection_finish():
    """Let the collector pass over what stays until the end: all that was imported."""
    gc.collect()
    gc.freeze()


def pytest_runtest_makereport(item, call):
    """End the run at Ctrl-C: trial has it as an error of one test, and goes on."""
    if call.excinfo is not None and call.excinfo.errisinstance(KeyboardInterrupt):
        item.session.shouldstop = "interrupted"


def pytest_runtest_teardown(item, nextitem):
    """Set aside what a room leaves, as a search for cycles looks through all there is."""
    if nextitem is not None and nextitem.path.parent != item.path.parent:
        gc.unfreeze()
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

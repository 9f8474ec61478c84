"""`mailsuite search` finds what arrived, whatever is killed or removed."""

import json
import os
import signal
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo
from tests.support.patience import PATIENCE_SECONDS


def alive(pid):
    """Whether the process lives (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def children(pid):
    """Process ids of the search children below a process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text("utf-8")
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        parent = int(stat.rpartition(")")[2].split()[1])
        if parent == pid and b"mailsuite.search.indexer" in line:
            found.append(int(folder.name))
    return found


class SearchTests(SynchronousTestCase):
    """One demo for all; each test sends words of its own."""

    @classmethod
    def setUpClass(cls):
        cls.demo = Demo(users=2)
        try:
            cls.demo.start()
        except BaseException:
            cls.demo.remove()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.demo.remove()

    def send(self, words):
        with self.demo.smtp() as client:
            client.sendmail(
                "ann@example.org",
                [self.demo.address()],
                f"Subject: {words}\r\n\r\nabout {words}\r\n",
            )

    def hits(self, words):
        text = self.demo.command("search", self.demo.address(), words, "--json")
        return json.loads(text)["hits"]

    def wait_for(self, words, count):
        """Ask until there are so many hits."""
        end = time.monotonic() + PATIENCE_SECONDS
        while len(found := self.hits(words)) != count:
            self.assertLess(time.monotonic(), end, found)
            time.sleep(0.2)
        return found

    def indexer(self):
        """The child's process id, when it runs."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (found := children(self.demo.process.pid)):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.1)
        return found[0]

    def test_arrival(self):
        """A message is found within seconds by the words in it, in its mailbox."""
        self.send("zebra crossing")
        hit = self.wait_for("zebra crossing", 1)[0]
        self.assertEqual(hit["mailbox"], "INBOX")
        self.assertEqual(hit["subject"], "zebra crossing")
        self.assertEqual(self.hits("zebra nowhere"), [])

    def test_child_killed(self):
        """After kill -9 of the child, old and new mail is found."""
        self.send("yacht one")
        self.wait_for("yacht", 1)
        os.kill(self.indexer(), signal.SIGKILL)
        self.send("yacht two")
        self.wait_for("yacht", 2)

    def test_index_removed(self):
        """A removed index is built again from the mail."""
        self.send("xylophone")
        self.wait_for("xylophone", 1)
        folders = list(self.demo.folder.rglob("search"))
        self.assertEqual(len(folders), 1)
        folders[0].rename(folders[0].with_name("removed"))  # at once: it is written to
        self.wait_for("xylophone", 1)

    def test_parent_killed(self):
        """After kill -9 of the suite alone no child is left, and nothing is lost."""
        self.send("walrus one")
        self.wait_for("walrus", 1)
        child = self.indexer()
        self.send("walrus two")
        os.kill(self.demo.process.pid, signal.SIGKILL)
        self.demo.process.wait()
        end = time.monotonic() + PATIENCE_SECONDS
        while alive(child):
            self.assertLess(time.monotonic(), end, "the child outlived its parent")
            time.sleep(0.05)
        self.demo.start()
        self.wait_for("walrus", 2)

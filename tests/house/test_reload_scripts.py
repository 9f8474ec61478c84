"""A reload with operator's scripts that take long to check."""

import socket

from twisted.trial.unittest import SynchronousTestCase

from tests.support import damage
from tests.support.demo import Demo

SCRIPTS = 6
ASKED = (
    b"POST /api/v1/reload HTTP/1.1\r\nHost: x\r\n"
    b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
)
RULE = 'if header :contains "subject" "{0}" {{ keep; }}\n'


class ReloadTests(SynchronousTestCase):
    def begun(self):
        """A suite, and the folder of its operator's scripts, empty as yet."""
        demo = Demo(users=1)
        self.addCleanup(demo.remove)
        folder = demo.folder / "before"
        folder.mkdir()
        demo.settings["MAILSUITE_SIEVE_BEFORE"] = str(folder)
        demo.start()
        return demo, folder

    def test_large(self):
        """Nobody waits for them; the old ones count until all are good."""
        demo, folder = self.begun()
        for n in range(SCRIPTS):
            text = "".join(RULE.format(f"{n} {k}") for k in range(1_500))
            (folder / f"{n}.sieve").write_text(text, "utf-8")
        demo.command("reload")
        (folder / "9.sieve").write_text("nonsense;", "utf-8")
        with self.assertRaisesRegex(AssertionError, "9.sieve: line 1"):
            demo.command("reload")
        self.assertEqual(len(demo.logged("event=house.reloaded")), 1)
        damage.wait_for(lambda: len(demo.logged("event=house.kept")) == 1)
        self.assertEqual(demo.stop(), 0)  # and tells if the reactor stalled

    def test_nobody_waits(self):
        """Who asks for it and leaves has asked for it all the same."""
        demo, folder = self.begun()
        text = "".join(RULE.format(k) for k in range(1_500))
        (folder / "a.sieve").write_text(text, "utf-8")
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(demo.folder / "data" / "ctl.sock"))
            control.sendall(ASKED)
        damage.wait_for(lambda: len(demo.logged("event=house.reloaded")) == 1)
        self.assertEqual(demo.stop(), 0)

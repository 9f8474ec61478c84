"""A reload with operator's scripts that take long to check."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support import damage
from tests.support.demo import Demo

SCRIPTS = 6
RULE = 'if header :contains "subject" "{0}" {{ keep; }}\n'


class ReloadTests(SynchronousTestCase):
    def test_large(self):
        """Nobody waits for them; the old ones count until all are good."""
        demo = Demo(users=1)
        self.addCleanup(demo.remove)
        folder = demo.folder / "before"
        folder.mkdir()
        demo.settings["MAILSUITE_SIEVE_BEFORE"] = str(folder)
        demo.start()
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

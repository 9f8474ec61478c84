"""IMAP over the running suite: sessions that change the same mailboxes at once."""

import threading

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo
from tests.support.imap_model import Session, Truth

STEPS = 120
NAMES = ("P", "Q", "R")


class TogetherTests(SynchronousTestCase):
    def setUp(self):
        self.demo = Demo(users=1)
        self.addCleanup(self.demo.remove)
        self.demo.start()
        self.truth = Truth()
        with self.demo.imap() as client:
            for box in "AB":
                client.create(box)

    def session(self, name, seed):
        address = (self.demo.ready["host"], self.demo.ready["imap"])
        session = Session(name, address, self.truth, ["A", "B"], seed)
        self.addCleanup(session.line.close)
        session.run(f"LOGIN {self.demo.address()} {self.demo.password()}")
        return session

    def together(self, seed):
        """Let sessions run at once; they end with one view of what there is."""
        sessions = [self.session(name, seed + n) for n, name in enumerate(NAMES)]

        def work(session):
            try:
                for _ in range(STEPS):
                    session.step()
            except Exception as error:
                session.fault(repr(error))
                raise

        threads = [threading.Thread(target=work, args=(one,)) for one in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        views = [session.settle() for session in sessions]
        self.assertEqual(self.truth.faults, [])
        last = self.session("Z", seed)
        for box, uids, flags in views:
            last.boxes = [box]
            last.select()
            self.assertEqual(len(uids), len(last.uids))
            for uid, told in zip(uids, last.uids, strict=True):
                self.assertIn(uid, {0, told})
                self.assertEqual(flags.get(uid, last.flags[told]), last.flags[told])
        self.assertEqual(self.truth.faults, [])

    def test_together(self):
        """Numbers, UIDs, flags and RECENT are right in each, also after a kill."""
        self.together(1)
        self.demo.kill()
        self.demo.start()
        self.truth.recent.clear()
        self.together(11)
        self.demo.stop()
        self.assertIn(" 0 findings", self.demo.command("verify", check=False))

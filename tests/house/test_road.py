"""The road through a whole suite: what is sent lies in the right mailboxes, once."""

import time

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo
from tests.support.patience import PATIENCE_SECONDS

USERS = 6


class RoadTests(SynchronousTestCase):
    def setUp(self):
        self.demo = Demo(users=USERS)
        self.addCleanup(self.demo.remove)
        self.demo.start()

    def send(self, tag, *to, sender="a@far.test"):
        text = f"Subject: {tag}\r\n\r\n{tag}\r\n".encode()
        with self.demo.smtp() as client:
            client.sendmail(sender, to, text)

    def found(self, tag, number):
        return [
            path
            for path in self.demo.messages(number)
            if path.read_bytes().endswith(f"\r\n\r\n{tag}\r\n".encode())
        ]

    def arrived(self, tag, *numbers):
        """The one copy that each of these accounts gets."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not all(self.found(tag, number) for number in numbers):
            self.assertLess(time.monotonic(), end, tag)
            time.sleep(0.05)
        paths = [self.found(tag, number) for number in numbers]
        self.assertEqual([len(some) for some in paths], [1] * len(numbers))
        return [path for (path,) in paths]

    def test_shared(self):
        """Many recipients share one file, whichever lane their account is on."""
        for turn in range(5):
            tag = f"all-{turn}"
            self.send(tag, *[self.demo.address(n) for n in range(1, USERS + 1)])
            paths = self.arrived(tag, *range(1, USERS + 1))
            self.assertEqual(len({path.stat().st_ino for path in paths}), 1)
        self.assertEqual(self.demo.stop(), 0)
        self.assertIn(" 0 findings", self.demo.command("verify"))

    def test_twice(self):
        """An account that is named in several ways gets one copy."""
        self.demo.command(
            *("alias", "add", "two@example.test"),
            *("user1@example.test", "user2@example.test"),
        )
        self.send(
            "twice",
            *("user1@example.test", "USER1@Example.Test", '"user1"@example.test'),
            "two@example.test",
        )
        self.arrived("twice", 1, 2)

    def test_return_path(self):
        """Return-Path comes first, and once, whatever the way to the mailbox was."""
        self.demo.command(
            *("alias", "add", "user3@example.test"),
            *("user3@example.test", "user4@example.test"),
        )
        self.send("own", "user3@example.test", sender='"a b"@far.test')
        for path in self.arrived("own", 3, 4):
            octets = path.read_bytes()
            self.assertTrue(octets.startswith(b'Return-Path: <"a b"@far.test>\r\n'))
            self.assertEqual(octets.count(b"Return-Path:"), 1)
            self.assertEqual(octets.count(b"Received:"), 1)

    def test_reload(self):
        """Other routes, servers and delays count at once, without a restart."""
        path = self.demo.folder / "etc" / "mailsuite.toml"
        text = path.read_text("utf-8")
        for old, new in (
            ("# routes = []", 'routes = ["* [127.0.0.1]:9"]'),
            ("# allow_private = false", "allow_private = true"),
            ("# retry_first = 60.0", "retry_first = 5000.0"),
        ):
            self.assertEqual(text.count(old), 1)
            text = text.replace(old, new)
        path.write_text(text, "utf-8")
        self.assertNotIn("restart", self.demo.command("reload"))
        with self.demo.smtp("submission") as client:
            client.login(self.demo.address(), self.demo.password())
            client.sendmail(self.demo.address(), ["x@far.test"], b"Subject: x\r\n\r\n")
        end = time.monotonic() + PATIENCE_SECONDS
        while "127.0.0.1[127.0.0.1]:9" not in self.demo.command("queue", "list"):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.1)

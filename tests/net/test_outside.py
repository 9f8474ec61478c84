"""Programs of others are bounded (:mod:`mailsuite.net.outside`)."""

import os
import stat
import time

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mailsuite.net.outside import Command, run
from tests.support.patience import PATIENCE_SECONDS


class OutsideTests(TestCase):
    def command(self, text, *arguments, **more):
        """A shell script as a program."""
        path = os.path.abspath(self.mktemp())
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, stat.S_IRWXU)
        return Command(path, [one.encode() for one in arguments], **more)

    def mark(self):
        return os.path.abspath(self.mktemp())

    async def run_now(self, command, given=b""):
        return await run(reactor, command, given)

    async def test_output(self):
        """It gets input, arguments and environment, and nothing else of ours."""
        command = self.command(
            'cat; printf "%s|" "$@"; printf "%s" "$SENDER"; env | wc -l',
            "a b",
            "$HOME; true",
            environment={"SENDER": "x@y", "PATH": "/usr/bin:/bin"},
        )
        found = await self.run_now(command, b"\xff\x00in")
        head, _, count = found.partition(b"x@y")
        self.assertEqual(head, b"\xff\x00ina b|$HOME; true|")
        self.assertLessEqual(int(count), 4)  # the shell adds PWD and such

    async def test_failure(self):
        """An exit code other than 0 is a failure, as is a program not there."""
        self.assertIsNone(await self.run_now(self.command("echo x; exit 3")))
        self.assertIsNone(await self.run_now(self.command("kill -9 $$")))
        self.assertIsNone(await self.run_now(Command("/nonexistent/x")))
        self.assertEqual(await self.run_now(self.command("exit 0")), b"")

    async def test_too_much(self):
        """One that says more than it may is ended."""
        command = self.command("yes", octets=100_000, seconds=60.0)
        self.assertIsNone(await self.run_now(command))

    async def test_too_long(self):
        """One that takes longer than it may is ended, with its children."""
        mark = self.mark()
        for seconds in (0.5, 5.0, 50.0):  # until it gets so far as to say who it is
            text = f"sleep 600 & echo $! > {mark}; sleep 600"
            self.assertIsNone(await self.run_now(self.command(text, seconds=seconds)))
            if there(mark):
                break
        await self.ended(int(content(mark)))

    async def test_left_behind(self):
        """What it leaves behind ends when it does."""
        text = "sleep 600 > /dev/null 2>&1 & echo $!"
        command = self.command(text, seconds=PATIENCE_SECONDS)
        await self.ended(int(await self.run_now(command)))

    async def ended(self, pid):
        """Wait until there is no such process."""
        end = time.monotonic() + PATIENCE_SECONDS
        while alive(pid):
            self.assertLess(time.monotonic(), end)
            await _later(0.01)

    async def test_deaf(self):
        """One that reads nothing of a large input fails nothing."""
        command = self.command("exec 0<&-; echo good")
        self.assertEqual(await self.run_now(command, b"x" * (4 << 20)), b"good\n")

    async def test_confined(self):
        """It leads its own session, has few files, and leaves no core."""
        command = self.command("ulimit -n; ulimit -c; umask; ps -o sid= -p $$; echo $$")
        found = await self.run_now(command)
        files, core, mask, session, pid = found.split()
        self.assertEqual((files, core, mask), (b"64", b"0", b"0077"))
        self.assertEqual(session, pid)


def alive(pid):
    """Whether the process lives (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def content(path):
    with open(path, "rb") as file:
        return file.read()


def there(path):
    return os.path.exists(path)


def _later(seconds):
    waiting = Deferred()
    reactor.callLater(seconds, waiting.callback, None)
    return waiting

"""A journal that ends at any durable step loses nothing that it promised.

What is acknowledged after the last checkpoint is replayed whole; what is replayed
was really handed over; nothing is replayed twice.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from mailsuite.interfaces.journal import Kind, Record
from mailsuite.model.errors import NoSpace
from tests.support.journal import Client, Events, Mortal, make
from tests.support.patience import PATIENCE_SECONDS

COMMITS = 40
SIZE = 64 << 10
ROOT = Path(__file__).parent.parent.parent


class _Checked:
    """What was said, and whether a later replay keeps the promise."""

    def __init__(self, case):
        self.case = case
        self.tried = set()
        self.promised = set()

    async def replayed(self, folder, why):
        case = self.case
        client, events = Client(), Events()
        journal = make(folder, events=events, size=SIZE)
        await journal.start([client])
        await journal.stop()
        numbers = []
        for body in client.bodies:
            number, _, rest = body.partition(b":")
            case.assertEqual(rest, number * (500 + 97 * (int(number) % 7)), why)
            numbers.append(int(number))
        case.assertLessEqual(self.promised, set(numbers), why)
        case.assertEqual(len(set(numbers)), len(numbers), why)
        return set(numbers), events


class StepTests(TestCase):
    timeout = PATIENCE_SECONDS

    def setUp(self):
        self.base = os.path.abspath(self.mktemp())

    async def life(self, folder, disk, checked):
        """Commit four at a time, with checkpoints, until the end or the disk's."""
        os.makedirs(folder)
        journal = make(folder, disk, size=SIZE)
        try:
            await journal.start([Client()])
            for first in range(0, COMMITS, 4):
                numbers = range(first, first + 4)
                await gatherResults(
                    [
                        Deferred.fromCoroutine(self.one(journal, n, checked))
                        for n in numbers
                    ]
                )
                if first % 16 == 12 and not disk.dead:
                    await self.checkpoint(journal, disk, checked)
        except OSError:
            self.assertTrue(disk.dead)
        await journal.stop()

    async def one(self, journal, number, checked):
        text = b"%d" % number
        checked.tried.add(number)
        body = (text, b":", text * (500 + 97 * (number % 7)))
        try:
            await journal.commit([Record(Kind.MESSAGE, body)])
        except (OSError, NoSpace):
            return
        checked.promised.add(number)

    async def checkpoint(self, journal, disk, checked):
        before = set(checked.promised)
        try:
            checked.promised.clear()  # from now on either is right
            await journal.checkpoint()
        except (OSError, NoSpace):
            checked.promised.clear()
        else:
            checked.tried -= before

    def each(self, chance):
        return Deferred.fromCoroutine(self._each(chance))

    async def _each(self, chance):
        whole = Mortal()
        await self.life(f"{self.base}-0", whole, _Checked(self))
        self.assertGreater(whole.count, 40)
        for last in range(1, whole.count + 1):
            rolls = random.Random(last) if chance else None
            disk, checked = Mortal(last, rolls), _Checked(self)
            folder = f"{self.base}-{last}"
            await self.life(folder, disk, checked)
            if rolls:
                disk.cut()
            numbers, events = await checked.replayed(folder, f"step {last}")
            self.assertLessEqual(numbers, set(range(COMMITS)))
            if not rolls:
                self.assertEqual(events.named("journal.corrupt"), [])

    def test_dead_disk(self):
        """The disk dies at any step: what was promised before is there."""
        return self.each(chance=False)

    def test_power_cut(self):
        """Power goes at any step, and writes that no barrier covered are torn."""
        return self.each(chance=True)


def child(folder, last):
    """Run a process that kills itself at that step; gives what it said before."""
    os.makedirs(folder)
    name = "tests.support.journal_child"
    done = subprocess.run(
        [sys.executable, "-m", name, folder, str(last), "48"],
        cwd=ROOT,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    return done.stdout.decode().split("\n")


class KillTests(TestCase):
    timeout = PATIENCE_SECONDS

    def setUp(self):
        self.base = os.path.abspath(self.mktemp())

    def test_process(self):
        """A process that ends at a step in the middle keeps what it told."""
        return Deferred.fromCoroutine(self._process())

    async def _process(self):
        for last in (25, 38):
            folder = f"{self.base}-{last}"
            said = child(folder, last)
            checked = _Checked(self)
            for word in said:
                if word == "checkpoint":
                    checked.promised.clear()
                elif word:
                    checked.promised.add(int(word))
            await checked.replayed(folder, f"step {last}")

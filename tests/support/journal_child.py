"""A process that commits to a journal and ends at a given durable step.

Arguments: folder, step at which to end (0: never), commits. Prints the number of
every commit as soon as it is acknowledged.
"""

import os
import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from mailsuite.interfaces.journal import Kind, Record
from mailsuite.journal.disk import Disk
from mailsuite.model.errors import NoSpace
from tests.support.journal import Client, make

STEPS = ("pwritev", "fdatasync", "fsync", "rename", "unlink", "syncfs")


class Counting(Disk):
    """Ends the process in front of the given step, counted over all calls."""

    def __init__(self, last):
        self.count = 0
        self.last = last

    def step(self):
        self.count += 1
        if self.count == self.last:
            os._exit(7)


def _counted(name):
    def call(self, *args):
        self.step()
        return getattr(Disk, name)(self, *args)

    return call


for _name in STEPS:
    setattr(Counting, _name, _counted(_name))


def say(text):
    os.write(1, f"{text}\n".encode())


async def main(folder, disk, commits):
    journal = make(folder, disk, size=64 << 10, segments=4)
    await journal.start([Client()])
    for first in range(0, commits, 4):
        numbers = range(first, min(first + 4, commits))
        await gatherResults(
            [Deferred.fromCoroutine(one(journal, number)) for number in numbers]
        )
        if first % 16 == 12:
            await journal.checkpoint()
            say("checkpoint")
    await journal.stop()
    say(f"steps {disk.count}")
    reactor.stop()


async def one(journal, number):
    text = b"%d" % number
    record = Record(Kind.MESSAGE, (text, b":", text * (500 + 97 * (number % 7))))
    try:
        await journal.commit([record])
    except NoSpace:
        return
    say(number)


def trouble(failure):
    failure.printTraceback(file=sys.stderr)
    os._exit(1)


if __name__ == "__main__":
    place, last, commits = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    reactor.callWhenRunning(
        lambda: Deferred.fromCoroutine(main(place, Counting(last), commits)).addErrback(
            trouble
        )
    )
    reactor.run()

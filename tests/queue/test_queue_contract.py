"""Both queues keep the contract of the interface."""

from twisted.trial.unittest import TestCase

from mailsuite.model.envelope import Blob, Envelope, Recipient, Submission
from mailsuite.queue.memory import MemoryQueue
from tests.contracts.queueing import QueueContract
from tests.support.queue import SENDER, House, Routing, Transport, address


class JournaledQueueTests(QueueContract, TestCase):
    async def begin(self):
        self.house = await House(self.mktemp()).start()
        self.queue = self.house.queue
        self.local, self.relay = self.house.local, self.house.relay

    async def settled(self):
        await self.house.quiet()

    async def end(self):
        await self.house.stop()


class Mail:
    def mail(self, *to, sender=SENDER, **more):
        recipients = tuple(Recipient(n, address(each)) for n, each in enumerate(to))
        return Submission(Envelope(sender, recipients), Blob("k", 1, b"x"), **more)


class MemoryQueueTests(QueueContract, TestCase):
    async def begin(self):
        self.house = Mail()
        self.local, self.relay = Transport(), Transport()
        transports = {"local": self.local, "relay": self.relay}
        self.queue = MemoryQueue(Routing(), transports)

    async def end(self):
        pass

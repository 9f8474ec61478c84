"""The base of the doors, over real sockets and over strings."""

from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mailsuite.net.endpoints import Place, bind
from mailsuite.net.protocol import READ_OCTETS, UNSENT_OCTETS, Conversation, Gone


@define(eq=False, slots=False)
class Echo(Conversation):
    """Sends back what it receives; ``quit`` hangs up after a last word."""

    heard: list[bytes] = field(factory=list, init=False)
    is_ended: bool = field(default=False, init=False)

    def opened(self):
        self.send(b"hello\n")

    def received(self, data):
        self.heard.append(data)
        if data == b"quit":
            self.hang_up(b"bye\n")
        else:
            self.send(data)

    def ended(self):
        self.is_ended = True


def until_behind(echo, block):
    """Send it until the peer has not taken all; gives how many octets that were."""
    sent = 0
    while not echo._behind:
        echo.send(block)
        sent += len(block)
    return sent


class StringTests(SynchronousTestCase):
    """Timers and drains, on a Clock."""

    def setUp(self):
        self.clock = Clock()
        self.transport = StringTransport()
        self.echo = Echo(self.clock, "s1")
        self.echo.makeConnection(self.transport)

    def test_greeting_and_answers_are_written(self):
        """What is sent arrives in order."""
        self.echo.dataReceived(b"one")
        self.echo.dataReceived(b"two")
        self.assertEqual(self.transport.value(), b"hello\nonetwo")

    def test_idle_ends_the_connection(self):
        """Without a sign of life the connection is hung up after the idle time."""
        self.echo.idle_after(30)
        self.clock.advance(29)
        self.echo.dataReceived(b"x")
        self.clock.advance(29)
        self.assertFalse(self.transport.disconnecting)
        self.clock.advance(2)
        self.assertTrue(self.transport.disconnecting)

    def test_nothing_is_received_after_hanging_up(self):
        """Octets that come after the last word are not looked at."""
        self.echo.dataReceived(b"quit")
        self.echo.dataReceived(b"more")
        self.assertEqual(self.echo.heard, [b"quit"])

    def test_a_peer_that_reads_no_last_word_is_cut_off(self):
        """Hanging up lingers for a bounded time only."""
        self.echo.hang_up()
        self.clock.advance(11)
        self.assertTrue(self.transport.disconnected or self.transport.aborting)

    def test_drained_waits_for_the_peer(self):
        """A peer that is behind holds the writer until it has read."""
        self.echo.pauseProducing()
        done = Deferred.fromCoroutine(self.echo.drained())
        self.assertNoResult(done)
        self.echo.resumeProducing()
        self.assertIsNone(self.successResultOf(done))

    def test_drained_fails_when_the_connection_ends(self):
        """Whoever waits for a lost peer is told so."""
        self.echo.pauseProducing()
        done = Deferred.fromCoroutine(self.echo.drained())
        self.echo.connectionLost()
        self.failureResultOf(done, Gone)
        self.failureResultOf(Deferred.fromCoroutine(self.echo.drained()), Gone)

    def test_running_tasks_end_with_the_connection(self):
        """Work launched for a connection is cancelled when it is lost."""

        async def forever():
            await Deferred()

        self.echo.tasks.launch("waiting", forever())
        self.assertEqual(len(self.echo.tasks), 1)
        self.echo.connectionLost()
        self.assertEqual(len(self.echo.tasks), 0)


class SocketTests(TestCase):
    """The same over TCP, where writing is eager."""

    def setUp(self):
        self.made = Deferred()
        self.lost = Deferred()
        case = self

        class Far(Protocol):
            def connectionMade(self):
                self.got = b""

            def dataReceived(self, data):
                self.got += data

            def connectionLost(self, reason):
                case.lost.callback(self.got)

        self.far = Far()
        factory = Factory()
        factory.buildProtocol = self._build
        bound = bind(Place("127.0.0.1", 0))
        self.port = bound.port
        self.addCleanup(bound.listen(reactor, factory).stop)

    def _build(self, _address):
        echo = Echo(reactor, "s2")
        self.made.callback(echo)
        return echo

    async def _connect(self):
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)
        await connectProtocol(endpoint, self.far)

    async def test_large_answers_arrive_whole_and_in_order(self):
        """An eager write that only half succeeds goes on where it stopped."""
        await self._connect()
        echo = await self.made
        blocks = [bytes([n]) * (UNSENT_OCTETS // 2) for n in range(20)]
        for block in blocks:
            await echo.drained()
            echo.send(block)
        echo.send(b"end")
        echo.hang_up()
        got = await self.lost
        self.assertEqual(got, b"hello\n" + b"".join(blocks) + b"end")
        self.assertTrue(echo.is_ended)

    async def test_last_words_outside_of_a_read_arrive_too(self):
        """The end comes a turn later, and what is said last before it."""
        await self._connect()
        (await self.made).hang_up(b"bye\n")
        self.assertEqual(await self.lost, b"hello\nbye\n")

    async def test_last_words_come_before_a_reset(self):
        """Who goes on sending is told why, though nobody reads what it sends."""
        await self._connect()
        echo = await self.made
        hang_up, far = echo.hang_up, self.far.transport.getHandle()

        def last(word):
            far.send(b"and more")
            hang_up(word)

        echo.hang_up = last
        self.far.transport.write(b"quit")
        self.assertEqual(await self.lost, b"hello\nbye\n")

    async def test_a_peer_may_be_behind_by_a_bounded_part(self):
        """What is unsent holds the writer up beyond ``UNSENT_OCTETS``, no sooner."""
        await self._connect()
        echo = await self.made
        self.far.transport.pauseProducing()
        block = bytes(READ_OCTETS)
        sent = until_behind(echo, block)
        self.assertFalse(echo.behind)
        await echo.drained()
        for _ in range(UNSENT_OCTETS // READ_OCTETS):
            echo.send(block)
            sent += len(block)
        self.assertTrue(echo.behind)
        waiting = Deferred.fromCoroutine(echo.drained())
        self.assertFalse(waiting.called)
        self.far.transport.resumeProducing()
        await waiting
        echo.hang_up()
        self.assertEqual(len(await self.lost), len(b"hello\n") + sent)

    async def test_who_hangs_up_in_a_read_is_closed_after_it(self):
        """The last word arrives, the end is told once, and no timer stays."""
        await self._connect()
        echo = await self.made
        ends, hung = [], []
        echo.ended = lambda: ends.append(len(hung))
        hang_up = echo.hang_up

        def last(word):
            hang_up(word)
            hung.append(echo.gone)

        echo.hang_up = last
        self.far.transport.write(b"quit")
        self.assertEqual(await self.lost, b"hello\nbye\n")
        self.assertEqual((ends, hung), ([1], [False]))
        self.assertTrue(echo.gone)
        self.assertIsNone(echo._timer)

    async def test_who_hangs_up_behind_unsent_octets_closes_when_they_are_sent(self):
        """A read that ends the connection loses nothing of a long answer."""
        await self._connect()
        echo = await self.made
        self.far.transport.pauseProducing()
        block = bytes(READ_OCTETS)
        sent = until_behind(echo, block)
        self.far.transport.write(b"quit")
        await deferLater(reactor, 0.01)
        self.far.transport.resumeProducing()
        self.assertEqual(len(await self.lost), len(b"hello\nbye\n") + sent)
        self.assertTrue(echo.is_ended)

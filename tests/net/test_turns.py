"""A reactor with shorter turns reads, writes and disconnects as before."""

import subprocess
import sys
from itertools import count
from types import SimpleNamespace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.net.turns import CALLED_SECONDS, Turns
from tests.support.patience import PATIENCE_SECONDS

SCRIPT = """
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol, ClientFactory
from mailsuite.net.turns import Turns

class Bad(Protocol):
    def dataReceived(self, data):
        self.transport.write(data.upper())
        if data == b"boom":
            raise ValueError("a fault of one connection")

class Near(Protocol):
    def connectionMade(self):
        self.transport.write(self.factory.say)
    def dataReceived(self, data):
        print("read", data.decode(), flush=True)
        if data == b"HELLO":
            self.transport.loseConnection()
    def connectionLost(self, reason):
        print("lost", flush=True)
        self.factory.then()

def connect(say, then):
    factory = ClientFactory()
    factory.protocol, factory.say, factory.then = Near, say, then
    factory.noisy = False
    reactor.connectTCP("127.0.0.1", port.getHost().port, factory)

factory = Factory()
factory.protocol = Bad
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
Turns(reactor).start()
reactor.callLater(0, connect, b"boom", lambda: connect(b"hello", reactor.stop))
reactor.callLater(200, reactor.stop)
reactor.run()
"""

SLOW = """
import socket
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from mailsuite.net.turns import SERVED_SECONDS, Turns

now, turn, served = [0.0], [0], []

class Slow(Protocol):
    def dataReceived(self, data):
        now[0] += SERVED_SECONDS * 0.7
        served.append((turn[0], data.decode()))

def count():
    turn[0] += 1
    if len(served) < 40:
        reactor.callLater(0, count)
    else:
        reactor.stop()

def send():
    for number, near in enumerate(clients):
        near.sendall(b"%d" % number)
    count()

factory = Factory()
factory.protocol = Slow
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
clients = [socket.create_connection(("127.0.0.1", port.getHost().port)) for _ in range(40)]
Turns(reactor, lambda: now[0]).start()
reactor.callLater(0.5, send)
reactor.callLater(200, reactor.stop)
reactor.run()
turns = [turn for turn, _ in served]
print(max(turns.count(one) for one in turns), len({who for _, who in served}))
"""

CALLS = """
import sys
from collections import Counter
from twisted.internet import reactor
from twisted.logger import globalLogBeginner, textFileLogObserver
from mailsuite.net.turns import CALLED_SECONDS, Turns

globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
now, turn, called = [0.0], [0], {"thread": [], "timer": []}

def slow(kind, number):
    now[0] += CALLED_SECONDS * 0.7
    called[kind].append((turn[0], number))
    if number == 5:
        raise ValueError("a fault")
    if len(called["thread"]) == len(called["timer"]) == 40:
        reactor.callLater(0, reactor.stop)

def begin():
    for number in range(40):
        reactor.callFromThread(slow, "thread", number)
        reactor.callLater(0, slow, "timer", number)
        reactor.callLater(100, slow, "never", number).cancel()
        reactor.callLater(0, slow, "never", number).cancel()

turns = Turns(reactor, lambda: now[0])
turns.start()
wait = reactor.doIteration

def count(delay):
    turn[0] += 1
    wait(delay)

reactor.doIteration = count
reactor.callLater(0, begin)
reactor.callLater(200, reactor.stop)
reactor.run()
most = [max(Counter(turn for turn, _ in each).values()) for each in called.values()]
print(most, *(sorted(each, key=lambda one: one[1]) == each for each in called.values()))
"""

CHAIN = """
from twisted.internet import reactor
from mailsuite.net.turns import Turns

turn, made = [0], []

def step(number):
    made.append(turn[0])
    reactor.callLater(0, *([step, number + 1] if number < 9 else [reactor.stop]))

Turns(reactor).start()
wait = reactor.doIteration

def count(delay):
    turn[0] += 1
    wait(delay)

reactor.doIteration = count
reactor.callWhenRunning(step, 0)
reactor.callLater(200, reactor.stop)
reactor.run()
print(*(made[1:].count(one) for one in sorted(set(made[1:]))))
"""


TWICE = """
from twisted.internet import reactor
from twisted.logger import globalLogPublisher
from mailsuite.net.turns import Turns

def stop():
    for _ in range(2):
        reactor.callFromThread(reactor.stop)

def told(event):
    if "log_failure" in event:
        print(event["log_failure"])

globalLogPublisher.addObserver(told)
Turns(reactor).start()
reactor.callWhenRunning(stop)
reactor.addSystemEventTrigger("after", "shutdown", print, "stopped")
reactor.run()
"""


def ran(script):
    """Run it in a process of its own, because a reactor cannot be run twice."""
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )


class TurnsTests(SynchronousTestCase):
    def test_stopped_twice(self):
        """Who asks again for a stop that is under way is no failure."""
        done = ran(TWICE)
        self.assertEqual(done.stdout, "stopped\n")

    def test_events_arrive_and_a_fault_ends_one_connection(self):
        """A raising connection is closed; the next one is served."""
        done = ran(SCRIPT)
        lines = done.stdout.split("\n")
        self.assertEqual(lines.count("lost"), 2, done.stdout)
        self.assertIn("read HELLO", lines)

    def test_a_turn_that_took_long_leaves_the_rest_to_the_next(self):
        """Each of 40 peers is served, two in a turn, as each takes most of its time."""
        done = ran(SLOW)
        self.assertEqual(done.stdout.split(), ["2", "40"])

    def test_who_has_a_descriptor_now_gets_nothing_that_was_told_of_another(self):
        """Serving one peer ends a second, and a third gets its descriptor."""
        served, selectables = [], {1: "first", 2: "second"}

        def serve(selectable, number, event):
            served.append((selectable, number, event))
            selectables[2] = "third"

        poller = SimpleNamespace(poll=lambda _wait, _most: [(1, 4), (2, 16)])
        reactor = SimpleNamespace(
            _selectables=selectables,
            _poller=poller,
            _doReadOrWrite=serve,
            _disconnectSelectable=None,
        )
        Turns(reactor)._turn(0)
        self.assertEqual(served, [("first", 1, 4)])

    def test_timers_that_were_put_off_take_their_time_too(self):
        """Very many of them do not hold up what follows in the turn."""
        clock, ticks = Clock(), count()
        timers = [clock.callLater(1, list) for _ in range(100)]
        for timer in timers:
            timer.delay(1)
        clock.advance(1)
        reactor = SimpleNamespace(seconds=clock.seconds, _cancellations=0)
        turns = Turns(reactor, lambda: next(ticks) * CALLED_SECONDS / 10)
        turns._of_timers(timers, CALLED_SECONDS)
        self.assertEqual(sum(timer.delayed_time > 0 for timer in timers), 89)

    def test_calls_of_threads_and_timers_leave_the_rest_too(self):
        """Both go on, in their order, though each takes most of the time for it."""
        done = ran(CALLS)
        self.assertEqual(done.stdout.split(), ["[2,", "2]", "True", "True"])
        self.assertEqual(done.stderr.count("ValueError: a fault"), 2)

    def test_a_step_and_the_next_are_of_one_turn(self):
        """What goes on at once does so, and lets others have theirs in between."""
        done = ran(CHAIN)
        self.assertEqual(set(done.stdout.split()[:-1]), {"2"})

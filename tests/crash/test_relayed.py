"""Killed while mail leaves: none is lost, few come twice."""

import re
import socketserver
import threading
import time
from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from tests.support import damage
from tests.support.demo import Demo

MESSAGES = 150
KILLS = 3
CONNECTIONS = 4


class Conversation(socketserver.StreamRequestHandler):
    """An SMTP server that keeps at once and answers a little later."""

    def handle(self):
        self.say("220 slow.test ESMTP")
        for line in self.rfile:
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"DATA":
                self.say("354 go on")
                self.keep()
                time.sleep(0.02)
            if verb == b"QUIT":
                self.say("221 bye")
                return
            self.say("250 ok")

    def keep(self):
        octets = b"".join(iter(self.rfile.readline, b".\r\n"))
        number = re.search(rb"X-Number: (\d+)", octets)
        if number:
            self.server.kept[int(number.group(1))] += 1

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


class Slow(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        """Whoever was killed closes without a word."""


class RelayKillTests(SynchronousTestCase):
    def test_between_their_answer_and_our_record(self):
        """At most what each connection had in hand at a kill is sent again."""
        sink = Slow(("127.0.0.1", 0), Conversation)
        self.addCleanup(sink.server_close)
        sink.kept = Counter()
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        self.addCleanup(sink.shutdown)
        settings = {
            "MAILSUITE_RELAY_ROUTES": f"far.test [127.0.0.1]:{sink.server_address[1]}",
            "MAILSUITE_RELAY_PER_DESTINATION": str(CONNECTIONS),
            "MAILSUITE_QUEUE_RETRY_FIRST": "1.0",
        }
        demo = Demo(users=1, settings=settings)
        self.addCleanup(demo.remove)
        demo.start()
        text = "X-Number: %d\r\n\r\nrelayed\r\n"
        with demo.smtp("submission") as client:
            client.login(demo.address(), demo.password())
            for number in range(MESSAGES):
                to = f"n{number}@far.test"
                client.sendmail(demo.address(), [to], text % number)
        for part in range(1, KILLS + 1):
            enough = part * MESSAGES // (KILLS + 1)
            damage.wait_for(lambda enough=enough: len(sink.kept) >= enough, 20)
            demo.kill()
            demo.start()
        damage.wait_for(lambda: len(sink.kept) == MESSAGES, 30)
        time.sleep(0.5)
        doubled = sum(count - 1 for count in sink.kept.values())
        self.assertLessEqual(doubled, KILLS * CONNECTIONS, sink.kept.most_common(5))
        self.assertEqual(demo.stop(), 0)
        self.assertIn(" 0 findings", demo.command("verify", check=False))

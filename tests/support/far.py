"""Another server, to which a demo relays, and the demo's own keys."""

import json
import socketserver
import threading
import time

from attrs import frozen

from tests.support.patience import PATIENCE_SECONDS


@frozen
class Key:
    name: str
    record: str
    selector: str
    state: str


class Conversation(socketserver.StreamRequestHandler):
    """An SMTP server that keeps whole messages; ``refused`` recipients get 550."""

    def handle(self):
        self.say("220 far.test ESMTP")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-far.test\r\n250-8BITMIME\r\n250 SIZE 100000000")
            elif verb == b"DATA":
                self.say("354 go on")
                self.keep()
            elif verb == b"RCPT" and b"refused" in line:
                self.say("550 5.1.1 no")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def keep(self):
        lines = iter(self.rfile.readline, b".\r\n")
        octets = b"".join(one[1:] if one[:1] == b"." else one for one in lines)
        self.server.kept.append(octets)
        self.say("250 ok")

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


class Far(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


def keys(demo):
    """The keys of the demo's domain."""
    answer = json.loads(demo.command("dkim", "list", "example.test", "--json"))
    return [
        Key(one["name"], one["record"], one["selector"], one["state"])
        for one in answer["keys"]
    ]


def arrived(case):
    """The next message that the far server got."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not case.far.kept:
        case.assertLess(time.monotonic(), end, case.demo.output())
        time.sleep(0.02)
    return case.far.kept.pop(0)


def serving():
    """Such a server on a free port of loopback."""
    far = Far(("127.0.0.1", 0), Conversation)
    far.kept = []
    threading.Thread(target=far.serve_forever, daemon=True).start()
    return far

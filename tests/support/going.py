"""Faults on a suite that relays, restarts with a full queue, or runs for long."""

import base64
import re
import socketserver
import threading
import time
from collections import Counter
from pathlib import Path

from tests.support import damage, faults
from tests.support.demo import Demo
from tests.support.ledger import Ledger, message
from tests.support.patience import PATIENCE_SECONDS

CONNECTIONS = 4
IN_HAND = 2 * CONNECTIONS
"""At each connection one message under way, and one whose outcome is being synced."""


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


class Submitter(Ledger):
    """A ledger of what the first user submits to ``far.test``."""

    def __init__(self, demo):
        super().__init__(["someone@far.test"], size=300)
        self.sender = demo.address().encode()
        secret = f"\0{demo.address()}\0{demo.password()}".encode()
        self.login = b"AUTH PLAIN " + base64.b64encode(secret)

    def _greet(self, session):
        super()._greet(session)
        session.command(self.login, b"235")

    def _one(self, session, number):
        session.command(b"MAIL FROM:<" + self.sender + b">")
        session.command(b"RCPT TO:<n%d@far.test>" % number)
        session.command(b"DATA", b"354")
        octets = message(number, self.size)
        octets = octets.replace(b"sender@example.org", self.sender, 1)
        session.socket.sendall(octets + b".\r\n")
        session.expect(b"250")
        with self.lock:
            self.acked[number] = "far.test"


def submitted(demo, count):
    """Let at least ``count`` messages be taken over; gives their ledger."""
    ledger = Submitter(demo)
    ledger.start((demo.ready["host"], demo.ready["submission"]))
    ledger.wait_for(count, 2 * PATIENCE_SECONDS)
    ledger.stop()
    return ledger


def relay_kills(messages, kills):
    """SIGKILL between the other server's answer and our record of it."""
    sink = Slow(("127.0.0.1", 0), Conversation)
    sink.kept = Counter()
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    settings = {
        "MAILSUITE_RELAY_ROUTES": f"far.test [127.0.0.1]:{sink.server_address[1]}",
        "MAILSUITE_RELAY_PER_DESTINATION": str(CONNECTIONS),
        "MAILSUITE_QUEUE_RETRY_FIRST": "1.0",
    }
    demo = Demo(users=1, settings=settings)
    figures = faults.Figures()
    try:
        demo.start()
        ledger = submitted(demo, messages)
        figures.acked = len(ledger.acked)
        before = len(sink.kept)
        for part in range(1, kills + 1):
            enough = before + part * (figures.acked - before) // (kills + 1)
            damage.wait_for(lambda enough=enough: len(sink.kept) >= enough)
            demo.kill()
            figures.faults += 1
            demo.launch()
            figures.seconds.append(demo.wait())
        damage.wait_for(lambda: set(ledger.acked) <= set(sink.kept))
        time.sleep(0.5)
        figures.lost = len(set(ledger.acked) - set(sink.kept))
        figures.doubled = sum(sink.kept.values()) - len(sink.kept)
        figures.findings = ended(demo)
    finally:
        demo.remove()
        sink.shutdown()
        sink.server_close()
    return figures


def ended(demo):
    """What ``verify`` says of a suite that stopped cleanly."""
    if demo.stop() != 0:
        return "unclean exit"
    return demo.command("verify", check=False).strip().splitlines()[-1]


def full_queue(messages, restarts):
    """Kill and start with so many messages due for a server that refuses them."""
    settings = {"MAILSUITE_RELAY_ROUTES": "far.test [127.0.0.1]:1"}
    demo = Demo(users=1, settings=settings)
    demo.stalls = None
    figures = faults.Figures()
    try:
        demo.start()
        ledger = submitted(demo, messages)
        figures.acked = len(ledger.acked)
        for _ in range(restarts):
            demo.kill()
            figures.faults += 1
            demo.launch()
            figures.seconds.append(demo.wait())
        figures.lost = len(set(ledger.acked) - queued(demo))
        figures.findings = ended(demo)
    finally:
        demo.remove()
    return figures


def queued(demo):
    """Numbers of the messages that the queue of a running suite tells."""
    listed = demo.command("queue", "list", "--limit", "1000000")
    return {int(number) for number in re.findall(r"\bn(\d+)@far\.test", listed)}


def soak(seconds):
    """Receive, read and expunge at full load; gives also (seconds, KiB, files)."""
    demo = Demo()
    figures, seen = faults.Figures(), []
    try:
        demo.start()
        faults.without_sample_mail(demo)
        ledger = Ledger(faults.recipients(demo))
        ledger.start(("127.0.0.1", demo.ready["smtp"]), sessions=4)
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            for user in range(1, demo.users + 1):
                figures.acked += emptied(demo, user)
            seen.append((time.monotonic() - began, *resident(demo.ready["pid"])))
        ledger.stop()
        damage.wait_for(lambda: not rest(demo, figures, len(ledger.acked)))
        figures.lost = len(ledger.acked) - figures.acked
        figures.findings = ended(demo)
    finally:
        demo.remove()
    return figures, seen


def rest(demo, figures, acked):
    """How many of the acknowledged messages nobody has read yet."""
    figures.acked += sum(emptied(demo, user) for user in range(1, demo.users + 1))
    return acked - figures.acked


def emptied(demo, user):
    """Read all that lies in an INBOX, and expunge it; gives how many there were."""
    with demo.imap(user) as client:
        count = int(client.select("INBOX")[1][0])
        if count:
            client.fetch(f"1:{count}", "(FLAGS BODY.PEEK[])")
            client.store(f"1:{count}", "+FLAGS.SILENT", "(\\Deleted)")
            client.expunge()
    return count


def slope(seen):
    """MiB of growth in ten minutes, by least squares over the second half."""
    half = seen[len(seen) // 2 :]
    middle = sum(row[0] for row in half) / len(half)
    mean = sum(row[1] for row in half) / len(half)
    spread = sum((row[0] - middle) ** 2 for row in half) or 1.0
    rise = sum((row[0] - middle) * (row[1] - mean) for row in half) / spread
    return rise * 600 / 1024


def resident(pid):
    """KiB of memory in use, and open descriptors."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    memory = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return memory, len(list(Path(f"/proc/{pid}/fd").iterdir()))

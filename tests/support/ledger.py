"""Numbered messages, and a ledger of every one that a server took over.

A message carries its number and the hash of its body, so that a file says of
itself whether it is whole. What the ledger holds must lie in exactly one copy.
"""

import hashlib
import socket
import threading
import time
from collections import Counter
from pathlib import Path

from tests.support.patience import PATIENCE_SECONDS


class Session:
    """A blocking SMTP client that trusts nothing: a reply counts when it is whole."""

    def __init__(self, address, timeout=PATIENCE_SECONDS):
        self.socket = socket.create_connection(address, timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        try:
            self.expect(b"220")
        except OSError:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def reply(self):
        while True:
            while b"\r\n" not in self.buffer:
                data = self.socket.recv(65536)
                if not data:
                    raise ConnectionError("closed by the server")
                self.buffer += data
            line, self.buffer = self.buffer.split(b"\r\n", 1)
            if line[3:4] != b"-":
                return line

    def expect(self, code):
        line = self.reply()
        if not line.startswith(code):
            raise ConnectionError(line.decode("ascii", "replace"))
        return line

    def command(self, text, code=b"2"):
        self.socket.sendall(text + b"\r\n")
        return self.expect(code)


def message(number, size=3000):
    """The octets of message ``number``, about ``size`` long."""
    line = f"line of message {number}, repeated until it is long enough\r\n".encode()
    body = line * (1 + size // len(line))
    digest = hashlib.sha256(body).hexdigest()
    header = (
        f"From: Sender <sender@example.org>\r\nTo: <user1@example.test>\r\n"
        f"Subject: number {number}\r\nMessage-ID: <n{number}@example.org>\r\n"
        f"X-Number: {number}\r\nX-Hash: {digest}\r\n\r\n"
    )
    return header.encode() + body


def read(path):
    """(number, whole) of a stored message; (None, False) where it is torn."""
    octets = Path(path).read_bytes()
    header, _, body = octets.partition(b"\r\n\r\n")
    fields = dict(
        line.split(b": ", 1) for line in header.split(b"\r\n") if b": " in line
    )
    if b"X-Number" not in fields or b"X-Hash" not in fields:
        return None, False
    whole = hashlib.sha256(body).hexdigest().encode() == fields[b"X-Hash"]
    return int(fields[b"X-Number"]), whole


class Ledger:
    """Senders that go on until stopped, and what they were promised."""

    def __init__(self, recipients, size=3000):
        self.recipients = recipients
        self.size = size
        self.next = 0
        self.acked = {}
        self.refused = Counter()
        self.lock = threading.Lock()
        self.halt = threading.Event()
        self.threads = []
        self.address = None

    def start(self, address, sessions=8):
        """Send over so many connections, anew whenever one breaks."""
        self.address = address
        self.halt.clear()
        self.threads = [
            threading.Thread(target=self._send, daemon=True) for _ in range(sessions)
        ]
        for thread in self.threads:
            thread.start()

    def stop(self):
        """Let every sender finish the message it is at, and end."""
        self.halt.set()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)
        if any(thread.is_alive() for thread in self.threads):
            raise AssertionError("a sender hangs")

    def _number(self):
        with self.lock:
            self.next += 1
            return self.next

    def _send(self):
        while not self.halt.is_set():
            try:
                with Session(self.address) as session:
                    self._greet(session)
                    while not self.halt.is_set():
                        self._one(session, self._number())
            except OSError as error:
                with self.lock:
                    self.refused[str(error)[:60]] += 1
                time.sleep(0.02)

    def _greet(self, session):
        session.command(b"EHLO ledger.example")

    def _one(self, session, number):
        recipient = self.recipients[number % len(self.recipients)]
        session.command(b"MAIL FROM:<sender@example.org>")
        session.command(b"RCPT TO:<" + recipient.encode() + b">")
        session.command(b"DATA", b"354")
        session.socket.sendall(message(number, self.size) + b".\r\n")
        session.expect(b"250")
        with self.lock:
            self.acked[number] = recipient

    def wait_for(self, count, seconds=PATIENCE_SECONDS):
        """Wait until so many messages are acknowledged in all."""
        end = time.monotonic() + seconds
        while len(self.acked) < count:
            if time.monotonic() > end:
                raise AssertionError(
                    f"{len(self.acked)} of {count} acknowledged; {self.refused}"
                )
            time.sleep(0.005)


def settled(paths, wanted, seconds=PATIENCE_SECONDS):
    """Wait until the files hold every wanted number; gives (counts, torn).

    ``paths`` gives the files of now. Counting goes on while the number of files
    still changes, so that a late second copy is seen too.
    """
    end = time.monotonic() + seconds
    known = {}
    before = -1
    while True:
        now = paths()
        # torn ones are read anew: a server that just started sets them aside
        known = {name: what for name, what in known.items() if what[1]}
        for path in now:
            if path.name.split(":")[0] not in known:
                try:
                    known[path.name.split(":")[0]] = read(path)
                except FileNotFoundError:
                    continue
        counts = Counter(number for number, _ in known.values())
        torn = [name for name, (_, whole) in known.items() if not whole]
        missing = set(wanted) - set(counts)
        if (not missing and not torn and len(now) == before) or time.monotonic() > end:
            return counts, torn
        before = len(now)
        time.sleep(0.3)

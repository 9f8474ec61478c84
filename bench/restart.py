#!/usr/bin/env python3
"""How soon the suite answers again with a full queue, as JSON lines.

usage: restart.py FOLDER [--queued 10000]

Starts `mailsuite demo` in FOLDER, submits QUEUED messages to a host that refuses
connections, so that they wait in the queue, kills it with SIGKILL, and measures
the time until it is ready and SMTP answers; then the same after a clean stop.
"""

import argparse
import base64
import threading

from benchlib import Line, Target
from servers import Suite

MESSAGE = b"From: %s\r\nSubject: queued\r\n\r\n" + b"x" * 78 + b"\r\n.\r\n"
SESSIONS = 8


class Submission(Line):
    """A pipelining client of the submission port."""

    def __init__(self, target, user):
        super().__init__(target.port("submission"))
        self.user = user.encode()
        self.reply(b"220")
        self.send(b"EHLO bench.example\r\n")
        self.reply(b"250")
        secret = b"\0%s\0%s" % (self.user, target.password(user).encode())
        self.send(b"AUTH PLAIN " + base64.b64encode(secret) + b"\r\n")
        self.reply(b"235")

    def reply(self, want):
        while (line := self.line())[3:4] == b"-":
            pass
        if not line.startswith(want):
            raise RuntimeError(line)

    def submit(self, number):
        self.send(
            b"MAIL FROM:<%s>\r\nRCPT TO:<n%d@far.test>\r\nDATA\r\n"
            % (self.user, number)
        )
        for want in (b"250", b"250", b"354"):
            self.reply(want)
        self.send(MESSAGE % self.user)
        self.reply(b"250")


def fill(target, queued):
    failed = []

    def session(start):
        try:
            client = Submission(target, target.user(start + 1))
            for number in range(start, queued, SESSIONS):
                client.submit(number)
            client.close()
        except Exception as error:
            failed.append(repr(error))

    threads = [threading.Thread(target=session, args=(n,)) for n in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit("\n".join(failed))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--queued", type=int, default=10_000)
    args = parser.parse_args()
    suite = Suite(args.folder)
    closed = suite.base + 1  # a port that nobody listens at
    suite.settings["MAILSUITE_RELAY_ROUTES"] = f"far.test [127.0.0.1]:{closed}"
    suite.start()
    try:
        target = Target(suite.target)
        fill(target, args.queued)
        suite.kill()
        target.emit("restart.killed", suite.start(), "s", "lower", queued=args.queued)
        suite.stop()
        target.emit("restart.stopped", suite.start(), "s", "lower", queued=args.queued)
    finally:
        suite.stop()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""LMTP (or SMTP) delivery of the realistic corpus, as JSON lines.

usage: lmtp_bench.py TARGET [--count 2000] [--sessions 4] [--rcpts 1]
                     [--smtp] [--seed 1] [--repeat 1]

Delivers COUNT corpus messages over SESSIONS kept-open sessions to TARGET's
lmtp= port (smtp= with --smtp), each to RCPTS users in turn. An LMTP reply
means stored, so its rate is end to end; with --smtp the time until user
mailboxes hold all is measured too (see benchlib.py for how they are counted).
"""

import argparse
import threading
import time

from benchlib import (
    MB,
    Line,
    Target,
    cpu_seconds,
    message_count,
    median,
    percentile,
    wait_delivered,
)
from generate import Corpus

ap = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
ap.add_argument("target", type=Target)
ap.add_argument("--count", type=int, default=2000)
ap.add_argument("--sessions", type=int, default=4)
ap.add_argument("--rcpts", type=int, default=1)
ap.add_argument("--smtp", action="store_true")
ap.add_argument("--seed", type=int, default=1)
ap.add_argument("--repeat", type=int, default=1)
args = ap.parse_args()
t = args.target
proto = "smtp" if args.smtp else "lmtp"
address = t.port(proto)


def stuffed(raw):
    raw = raw.replace(b"\r\n.", b"\r\n..")
    if raw.startswith(b"."):
        raw = b"." + raw
    return raw + (b"" if raw.endswith(b"\r\n") else b"\r\n") + b".\r\n"


messages = [stuffed(m.raw) for m in Corpus(args.seed, t["domain"]).messages(args.count)]
users = [t.user(n + 1) for n in range(int(t["users"]))]


class Session(Line):
    def reply(self, want):
        while True:
            line = self.line()
            if line[3:4] != b"-":
                break
        if not line.startswith(want):
            raise RuntimeError(line)

    def cmd(self, text, want=b"2"):
        self.send(text + b"\r\n")
        self.reply(want)


def run():
    work, lock, took, errors = iter(enumerate(messages)), threading.Lock(), [], []

    def deliver(s):
        while True:
            with lock:
                n, raw = next(work, (None, None))
            if raw is None:
                s.cmd(b"QUIT")
                return False
            start = time.perf_counter()
            s.cmd(b"MAIL FROM:<sender@example.org>")
            for r in range(args.rcpts):
                s.cmd(b"RCPT TO:<%s>" % users[(n + r) % len(users)].encode())
            s.cmd(b"DATA", b"354")
            s.send(raw)
            try:
                for _ in range(1 if args.smtp else args.rcpts):
                    s.reply(b"250")
            except RuntimeError as e:
                errors.append(repr(e)[:200])  # a few messages hold a bare LF
                return True
            took.append(time.perf_counter() - start)

    def session():
        try:
            again = True
            while again:
                s = Session(address)
                s.reply(b"220")
                s.cmd(b"EHLO bench.example" if args.smtp else b"LHLO bench.example")
                again = deliver(s)
                s.close()
        except Exception as e:
            errors.append(repr(e)[:200])

    before = sum(message_count(t, u) for u in users) if args.smtp else 0
    pid = t.pid()
    cpu = cpu_seconds(pid) if pid else 0
    threads = [threading.Thread(target=session) for _ in range(args.sessions)]
    start = time.monotonic()
    for th in threads:
        th.start()
    for th in threads:
        th.join()
    wall = time.monotonic() - start
    done = len(took)
    size = sum(map(len, messages))
    extra = {"count": args.count, "sessions": args.sessions, "rcpts": args.rcpts}
    t.emit(
        proto + ".corpus_accepted",
        done / wall,
        "msg/s",
        mb_s=round(size * done / args.count / MB / wall, 2),
        errors=len(errors),
        p50_ms=round(median(took or [0]) * 1000, 2),
        p95_ms=round(percentile(took or [0], 0.95) * 1000, 2),
        first_error=errors[0] if errors else "",
        **extra,
    )
    if args.smtp:
        end, got = wait_delivered(t, before, done * args.rcpts, users)
        if end:
            t.emit("smtp.corpus_delivered", done / (end - start), "msg/s", **extra)
        else:
            t.emit(
                "smtp.corpus_delivered",
                0,
                "msg/s",
                failed=f"only {got} arrived",
                **extra,
            )
    if pid and done:
        t.emit(
            proto + ".corpus_cpu",
            (cpu_seconds(pid) - cpu) * 1000 / done,
            "cpu_ms/msg",
            "lower",
            **extra,
        )


for _ in range(args.repeat):
    run()

#!/usr/bin/env python3
"""POP3 figures of one server, as JSON lines (standard library only).

usage: pop3_bench.py TARGET [--messages 1000] [--sessions 1] [--repeat 3]
                     [--user 2] [--seed 1] [--keep]

Fills userN's INBOX over IMAP (imap= port) with MESSAGES corpus messages if it
does not hold exactly that many, then measures on pop3=: login+STAT, UIDL and
LIST, RETR of all one by one, RETR of all pipelined 16 deep, TOP 0 of all, and
at last DELE of all + QUIT (not with --keep). SESSIONS > 1 adds a figure for so
many users at once, each with the same messages.
"""

import argparse
import threading
import time

from benchlib import (
    MB,
    Imap,
    Line,
    Target,
    empty_mailbox,
    median,
    message_count,
    spread,
    timed,
)

ap = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
ap.add_argument("target", type=Target)
ap.add_argument("--messages", type=int, default=1000)
ap.add_argument("--sessions", type=int, default=1)
ap.add_argument("--repeat", type=int, default=3)
ap.add_argument("--user", type=int, default=2)
ap.add_argument("--seed", type=int, default=1)
ap.add_argument("--keep", action="store_true")
args = ap.parse_args()
t, K = args.target, args.messages


class Pop3(Line):
    def __init__(self, user):
        super().__init__(t.port("pop3"))
        self.ok()
        self.cmd(b"USER " + user.encode())
        self.cmd(b"PASS " + t.password(user).encode())

    def ok(self):
        line = self.line()
        if not line.startswith(b"+OK"):
            raise RuntimeError(line)
        return line

    def cmd(self, text):
        self.send(text + b"\r\n")
        return self.ok()

    def multi(self):
        """Read one multi-line reply (status line included); -> its size."""
        total, data = 0, self.buf
        while True:
            end = data.find(b"\r\n.\r\n")
            if data[:4] == b"-ERR":
                raise RuntimeError(data[:200])
            if end >= 0:
                self.buf = data[end + 5 :]
                return total + end + 5
            if len(data) > 1 << 16:
                total += len(data) - 4
                data = data[-4:]
            more = self.sock.recv(1 << 20)
            if not more:
                raise ConnectionError("closed")
            data += more

    def retr_all(self, verb=b"RETR %d", depth=1):
        size = 0
        for first in range(1, K + 1, depth):
            batch = range(first, min(first + depth, K + 1))
            self.send(b"".join(verb % n + b"\r\n" for n in batch))
            for _ in batch:
                size += self.multi()
        return size


def fill(user):
    if message_count(t, user) == K:
        return
    from generate import Corpus

    empty_mailbox(t, user)
    c = Imap(t, user)
    waiting = []
    for m in Corpus(args.seed).messages(K):
        waiting.append(c.append(b"INBOX", m.raw, [], m.date))
        if len(waiting) == 16:
            for tag in waiting:
                c.read_until(tag, False)
            waiting = []
    for tag in waiting:
        c.read_until(tag, False)
    c.close()


def session(user):
    start = time.perf_counter()
    p = Pop3(user)
    p.cmd(b"STAT")
    return time.perf_counter() - start, p


def quit(p):
    p.cmd(b"QUIT")
    p.close()


user = t.user(args.user)
fill(user)
first, p = session(user)
quit(p)
t.emit("pop3.login_stat_first", first * 1000, "ms", "lower")
took = []
for _ in range(10):
    s, p = session(user)
    took.append(s * 1000)
    quit(p)
t.emit("pop3.login_stat", median(took), "ms", "lower", **spread(took))
for metric, verb, depth in (
    ("retr", b"RETR %d", 1),
    ("retr_pipelined", b"RETR %d", 16),
    ("top", b"TOP %d 0", 1),
):
    rates, mbs = [], []
    for _ in range(args.repeat):
        p = session(user)[1]
        s, size = timed(p.retr_all, verb, depth)
        rates.append(K / s)
        mbs.append(size / MB / s)
        quit(p)
    t.emit(
        "pop3." + metric,
        median(rates),
        "msg/s",
        mb_s=round(median(mbs), 2),
        **spread(rates),
    )
p = session(user)[1]
uidl = []
for _ in range(args.repeat):
    start = time.perf_counter()
    p.send(b"UIDL\r\n")
    p.multi()
    p.send(b"LIST\r\n")
    p.multi()
    uidl.append((time.perf_counter() - start) * 1000)
quit(p)
t.emit("pop3.uidl_list", median(uidl), "ms", "lower", **spread(uidl))
if args.sessions > 1:
    names = [t.user(args.user + n) for n in range(args.sessions)]
    for n in names:
        fill(n)
    sizes = []

    def one(name):
        p = session(name)[1]
        sizes.append(p.retr_all())
        quit(p)

    threads = [threading.Thread(target=one, args=(n,)) for n in names]
    start = time.perf_counter()
    for th in threads:
        th.start()
    for th in threads:
        th.join()
    s = time.perf_counter() - start
    t.emit(
        "pop3.retr_concurrent",
        K * len(sizes) / s,
        "msg/s",
        sessions=args.sessions,
        finished=len(sizes),
        mb_s=round(sum(sizes) / MB / s, 2),
    )
if not args.keep:
    p = session(user)[1]

    def delete():
        p.send(b"".join(b"DELE %d\r\n" % n for n in range(1, K + 1)))
        for _ in range(K):
            p.ok()
        quit(p)

    s, _ = timed(delete)
    t.emit("pop3.delete_all", K / s, "msg/s")

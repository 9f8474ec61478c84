#!/usr/bin/env python3
"""IMAP load figures of one server, as JSON lines (standard library only).

usage: imap_bench.py TARGET [--messages 10000] [--suite a,b,...] [--repeat 3]
                     [--clients 10] [--seconds 10] [--idle 1000] [--keep]
                     [--cold-hook CMD] [--seed 1] [--mailbox bench]

TARGET: see benchlib.py (needs imap=; pid= or pidfile= for memory and CPU).
Suites, in their order:
  append  APPEND one by one, then 16 in flight, until the mailbox has K
  select  SELECT, STATUS latency on a new connection
  fetch   1:* (UID FLAGS); 1:* (ENVELOPE BODYSTRUCTURE INTERNALDATE
          RFC822.SIZE) cold (first time) and warm; BODY.PEEK[HEADER.FIELDS];
          BODY.PEEK[] MB/s
  search  flag, size, date, header, TEXT and BODY searches, SORT, THREAD
  store   1:* flag changes, one-by-one UID STORE
  copy    COPY, then EXPUNGE of 1000
  mixed   concurrent clients, each with a webmail-like mix, commands/s
  idle    N idling connections: memory, and time to notify 50 of them
--keep uses the mailbox left by an earlier run with --keep if it holds K
messages. CMD is run by the shell before each cold figure (restart the server
there to make "cold" mean cold). The mailbox is user1's; idle spreads over all.
"""

import argparse
import itertools
import random
import re
import resource
import subprocess
import threading
import time

from benchlib import (
    MB,
    Imap,
    Target,
    cpu_seconds,
    median,
    memory,
    percentile,
    spread,
    timed,
)

ap = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
ap.add_argument("target", type=Target)
ap.add_argument("--messages", type=int, default=10000)
ap.add_argument("--suite", default="append,select,fetch,search,store,copy,mixed,idle")
ap.add_argument("--repeat", type=int, default=3)
ap.add_argument("--clients", type=int, default=10)
ap.add_argument("--seconds", type=float, default=10)
ap.add_argument("--idle", type=int, default=1000)
ap.add_argument("--seed", type=int, default=1)
ap.add_argument("--mailbox", default="bench")
ap.add_argument("--keep", action="store_true")
ap.add_argument("--cold-hook", default="")
args = ap.parse_args()
target, K = args.target, args.messages
BOX = args.mailbox.encode()


def cold():
    if args.cold_hook:
        subprocess.run(args.cold_hook, shell=True, check=True)


def selected(box=BOX, user=None):
    c = Imap(target, user)
    c.ok(b"SELECT " + box)
    return c


def repeat(metric, fn, unit="ms", amount=None, times=None, **extra):
    """Median of several runs: a latency in ms, or amount/second."""
    took = [timed(fn)[0] for _ in range(times or args.repeat)]
    if amount is None:
        target.emit(
            metric,
            median(took) * 1000,
            unit,
            "lower",
            **spread([t * 1000 for t in took]),
            **extra,
        )
    else:
        target.emit(
            metric,
            amount / median(took),
            unit,
            "higher",
            **spread([amount / t for t in took]),
            **extra,
        )


def prepare():
    c = Imap(target)
    if args.keep:
        status, data = c.command(b"STATUS %s (MESSAGES)" % BOX)[2:0:-1]
        found = re.search(rb"MESSAGES (\d+)", data)
        if status.startswith(b"OK") and found and int(found.group(1)) == K:
            c.close()
            return False
    c.command(b"DELETE " + BOX)
    c.ok(b"CREATE " + BOX)
    c.close()
    return True


def suite_append(measure=True):
    from generate import Corpus

    corpus = list(Corpus(args.seed).messages(K))
    c = Imap(target)
    pid = target.pid()
    cpu = cpu_seconds(pid) if pid else 0
    first = corpus[: max(1, K // 5)]
    took, _ = timed(lambda: [c.append_ok(BOX, m.raw, m.flags, m.date) for m in first])
    size = sum(len(m.raw) for m in first)
    if measure:
        target.emit(
            "imap.append_one_by_one",
            len(first) / took,
            "msg/s",
            mb_s=round(size / MB / took, 2),
        )
    rest = corpus[len(first) :]

    def pipelined():
        waiting = []
        for m in rest:
            waiting.append(c.append(BOX, m.raw, m.flags, m.date))
            if len(waiting) == 16:
                for tag in waiting:
                    c.read_until(tag, False)
                waiting = []
        for tag in waiting:
            c.read_until(tag, False)

    if rest:
        took, _ = timed(pipelined)
        size = sum(len(m.raw) for m in rest)
        if measure:
            target.emit(
                "imap.append_pipelined",
                len(rest) / took,
                "msg/s",
                mb_s=round(size / MB / took, 2),
            )
    if pid and measure:
        target.emit(
            "imap.append_cpu",
            (cpu_seconds(pid) - cpu) / K * 1000,
            "cpu_ms/msg",
            "lower",
        )
    c.close()


def suite_select():
    def fresh():
        c = Imap(target)
        took, _ = timed(c.ok, b"SELECT " + BOX)
        c.close()
        return took * 1000

    cold()
    target.emit("imap.select_first", fresh(), "ms", "lower")
    again = [fresh() for _ in range(20)]
    target.emit("imap.select", median(again), "ms", "lower", **spread(again))
    c = Imap(target)
    repeat(
        "imap.status",
        lambda: c.ok(b"STATUS %s (MESSAGES UIDNEXT UNSEEN)" % BOX),
        times=20,
    )
    repeat("imap.noop", lambda: c.ok(b"NOOP"), times=200)
    repeat("imap.login", lambda: Imap(target).close(), times=30)
    c.close()


ALL = b"FETCH 1:* (ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE)"


def suite_fetch():
    cold()
    c = selected()
    took, size = timed(c.ok, ALL, False)
    target.emit(
        "imap.fetch_envelope_cold",
        K / took,
        "msg/s",
        seconds=round(took, 3),
        bytes=size,
    )
    c.close()
    c = selected()
    repeat("imap.fetch_envelope_warm", lambda: c.ok(ALL, False), "msg/s", K)
    repeat(
        "imap.fetch_flags", lambda: c.ok(b"FETCH 1:* (UID FLAGS)", False), "msg/s", K
    )
    repeat(
        "imap.fetch_header_fields",
        lambda: c.ok(
            b"FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])",
            False,
        ),
        "msg/s",
        K,
    )
    bodies = [timed(c.ok, b"FETCH 1:* BODY.PEEK[]", False) for _ in range(args.repeat)]
    rates = [size / MB / took for took, size in bodies]
    target.emit(
        "imap.fetch_body",
        median(rates),
        "MB/s",
        **spread(rates),
        msg_s=round(K / median([t for t, _ in bodies]), 1),
    )
    rng = random.Random(2)
    picks = [rng.randint(1, K) for _ in range(300)]
    repeat(
        "imap.fetch_one_body",
        lambda: [c.ok(b"FETCH %d (FLAGS BODY.PEEK[])" % n, False) for n in picks],
        "cmd/s",
        len(picks),
    )
    c.close()


def suite_search():
    c = selected()
    queries = [
        ("unseen", b"UNSEEN"),
        ("keyword", b"KEYWORD $Junk"),
        ("larger", b"LARGER 20000"),
        ("since", b"SINCE 1-Mar-2020"),
        ("from", b"FROM garcia"),
        ("subject", b"SUBJECT invoice"),
        ("header", b"HEADER List-Id dev.lists"),
        ("or", b"OR FLAGGED (UNSEEN SUBJECT report)"),
        ("uid_range", b"UID 100:200 SEEN"),
        ("body", b"BODY museum"),
        ("text", b"TEXT bicycle"),
        ("text_absent", b"TEXT qqzzxxabsent"),
    ]
    for name, q in queries:
        slow = name in ("body", "text", "text_absent")
        first, data = timed(c.ok, b"UID SEARCH " + q)
        hits = len(data.split(b"\r\n")[0].split()) - 2
        if name in ("from", "subject", "header", "body", "text"):
            target.emit(
                f"imap.search_{name}_first", first * 1000, "ms", "lower", hits=hits
            )
        repeat(
            f"imap.search_{name}",
            lambda: c.ok(b"UID SEARCH " + q),
            times=2 if slow else args.repeat * 2,
            hits=hits,
        )
    if b"SORT" in c.caps:
        repeat("imap.sort_date", lambda: c.ok(b"UID SORT (DATE) UTF-8 ALL"))
        repeat("imap.sort_subject", lambda: c.ok(b"UID SORT (SUBJECT) UTF-8 ALL"))
    if b"THREAD=REFERENCES" in c.caps:
        repeat(
            "imap.thread_references", lambda: c.ok(b"UID THREAD REFERENCES UTF-8 ALL")
        )
    c.close()


def suite_store():
    c = selected()

    def both(silent):
        c.ok(b"STORE 1:* +FLAGS%s (\\Flagged)" % silent, False)
        c.ok(b"STORE 1:* -FLAGS%s (\\Flagged)" % silent, False)

    repeat("imap.store_all", lambda: both(b""), "msg/s", 2 * K)
    repeat("imap.store_all_silent", lambda: both(b".SILENT"), "msg/s", 2 * K)
    # one round sets the flag, the next takes it away: every command changes something
    c.ok(b"STORE 1:* -FLAGS.SILENT (\\Answered)", False)
    picks = random.Random(3).sample(range(1, K + 1), min(500, K))
    signs = itertools.cycle(b"+-")

    def one_by_one():
        sign = next(signs)
        for n in picks:
            c.ok(b"STORE %d %cFLAGS (\\Answered)" % (n, sign))

    repeat("imap.store_one_by_one", one_by_one, "cmd/s", len(picks))
    c.close()


def suite_copy():
    c = selected()
    n = min(1000, K)
    c.command(b"DELETE %s-copy" % BOX)
    c.ok(b"CREATE %s-copy" % BOX)
    repeat(
        "imap.copy", lambda: c.ok(b"COPY 1:%d %s-copy" % (n, BOX), False), "msg/s", n
    )
    c.ok(b"SELECT %s-copy" % BOX)
    c.ok(b"STORE 1:%d +FLAGS.SILENT (\\Deleted)" % n, False)
    took, _ = timed(c.ok, b"EXPUNGE", False)
    target.emit("imap.expunge", n / took, "msg/s")
    c.ok(b"CLOSE")
    c.ok(b"DELETE %s-copy" % BOX)
    c.close()


def suite_mixed():
    stop = time.monotonic() + args.seconds
    took, errors, lock = [], [], threading.Lock()

    def client(n):
        rng, mine = random.Random(n), []
        try:
            c = selected()
            while time.monotonic() < stop:
                at = rng.randint(1, max(1, K - 50))
                one = rng.randint(1, K)
                for cmd in (
                    b"NOOP",
                    b"FETCH %d:%d (UID FLAGS ENVELOPE BODYSTRUCTURE)" % (at, at + 49),
                    b"FETCH %d (UID BODY.PEEK[])" % one,
                    b"STORE %d +FLAGS (\\Seen)" % one,
                    b"UID SEARCH UNSEEN",
                    b"FETCH %d:* (UID FLAGS)" % max(1, K - 200),
                    b"STORE %d -FLAGS (\\Seen)" % one,
                    b"STATUS INBOX (MESSAGES UNSEEN)",
                ):
                    mine.append(timed(c.ok, cmd, False)[0])
            c.close()
        except Exception as e:
            errors.append(repr(e)[:200])
        with lock:
            took.extend(mine)

    pid = target.pid()
    cpu = cpu_seconds(pid) if pid else 0
    threads = [threading.Thread(target=client, args=(i,)) for i in range(args.clients)]
    start = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    wall = time.monotonic() - start
    took = took or [0]
    target.emit(
        "imap.mixed",
        len(took) / wall,
        "cmd/s",
        clients=args.clients,
        errors=len(errors),
        p50_ms=round(median(took) * 1000, 2),
        p95_ms=round(percentile(took, 0.95) * 1000, 2),
        first_error=errors[0] if errors else "",
    )
    if pid:
        target.emit(
            "imap.mixed_cpu",
            (cpu_seconds(pid) - cpu) * 1000 / len(took),
            "cpu_ms/cmd",
            "lower",
        )


def suite_idle():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], 65536), limit[1]))
    pid = target.pid()

    def idler(user):
        c = Imap(target, user)
        c.ok(b"SELECT INBOX")
        c.send(c.tag() + b" IDLE\r\n")
        while not c.line().startswith(b"+"):
            pass
        return c

    # how soon 50 idling sessions of one mailbox hear of a new message
    watchers = [idler(target.user(1)) for _ in range(min(50, args.idle))]
    sender, times, missed = Imap(target), [], 0
    for _ in range(5):
        start = time.perf_counter()
        sender.append_ok(
            b"INBOX", b"From: a@example.org\r\nSubject: ping\r\n\r\nping\r\n"
        )
        for c in watchers:
            c.sock.settimeout(35)
            try:
                while b" EXISTS" not in c.line().upper():
                    pass
            except OSError:
                missed += 1
        times.append((time.perf_counter() - start) * 1000)
    target.emit(
        "imap.idle_notify",
        median(times),
        "ms",
        "lower",
        watchers=len(watchers),
        missed=missed,
        **spread(times),
    )
    for c in watchers + [sender]:
        c.close()
    time.sleep(2)

    base = memory(pid) if pid else None
    conns, failed = [], ""
    start = time.monotonic()
    try:
        for i in range(args.idle):
            conns.append(idler(target.user(i + 1)))
    except Exception as e:
        failed = repr(e)[:200]
    took = time.monotonic() - start
    target.emit("imap.idle_connections", len(conns), "count", failed=failed)
    target.emit("imap.idle_logins", len(conns) / took, "conn/s")
    if pid and conns:
        time.sleep(1)
        count, rss, pss = memory(pid)
        target.emit(
            "imap.idle_rss",
            rss / 1024,
            "MiB",
            "lower",
            processes=count,
            before=round(base[1] / 1024, 1),
        )
        target.emit(
            "imap.idle_pss", pss / 1024, "MiB", "lower", before=round(base[2] / 1024, 1)
        )
        target.emit(
            "imap.idle_pss_per_connection", (pss - base[2]) / len(conns), "KiB", "lower"
        )
    for c in conns:
        c.close()


fresh = prepare()
for suite in args.suite.split(","):
    if suite == "append":
        if fresh:
            suite_append()
            fresh = False
        continue
    if fresh:
        suite_append(measure=False)
        fresh = False
    globals()["suite_" + suite]()
if not args.keep:
    c = Imap(target)
    c.command(b"DELETE " + BOX)
    c.close()

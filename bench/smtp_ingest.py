#!/usr/bin/env python3
"""SMTP ingest: accepted msgs/s and end-to-end delivered msgs/s, JSON lines.

usage: smtp_ingest.py TARGET [--count 2000] [--size 4096] [--sessions 20]
                      [--keep-open] [--smtp-source PATH] [--repeat 1]
                      [--wait 300]

Sends COUNT messages of SIZE bytes over SESSIONS parallel sessions with
Postfix's smtp-source to TARGET's smtp= port, then waits until they are all in
user1's mailbox: counted as files if the target has maildir=, else over IMAP
(see benchlib.py). --keep-open sends all of a session's messages over one
connection (smtp-source -d); default is a connection a message.
"""

import argparse
import shutil
import subprocess
import time

from benchlib import Target, cpu_seconds, message_count, wait_delivered

ap = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
ap.add_argument("target", type=Target)
ap.add_argument("--count", type=int, default=2000)
ap.add_argument("--size", type=int, default=4096)
ap.add_argument("--sessions", type=int, default=20)
ap.add_argument("--keep-open", action="store_true")
ap.add_argument(
    "--smtp-source",
    default=shutil.which("smtp-source", path="/usr/sbin:/usr/bin:/usr/local/sbin"),
)
ap.add_argument("--repeat", type=int, default=1)
ap.add_argument("--wait", type=float, default=300)
args = ap.parse_args()
t = args.target
user = t.user(1)
host, port = t.port("smtp")
label = "smtp.%s" % ("reuse" if args.keep_open else "connect")
for _ in range(args.repeat):
    before = message_count(t, user)
    pid = t.pid()
    cpu = cpu_seconds(pid) if pid else 0
    cmd = (
        [
            args.smtp_source,
            "-s",
            str(args.sessions),
            "-m",
            str(args.count),
            "-l",
            str(args.size),
            "-f",
            "sender@example.org",
            "-t",
            user,
        ]
        + (["-d"] if args.keep_open else [])
        + [f"{host}:{port}"]
    )
    start = time.monotonic()
    subprocess.run(cmd, check=True)
    accepted = time.monotonic()
    extra = {"count": args.count, "size": args.size, "sessions": args.sessions}
    t.emit(label + ".accepted", args.count / (accepted - start), "msg/s", **extra)
    done, got = wait_delivered(t, before, args.count, [user], args.wait)
    if done is None:
        t.emit(
            label + ".delivered",
            0,
            "msg/s",
            failed=f"only {got} of {args.count} arrived",
            **extra,
        )
        continue
    t.emit(
        label + ".delivered",
        args.count / (done - start),
        "msg/s",
        drain_s=round(done - accepted, 2),
        **extra,
    )
    if pid:
        t.emit(
            label + ".cpu",
            (cpu_seconds(pid) - cpu) * 1000 / args.count,
            "cpu_ms/msg",
            "lower",
            **extra,
        )

#!/usr/bin/env python3
"""Every figure of the suite beside Postfix and Dovecot: ``make bench``.

usage: all.py [--long] [--rounds N] [--only WORD] [--json FILE] [--dir DIR]

Starts `mailsuite demo`, and Postfix and Dovecot where they are installed and we
are root, each in a fresh folder; runs every load client against peer and suite
in turn; prints one table. The short profile takes some minutes, --long measures
with the figures that goals are stated for. --only runs the lines whose title
holds WORD. Exit status 1 when a bench failed or a goal was missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

from attrs import frozen
from compare import HEAD, HERE, Comparison, row
from servers import Peer, Suite

RESTART_SECONDS = 5.0


@frozen
class Plan:
    """One bench: its peer, its arguments (short, long), its figures and goals."""

    title: str
    peer: str
    bench: str
    short: str
    long: str
    figures: tuple[tuple[str, float], ...]


PLANS = (
    Plan(
        "smtp 4 KB, 20 sessions, kept connections",
        "postfix",
        "smtp_ingest.py --keep-open",
        "--count 2000",
        "--count 20000",
        (
            ("smtp.reuse.accepted", 0),
            ("smtp.reuse.delivered", 4),
            ("smtp.reuse.cpu", 0),
        ),
    ),
    Plan(
        "smtp 4 KB, 20 sessions, new connections",
        "postfix",
        "smtp_ingest.py",
        "--count 2000",
        "--count 20000",
        (
            ("smtp.connect.accepted", 0),
            ("smtp.connect.delivered", 4),
            ("smtp.connect.cpu", 0),
        ),
    ),
    Plan(
        "smtp 4 KB, one session",
        "postfix",
        "smtp_ingest.py --keep-open --sessions 1",
        "--count 500",
        "--count 5000",
        (("smtp.reuse.delivered", 0),),
    ),
    Plan(
        "lmtp corpus, 4 sessions",
        "dovecot",
        "lmtp_bench.py",
        "--count 1000",
        "--count 5000",
        (("lmtp.corpus_accepted", 2), ("lmtp.corpus_cpu", 0)),
    ),
    Plan(
        "imap append and fetch",
        "dovecot",
        "imap_bench.py --suite append,select,fetch",
        "--messages 2000",
        "--messages 10000",
        (
            ("imap.append_one_by_one", 2),
            ("imap.append_pipelined", 2),
            ("imap.select", 0),
            ("imap.fetch_flags", 1),
            ("imap.fetch_envelope_cold", 0),
            ("imap.fetch_envelope_warm", 1),
            ("imap.fetch_header_fields", 0),
            ("imap.fetch_body", 0),
        ),
    ),
    Plan(
        "imap search, store, copy",
        "dovecot",
        "imap_bench.py --suite search,store,copy",
        "--messages 1000",
        "--messages 10000",
        (
            ("imap.search_unseen", 0),
            ("imap.search_subject", 0),
            ("imap.search_body", 0),
            ("imap.store_all", 0),
            ("imap.store_one_by_one", 0),
            ("imap.copy", 0),
            ("imap.expunge", 0),
        ),
    ),
    Plan(
        "imap idle memory",
        "dovecot",
        "imap_bench.py --suite idle --messages 1",
        "--idle 200",
        "--idle 1000",
        (
            ("imap.idle_notify", 0),
            ("imap.idle_logins", 0),
            ("imap.idle_pss_per_connection", 10),
        ),
    ),
    Plan(
        "pop3",
        "dovecot",
        "pop3_bench.py",
        "--messages 500",
        "--messages 5000",
        (
            ("pop3.login_stat", 0),
            ("pop3.retr", 0),
            ("pop3.retr_pipelined", 0),
            ("pop3.uidl_list", 0),
            ("pop3.delete_all", 0),
        ),
    ),
)


def compared(args, folder, log):
    """Run the plans; gives lines of the table, and whether all is well."""
    suite = Suite(os.path.join(folder, "suite"))
    peers, lines, good = {}, [], True
    suite.start()
    try:
        for plan in PLANS:
            if args.only not in plan.title:
                continue
            if plan.peer not in peers:
                peers[plan.peer] = Peer.start(
                    plan.peer, os.path.join(folder, plan.peer)
                )
            found, fine = measured(plan, suite, peers[plan.peer], args, log)
            lines += found
            good = good and fine
    finally:
        for server in (suite, *filter(None, peers.values())):
            server.stop()
    return lines, good


def measured(plan, suite, peer, args, log):
    """One plan, in alternation."""
    specs = {"a": peer.target} if peer else {}
    specs["b"] = suite.target
    bench = [*plan.bench.split(), *(plan.long if args.long else plan.short).split()]
    comparison = Comparison(log)
    comparison.alternate(specs, bench, args.rounds)
    lines = [f"{plan.title} ({plan.peer if peer else plan.peer + ' is not there'})"]
    good = not comparison.failed
    for metric, least in plan.figures:
        line, fine = row(comparison, metric, least, "  " + metric)
        lines.append(line)
        good = good and fine
    return lines + [f"  FAILED {text}" for text in comparison.failed], good


def restarted(args, folder, log):
    """The suite alone, with a full queue."""
    title = "restart with 10,000 queued"
    if args.only not in title:
        return [], True
    done = subprocess.run(
        [
            sys.executable,
            os.path.join(HERE, "restart.py"),
            os.path.join(folder, "restart"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    lines, good = [f"{title} (goal below {RESTART_SECONDS:g} s)"], not done.returncode
    for text in done.stdout.splitlines():
        found = json.loads(text)
        if log:
            print(text, file=log, flush=True)
        slow = found["value"] > RESTART_SECONDS
        good = good and not slow
        lines.append(
            f"  {found['metric']:42} {'':>10} {found['value']:>10.3g} {'s':>10}"
            f"{'  BELOW' if slow else ''}"
        )
    return lines + (["  FAILED"] if done.returncode else []), good


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--json")
    parser.add_argument("--dir", help="put the servers' data below it, and keep it")
    args = parser.parse_args()
    args.rounds = args.rounds or (3 if args.long else 2)
    log = open(args.json, "a") if args.json else None
    with tempfile.TemporaryDirectory(prefix="mailsuite-bench-") as temporary:
        folder = tempfile.mkdtemp(dir=args.dir) if args.dir else temporary
        os.chmod(folder, 0o755)  # the peers' own users look in
        lines, good = compared(args, folder, log)
        more, fine = restarted(args, folder, log)
    print(HEAD)
    print("\n".join(lines + more))
    sys.exit(not (good and fine))


if __name__ == "__main__":
    main()

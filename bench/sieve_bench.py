#!/usr/bin/env python3
"""Figures of the Sieve language, as JSON lines; no server is needed.

usage: sieve_bench.py [--repeat 7]

check_lines_1000 and parse_lines_1000: reading and checking a script of 1,000 lines
(goal: under 50 ms). evaluate_30_rules: a run of 30 rules with 90 tests over a message
of 10 KB, its header read anew each time (goal: under 0.3 ms). matches_worst: the worst
pattern over the longest text that a run may look at, until the run is ended.
All of them are CPU time of the thread.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mailsuite.sieve.check import check  # noqa: E402 - the checkout's own
from mailsuite.sieve.grammar import parse  # noqa: E402
from mailsuite.sieve.message import Message  # noqa: E402
from mailsuite.sieve.run import Letter, run  # noqa: E402

ap = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
ap.add_argument("--repeat", type=int, default=7)
args = ap.parse_args()

RULE = """\
# rule {n}
if anyof (header :contains ["subject", "list-id"] ["list{n}", "[topic-{n}]"],
          address :domain :is ["from", "sender"] "host{n}.example.org",
          allof (not exists "x-rule-{n}", size :over 1{n}M))
{{
    fileinto "lists/topic-{n}";
    stop;
}}
elsif header :matches "subject" "*offer {n}?*"
{{
    discard;
}}
"""
TYPICAL = """\
if anyof (header :contains ["subject", "list-id"] "list{n}",
          address :domain :is "from" "host{n}.example.org") {{
    fileinto "lists/topic-{n}";
    stop;
}} elsif header :matches "subject" "*offer {n}?*" {{
    discard;
}}
"""
HEAD = 'require ["fileinto", "copy"];\n'
NAMES = "received dkim-signature x-spam-report arc-seal message-id x-mailer list-post"


def script(lines):
    text, n = HEAD, 0
    while text.count("\n") < lines:
        text, n = text + RULE.format(n=n), n + 1
    return text.encode()


def message():
    filler = "".join(
        f"{name.title()}: {'some text; and more of it ' * 4}\r\n\t{'x' * 60}\r\n"
        for name in NAMES.split() * 2
    )
    head = (
        f"{filler}From: Ann Example <ann@example.net>\r\nTo: bob@example.org,"
        " Carl <carl@example.org>\r\nSubject: =?utf-8?q?Caf=C3=A9?= at noon\r\n\r\n"
    )
    return (head + "A line of the body, of no use to anybody.\r\n" * 200).encode()


def told(metric, work, per=1):
    figures = []
    for _ in range(args.repeat):
        began = time.thread_time()
        for _ in range(per):
            work()
        figures.append((time.thread_time() - began) * 1000 / per)
    line = {
        "target": "sieve",
        "metric": metric,
        "value": round(statistics.median(figures), 3),
        "unit": "ms",
        "better": "lower",
        "extra": {"min": round(min(figures), 3), "max": round(max(figures), 3)},
    }
    print(json.dumps(line), flush=True)


large = script(1_000)
told("parse_lines_1000", lambda: parse(large))
told("check_lines_1000", lambda: check(large))
octets = message()
program = check((HEAD + "".join(TYPICAL.format(n=n) for n in range(30))).encode())
told("evaluate_30_rules", lambda: run(program, Letter(Message.of(octets)), {}), 100)
header = b"X: " + b"ab" * 500_000 + b"\r\n\r\n"
hostile = check(b'if header :matches "x" ["*a*b*a*b*c", "*a?c"] { discard; }' * 500)
told("matches_worst", lambda: run(hostile, Letter(Message.of(header)), {}))

#!/usr/bin/env python3
"""LMTP delivery with and without Sieve scripts, as JSON lines.

usage: sieve_delivery.py [FOLDER] [--count 1000] [--rounds 3]

Starts `mailsuite demo` in FOLDER and runs lmtp_bench.py in turns: no script is active,
every user has one of 30 rules with a test each, or one of 30 rules with 90 tests. Both
also file a part of the corpus. A share is what is left of the rate without a script
(goal: 0.8), and the same of CPU.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from servers import Suite  # noqa: E402

from mailsuite.cli.client import Client  # noqa: E402 - the checkout's own

GOAL = 0.8
SIMPLE = """\
if header :contains ["list-id", "subject"] "list{n}" {{
    fileinto :create "lists/topic-{n}";
    stop;
}}
"""
LARGE = """\
if anyof (header :contains ["subject", "list-id"] "list{n}",
          address :domain :is "from" "host{n}.example.org") {{
    fileinto :create "lists/topic-{n}";
    stop;
}} elsif header :matches "subject" "*offer {n}?*" {{
    discard;
}}
"""
REQUIRE = 'require ["fileinto", "mailbox"];\n'
LAST = 'if header :contains "subject" "report" { fileinto :create "filed"; }\n'
SCRIPTS = {
    name: REQUIRE + "".join(rule.format(n=n) for n in range(30)) + LAST
    for name, rule in (("30_tests", SIMPLE), ("90_tests", LARGE))
}

parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("folder", nargs="?")
parser.add_argument("--count", type=int, default=1000)
parser.add_argument("--rounds", type=int, default=3)
args = parser.parse_args()


def rates(suite):
    """Messages a second of one run, and CPU of the suite for each."""
    words = [os.path.join(HERE, "lmtp_bench.py"), suite.target]
    done = subprocess.run(
        [sys.executable, *words, "--count", str(args.count)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = {}
    for line in done.stdout.splitlines():
        one = json.loads(line)
        found[one["metric"]] = one["value"]
    return found["lmtp.corpus_accepted"], found.get("lmtp.corpus_cpu", 0.0)


def told(metric, value, unit, better="higher", **extra):
    line = {"target": "mailsuite", "metric": metric, "value": round(value, 3)}
    print(json.dumps(line | {"unit": unit, "better": better, "extra": extra}))


def measured(suite):
    """Rates and CPU of each script, none among them, by their names."""
    client = Client(os.path.join(suite.folder, "etc", "mailsuite.toml"))
    with open(suite.ready) as file:
        users = [one["address"] for one in json.load(file)["accounts"]]
    for name, text in SCRIPTS.items():
        for user in users:
            body = {"name": name, "content": text}
            client.ask("PUT", "scripts", user, "script", body=body)
    rates(suite)
    found = {name: [] for name in ("", *SCRIPTS)}
    for number in range(args.rounds):
        for name in sorted(found, reverse=bool(number % 2)):
            for user in users:
                client.ask("PUT", "scripts", user, body={"active": name})
            found[name].append(rates(suite))
    return found


def main(folder):
    suite = Suite(os.path.join(folder, "suite"))
    suite.start()
    try:
        found = measured(suite)
    finally:
        suite.stop()
    medians = {}
    for name, runs in found.items():
        rate, cpu = (statistics.median(column) for column in zip(*runs, strict=True))
        medians[name] = rate, cpu
        metric = f"sieve.delivery_{name or 'without'}"
        told(metric, rate, "msg/s", cpu_ms=cpu, runs=[round(one) for one, _ in runs])
    rate, cpu = medians.pop("")
    for name, (one, other) in medians.items():
        share = cpu / other if other else 0.0
        told(f"sieve.share_{name}", one / rate, "of 1", goal=GOAL, cpu=round(share, 3))


if args.folder:
    main(args.folder)
else:
    with tempfile.TemporaryDirectory(prefix="mailsuite-bench-") as temporary:
        main(temporary)

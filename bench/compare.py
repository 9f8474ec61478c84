#!/usr/bin/env python3
"""Run the same bench on two servers in turn (A B A B ...) and print ratios.

usage: compare.py A B [--rounds 3] [--json FILE] -- BENCH.py [ARGS...]
       compare.py A B --rounds 3 -- imap_bench.py --messages 2000 --suite fetch
       compare.py A B -- 'lmtp_bench.py --count 500' 'pop3_bench.py'

A and B are targets (benchlib.py; quote them, or @FILE); A is the peer, B the
suite. BENCH.py is looked for beside this script and gets the target as its
first argument. Only the ratio counts on a noisy machine: it is the median of
the rounds' B/A, turned so that > 1 always means B is better, with the range
over the rounds. Exit status 1 if a bench failed, or, with --at-least R, if
any ratio is below R.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Comparison:
    """Figures of sides "a" and "b": metric -> round -> values."""

    def __init__(self, log=None):
        self.figures = {"a": {}, "b": {}}
        self.units = {}
        self.failed = []
        self.log = log

    def run(self, side, spec, bench, number):
        """One bench once against one server."""
        command = [sys.executable, os.path.join(HERE, bench[0]), spec, *bench[1:]]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            self.failed.append(
                f"{side} round {number + 1}: {' '.join(bench)} exited {done.returncode}"
            )
        for line in done.stdout.splitlines():
            row = json.loads(line)
            row.update(side=side, round=number)
            if self.log:
                print(json.dumps(row), file=self.log, flush=True)
            rounds = self.figures[side].setdefault(row["metric"], {})
            rounds.setdefault(number, []).append(row["value"])
            self.units[row["metric"]] = (row["unit"], row["better"])

    def alternate(self, specs, bench, rounds):
        """A B A B ...; ``specs`` maps sides to targets, one side may be missing."""
        for number in range(rounds):
            for side, spec in specs.items():
                print(
                    f"round {number + 1}/{rounds} {side.upper()}: {' '.join(bench)}",
                    file=sys.stderr,
                )
                self.run(side, spec, bench, number)

    def medians(self, side, metric):
        """Round -> median of its values."""
        rounds = self.figures[side].get(metric, {})
        return {number: statistics.median(v) for number, v in rounds.items()}

    def middle(self, side, metric):
        """The median over the rounds, None if it was not measured."""
        values = self.medians(side, metric).values()
        return statistics.median(values) if values else None

    def ratios(self, metric):
        """One ratio a round; above 1 means that B is better."""
        a, b = self.medians("a", metric), self.medians("b", metric)
        higher = self.units[metric][1] == "higher"
        return [
            b[n] / a[n] if higher else a[n] / b[n]
            for n in a
            if n in b and a[n] and b[n]
        ]


def row(comparison, metric, least=None, name=""):
    """One line of the table, and whether it is good enough."""
    unit = comparison.units.get(metric, ("", ""))[0]
    cells = [
        "-" if value is None else f"{value:.4g}"
        for value in (comparison.middle(side, metric) for side in "ab")
    ]
    ratios = comparison.ratios(metric) if metric in comparison.units else []
    note, good = "", True
    if ratios:
        ratio = statistics.median(ratios)
        note = f"{ratio:.3g}x ({min(ratios):.3g}-{max(ratios):.3g})"
        if least:
            good = ratio >= least
            note += f"  goal {least:g}x{'' if good else '  BELOW'}"
    line = f"{name or metric:44} {cells[0]:>10} {cells[1]:>10} {unit:>10}  {note}"
    return line, good


HEAD = f"{'figure':44} {'peer':>10} {'suite':>10} {'unit':>10}  suite vs peer (range)"


def main():
    if "--" not in sys.argv:
        sys.exit(__doc__)
    cut = sys.argv.index("--")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="append every JSON line here")
    parser.add_argument("--at-least", type=float)
    args = parser.parse_args(sys.argv[1:cut])
    rest = sys.argv[cut + 1 :]
    several = any(" " in word for word in rest) or all(
        word.endswith(".py") for word in rest
    )
    benches = [shlex.split(word) for word in rest] if several else [rest]
    comparison = Comparison(open(args.json, "a") if args.json else None)
    for bench in benches:
        comparison.alternate({"a": args.a, "b": args.b}, bench, args.rounds)
    print(HEAD)
    bad = bool(comparison.failed)
    for metric in comparison.units:
        line, good = row(comparison, metric, args.at_least)
        bad = bad or not good
        print(line)
    for text in comparison.failed:
        print("FAILED", text)
    sys.exit(bad)


if __name__ == "__main__":
    main()

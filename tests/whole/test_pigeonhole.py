"""Dovecot's Pigeonhole files the same messages into the same folders."""

import re
import tempfile
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from mailsuite.sieve.check import check
from mailsuite.sieve.errors import BadScript
from mailsuite.sieve.message import Message
from mailsuite.sieve.run import Letter, run
from tests.support import pigeonhole
from tests.support.pigeonhole import Pigeonhole
from tests.support.profile import SHARE, share
from tests.support.sievepairs import Pairs

PAIRS = share(5_000) if SHARE else 300
SENDER, RECIPIENT = "ann@example.org", "bob+lists@example.net"
SHOWN = 3  # differences that are shown in full
NOW = 1.7e9

CRASHED = re.compile("Panic: file")
"""Pigeonhole 2.3.19 fails on a regular expression over an empty string."""


class PigeonholeTests(SynchronousTestCase):
    """Scripts and messages are drawn; two engines say what becomes of each pair."""

    def setUp(self):
        if not pigeonhole.COMMAND:
            raise SkipTest("Debian's dovecot-sieve is not installed")
        self.theirs = Pigeonhole(Path(tempfile.mkdtemp()))

    def both(self, script, message):
        """What they make of a script, as sets of deeds or the words of a refusal."""
        try:
            theirs = self.theirs.plan(script, message, SENDER, RECIPIENT)
        except ValueError as error:
            theirs = str(error)
        try:
            letter = Letter(Message.of(message), SENDER, RECIPIENT, now=NOW)
            ours = pigeonhole.ours(run(check(script), letter, {}))
        except BadScript as error:
            ours = str(error)
        return ours, theirs

    def test_pairs(self):
        """Each pair comes to the same actions, flags and words."""
        different, crashed, failed = [], 0, 0
        for seed in range(PAIRS):
            script, message = Pairs(seed).pair()
            ours, theirs = self.both(script, message)
            if isinstance(theirs, str) and CRASHED.search(theirs):
                crashed += 1
            elif ours != theirs:
                different.append((seed, ours, theirs, script, message))
            failed += ours == pigeonhole.FAILED
        for seed, ours, theirs, script, message in different[:SHOWN]:
            print(f"\nseed {seed}\n{script.decode()}\n{message.decode()}")
            print(f"ours: {ours}\ntheirs: {theirs}")
        self.assertEqual([seed for seed, *_ in different], [])
        self.assertLess(crashed + failed, PAIRS // 10)
        if SHARE:
            print(f"\nPigeonhole agrees on {PAIRS - crashed} pairs of {PAIRS}")

    def test_refused(self):
        """What one refuses the other refuses too."""
        for text in (
            "discard",
            'fileinto "a";',
            'require "nothing"; keep;',
            "if true keep;",
            "else { keep; }",
            'keep; require "fileinto";',
            'if header :is :contains "a" "b" { keep; }',
            'if header :comparator "i;none" "a" "b" { keep; }',
            'redirect "nobody";',
            "if size 100 { keep; }",
            "if not { keep; }",
            'require "variables"; set "1" "a";',
            'require "imap4flags"; keep :flags;',
            'require "vacation"; vacation :days "7" "x";',
            "keep :nothing;",
            '"keep";',
            "if anyof true { keep; }",
            "/* keep;",
        ):
            with self.subTest(text):
                ours, theirs = self.both(text.encode(), b"From: a@b.example\r\n\r\n")
                self.assertIsInstance(ours, str)
                self.assertIsInstance(theirs, str)

    def test_failures(self):
        """Where one breaks off while it runs, so does the other."""
        failing = (
            'require "variables"; redirect "${1}";',
            'require ["reject", "fileinto"]; fileinto "a"; reject "no";',
            'require ["reject", "vacation"]; vacation "a"; reject "no";',
            'require "vacation"; vacation "a"; vacation "b";',
        )
        for text in failing:
            with self.subTest(text):
                ours, theirs = self.both(text.encode(), b"From: a@b.example\r\n\r\n")
                self.assertEqual((ours, theirs), (pigeonhole.FAILED,) * 2)

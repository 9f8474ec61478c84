"""Warnings about scripts that are valid (RFC 5804 §2.6)."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.check import check
from mailsuite.sieve.doubts import WARNED
from mailsuite.sieve.limits import REDIRECTS
from tests.support.sieve import octets, run_script

HEAD = 'require ["copy", "foreverypart"];\n'
ONE = 'redirect :copy "%d@example.com";\n'


def doubts(script):
    return check(octets(HEAD + script)).doubts


def redirects(count, first=0):
    return "".join(ONE % number for number in range(first, first + count))


class RedirectTests(SynchronousTestCase):
    def test_too_many(self):
        """The first redirect above the limit is told, and only such a run fails."""
        self.assertEqual(doubts(redirects(REDIRECTS)), ())
        (told,) = doubts(redirects(REDIRECTS + 1))
        self.assertTrue(told.startswith(f"line {REDIRECTS + 2}: "), told)
        self.assertIn("redirect", run_script(HEAD + redirects(REDIRECTS + 1)).trouble)
        self.assertEqual(run_script(HEAD + redirects(REDIRECTS)).trouble, "")

    def test_branches(self):
        """Of branches one is taken; what stands behind them counts with the longest."""
        branches = f"""if size :over 1K {{ {redirects(3)} }}
            elsif size :over 1 {{ {redirects(REDIRECTS, 3)} }}
            else {{ {redirects(1, 9)} }} """
        self.assertEqual(doubts(branches), ())
        self.assertEqual(len(doubts(branches + redirects(1, 10))), 1)
        self.assertEqual(len(doubts(f"if true {{ {redirects(1, 10)} }} {branches}")), 1)
        self.assertEqual(len(doubts(branches + branches)), 3 + REDIRECTS + 1)

    def test_ends(self):
        """Behind stop nothing is done."""
        block = f"if size :over 1K {{ {redirects(3)} stop; }}\n"
        self.assertEqual(doubts(block * 3 + redirects(REDIRECTS)), ())

    def test_bound(self):
        """So many are told and no more."""
        self.assertEqual(len(doubts(redirects(100))), WARNED)

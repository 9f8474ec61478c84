"""Logos: fetched once for all who wait, checked, remembered for their time."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.proofs import BIMI
from mailsuite.net.webclient import Unfetched
from mailsuite.policy.logos import (
    FAILURE_SECONDS,
    KEPT,
    LOGO_SECONDS,
    TEMPORARY_SECONDS,
    Logos,
)

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps">'
    b"<title>x</title></svg>"
)
URL = "https://a.test/l.svg"
FOUND = BIMI("pass", "a.test", "default", URL)


class Fetching:
    """Waits until a test answers."""

    def __init__(self):
        self.asked = []

    async def fetch(self, url, limit):
        waiting = Deferred()
        self.asked.append((url, waiting))
        return await waiting


class LogoTests(SynchronousTestCase):
    def setUp(self):
        self.clock, self.web = Clock(), Fetching()
        self.logos = Logos(self.clock, self.web)

    def ask(self, found=FOUND):
        return Deferred.fromCoroutine(self.logos.fetched(found))

    def answer(self, octets):
        self.web.asked[-1][1].callback(octets)

    def test_together(self):
        """Many messages ask once, and later ones not at all for a day."""
        waiting = [self.ask() for _ in range(3)]
        self.assertEqual(len(self.web.asked), 1)
        self.answer(SVG)
        for one in waiting:
            found = self.successResultOf(one)
            self.assertEqual((found.result, found.logo), ("pass", SVG))
        self.clock.advance(LOGO_SECONDS - 1)
        self.assertEqual(self.successResultOf(self.ask()).logo, SVG)
        self.clock.advance(2)
        self.assertNoResult(self.ask())
        self.assertEqual(len(self.web.asked), 2)

    def test_unfit(self):
        """What may not be shown fails, and is not asked for again for an hour."""
        waiting = self.ask()
        self.answer(b"<svg/>")
        found = self.successResultOf(waiting)
        self.assertEqual((found.result, found.logo), ("fail", b""))
        self.assertIn("no SVG", found.reason)
        self.clock.advance(FAILURE_SECONDS - 1)
        self.assertEqual(self.successResultOf(self.ask()).result, "fail")

    def test_silence(self):
        """A server that does not answer is asked again soon."""
        waiting = self.ask()
        self.web.asked[0][1].errback(Unfetched("it is down", temporary=True))
        self.assertEqual(self.successResultOf(waiting).result, "temperror")
        self.clock.advance(TEMPORARY_SECONDS + 1)
        self.assertNoResult(self.ask())

    def test_others_untouched(self):
        """Only a pass has a logo to be fetched."""
        for result in ("none", "fail", "skipped", "declined", "temperror"):
            found = BIMI(result)
            self.assertIs(self.successResultOf(self.ask(found)), found)
        self.assertEqual(self.web.asked, [])

    def test_bounded(self):
        """Only so many are remembered, the least used are forgotten."""
        for number in range(KEPT + 1):
            waiting = self.ask(BIMI("pass", location=f"https://a.test/{number}.svg"))
            self.answer(SVG)
            self.successResultOf(waiting)
        self.assertNoResult(self.ask(BIMI("pass", location="https://a.test/0.svg")))

    def test_stopped(self):
        """A stop lets waiting messages go on."""
        waiting = self.ask()
        self.successResultOf(Deferred.fromCoroutine(self.logos.stop()))
        self.assertEqual(self.successResultOf(waiting).result, "temperror")

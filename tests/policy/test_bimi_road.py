"""The logo of an author's domain on the road: looked up, told, put into the message."""

from mailsuite.policy.logos import Logos
from tests.policy.test_policy_authentication import OTHER_IP, Case
from tests.support.authentication import message, signed

URL = b"https://good.test/logo.svg"
FOREIGN = (
    b"BIMI-Indicator: AAAA\r\nBIMI-Location: v=BIMI1; l=https://evil.test/x.svg\r\n"
)
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps">'
    b"<title>x</title></svg>"
)


class Web:
    async def fetch(self, url, limit):
        assert url == URL.decode()
        return SVG


class BIMITests(Case):
    def setUp(self):
        super().setUp()
        self.text["default._bimi.good.test"] = [b"v=BIMI1; l=" + URL]

    def stage(self, **settings):
        made = super().stage(**settings)
        made._ground.logos = Logos(self.clock, Web())
        return made

    @property
    def content(self):
        return self.taken.blob.octets

    def test_off(self):
        """Nobody asked: nothing is looked up, others' fields stay."""
        self.use()
        self.send(signed(FOREIGN + message()))
        self.assertNotIn("bimi=", self.prefix)
        self.assertIn(b"BIMI-Indicator: AAAA", self.content)

    def test_record(self):
        """The place is told; what others say of logos goes."""
        self.use(bimi="record")
        self.assertEqual(self.send(signed(FOREIGN + message())), "250 2.0.0")
        self.assertIn("bimi=pass", self.prefix)
        self.assertIn("header.d=good.test", self.prefix)
        self.assertIn("header.selector=default", self.prefix)
        self.assertIn(f'policy.indicator-uri="{URL.decode()}"', self.prefix)
        self.assertNotIn("BIMI-Indicator", self.prefix)
        self.assertNotIn(b"BIMI-", self.content)
        self.assertIn("dkim=pass", self.prefix)
        self.assertIn("bimi: pass", self.marks["auth.steps"])

    def test_logo(self):
        """The logo itself stands before the message, for clients."""
        self.use(bimi="logo")
        self.send(signed(message()))
        self.assertIn("BIMI-Indicator: ", self.prefix)
        self.assertIn(f"BIMI-Location: v=BIMI1; l={URL.decode()}", self.prefix)
        self.assertRegex(self.prefix, r"policy\.indicator-hash=[0-9a-f]{8}")

    def test_declined(self):
        """An owner who wants no logo is heard."""
        self.text["default._bimi.good.test"] = [b"v=BIMI1; l=; a="]
        self.use(bimi="logo")
        self.send(signed(message()))
        self.assertIn("bimi=declined", self.prefix)

    def test_not_proven(self):
        """Forged mail gets no logo, and keeps none."""
        self.use(bimi="logo", dmarc="tag")
        self.send(FOREIGN + message(), ip=OTHER_IP)
        self.assertNotIn("bimi=", self.prefix)
        self.assertNotIn("BIMI-", self.prefix)
        self.assertNotIn(b"BIMI-", self.content)

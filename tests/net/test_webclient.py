"""Fetching strangers' files: only from the internet, only so much, only so long."""

import time
from pathlib import Path

from OpenSSL import SSL
from twisted.internet import reactor, ssl
from twisted.internet._sslverify import IOpenSSLTrustRoot
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer

from mailsuite.dns.memory import Table
from mailsuite.net.webclient import Fetcher, Unfetched, public
from mailsuite.tls import selfsigned

LIMIT = 1_000


class Web(Resource):
    isLeaf = True

    def render_GET(self, request):
        path = request.path
        if path == b"/hang":
            return NOT_DONE_YET
        if path == b"/gone":
            request.setResponseCode(404)
            return b"x" * 10
        if path == b"/moved":
            request.redirect(b"https://elsewhere.test/")
            return b""
        if path == b"/endless":
            for _ in range(200):
                request.write(b"x" * 1000)
            return NOT_DONE_YET
        return b"x" * int(path[1:])


@implementer(IOpenSSLTrustRoot)
class Trust:
    """One issuer out of a file."""

    def __init__(self, path):
        self.path = path

    def _addCACertsToContext(self, context):
        context.load_verify_locations(self.path)


class FetchTests(TestCase):
    def setUp(self):
        root = Path(self.mktemp())
        root.mkdir()
        pem, key = selfsigned.make(["logo.test"], time.time())
        (root / "c.pem").write_bytes(pem)
        (root / "k.pem").write_bytes(key)
        pair = ssl.DefaultOpenSSLContextFactory(
            str(root / "k.pem"), str(root / "c.pem"), SSL.TLS_METHOD
        )
        site = Site(Web(), reactor=reactor)
        site.noisy = False
        site.log = lambda request: None
        port = reactor.listenSSL(0, site, pair, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.addCleanup(site.stopFactory)
        self.port = port.getHost().port
        self.trust = Trust(str(root / "c.pem"))
        self.table = Table(
            hosts={"logo.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]},
            broken=frozenset(["broken.test"]),
        )

    def fetcher(self, seconds=5.0, allowed=lambda _: True, trust=True):
        return Fetcher(
            reactor,
            self.table,
            seconds,
            (self.port,),
            allowed,
            self.trust if trust else None,
        )

    def url(self, path, host="logo.test"):
        return f"https://{host}:{self.port}/{path}"

    async def refused(self, url, fetcher=None, said=""):
        with self.assertRaises(Unfetched) as caught:
            await (fetcher or self.fetcher()).fetch(url, LIMIT)
        self.assertIn(said, str(caught.exception))
        return caught.exception.temporary

    async def test_fetched(self):
        """A file up to the limit comes whole."""
        self.assertEqual(
            await self.fetcher().fetch(self.url(LIMIT), LIMIT), b"x" * LIMIT
        )
        self.assertEqual(await self.fetcher().fetch(self.url(0), LIMIT), b"")

    async def test_too_large(self):
        """One octet more, and answers without an end, are given up."""
        await self.refused(self.url(LIMIT + 1), said="more than 1000 octets")
        await self.refused(self.url("endless"), said="more than 1000 octets")

    async def test_other_answers(self):
        """Redirects are not followed, errors are none."""
        await self.refused(self.url("moved"), said="302")
        await self.refused(self.url("gone"), said="404")

    async def test_slow(self):
        """Time is bounded."""
        self.assertTrue(
            await self.refused(self.url("hang"), self.fetcher(0.3), "0.3 seconds")
        )

    async def test_inside(self):
        """Addresses that are not public are never connected to."""
        fetcher = self.fetcher(allowed=public)
        await self.refused(self.url(1), fetcher, "not on the internet")

    async def test_certificate(self):
        """Another name, or an issuer that is not trusted, is no answer."""
        await self.refused(self.url(1, "other.test"), said="certificate")
        await self.refused(self.url(1), self.fetcher(trust=False), "certificate")

    async def test_names(self):
        """Names without an address, and DNS that is silent."""
        self.assertFalse(
            await self.refused(self.url(1, "gone.test"), said="no address")
        )
        self.assertTrue(await self.refused(self.url(1, "broken.test"), said="DNS"))

    async def test_urls(self):
        """Only https, only the usual port, nobody's name in it."""
        for url in (
            "http://logo.test/1",
            "file:///etc/passwd",
            "https://",
            "https://u@logo.test/1",
            "https://logo.test:1/1",
            "https://logo.test/1\r\nX: y",
            "https://[::1/1",
        ):
            await self.refused(url)


class PublicTests(SynchronousTestCase):
    def test_addresses(self):
        """Loopback, private, link-local, mapped and multicast are not public."""
        for address in (
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "ff02::1",
        ):
            self.assertFalse(public(address), address)
        for address in ("8.8.8.8", "2606:4700::1111"):
            self.assertTrue(public(address), address)

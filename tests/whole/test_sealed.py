"""Mail that a running suite hands on: unsigned, and sealed where it is told to."""

import smtplib

import dkim
from twisted.trial.unittest import SynchronousTestCase

from tests.support.authentication import NameThread, message, signed
from tests.support.demo import Demo
from tests.support.far import arrived, keys, serving
from tests.whole.test_authentication import GOOD, zones


class SealedTests(SynchronousTestCase):
    """An alias leads to another server, which validates the chain."""

    @classmethod
    def setUpClass(cls):
        cls.far = serving()
        cls.names = NameThread(zones())
        port = cls.far.server_address[1]
        cls.demo = Demo(
            users=1,
            settings={
                "MAILSUITE_RELAY_ROUTES": f"* [127.0.0.1]:{port}",
                "MAILSUITE_DNS_SERVERS": f"127.0.0.1:{cls.names.port}",
                "MAILSUITE_DNS_SECONDS": "1.0",
                "MAILSUITE_SIGNING_ARC_SEAL": "true",
                "MAILSUITE_AUTHENTICATION_ENABLED": "true",
            },
        )
        try:
            cls.demo.start()
            cls.demo.command("alias", "add", "away@example.test", "me@far.test")
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.demo.remove()
        cls.names.stop()
        cls.far.shutdown()
        cls.far.server_close()

    def forwarded(self, octets):
        ready = self.demo.ready
        with smtplib.SMTP(
            ready["host"], ready["smtp"], "mail.good.test", 60, source_address=(GOOD, 0)
        ) as client:
            client.sendmail("a@good.test", ["away@example.test"], octets)
        return arrived(self)

    def test_chain(self):
        """It arrives with what we found, under a seal; the stranger's proof stays."""
        got = self.forwarded(signed(message(subject="on its way")))
        self.assertTrue(got.startswith(b"ARC-Seal: i=1;"))
        self.assertEqual(got.count(b"\nDKIM-Signature:"), 1)
        zone = {key.name: key.record.encode() for key in keys(self.demo)}
        asked = lambda name, timeout=5: zone.get(name.decode().rstrip("."))  # noqa: E731 - a zone
        status, results, why = dkim.arc_verify(got, dnsfunc=asked)
        self.assertEqual(status, b"pass", why)
        self.assertEqual(results[0]["as-domain"], b"example.test")
        self.assertIn(b"dmarc=pass", results[0]["aar-value"])
        self.assertIn(b"spf=pass", results[0]["aar-value"])

    def test_forged_results(self):
        """What a stranger wrote in our name is not sealed as ours."""
        forged = b"Authentication-Results: mx.example.test; dmarc=pass (of course)\r\n"
        got = self.forwarded(forged + message(subject="unsigned"))
        results = got.partition(b"ARC-Authentication-Results:")[2].partition(b"\nRec")[
            0
        ]
        self.assertIn(b"dkim=none", results)
        self.assertNotIn(b"of course", got)

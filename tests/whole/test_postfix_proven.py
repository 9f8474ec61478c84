"""A Postfix whose mail OpenDKIM signs: signed, forged and forwarded mail arrives."""

import smtplib
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.support import authentication, postfix
from tests.support.authentication import NameThread, key, message, record, signed
from tests.support.demo import Demo, free_port_base
from tests.support.milter import Milter
from tests.support.nameserver import Zones
from tests.support.patience import PATIENCE_SECONDS
from tests.support.postfix import Postfix

SELECTOR = "pf"


def zones():
    """Postfix is the host of other.test; author.test sends from elsewhere."""
    found = authentication.texts() | {
        "other.test": ["v=spf1 ip4:127.0.0.1 -all"],
        f"{SELECTOR}._domainkey.other.test": [record()],
        "_dmarc.other.test": ["v=DMARC1; p=reject; adkim=s; aspf=s"],
        "author.test": ["v=spf1 ip4:192.0.2.99 -all"],
        "s1._domainkey.author.test": [record()],
        "_dmarc.author.test": ["v=DMARC1; p=reject"],
    }
    rows = list(authentication.rows(found))
    rows += [
        "1.0.0.127.in-addr.arpa. 60 IN PTR mx.other.test.",
        "mx.other.test. 60 IN A 127.0.0.1",
    ]
    return Zones("\n".join(rows))


class PostfixTests(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        postfix.needed()
        cls.postfix = cls.milter = None
        cls.names = NameThread(zones())
        cls.demo = Demo(
            users=2,
            settings={
                "MAILSUITE_AUTHENTICATION_ENABLED": "true",
                "MAILSUITE_DNS_SERVERS": f"127.0.0.1:{cls.names.port}",
            },
        )
        try:
            cls.demo.start()
            cls.milter = Milter("other.test", SELECTOR, key(2048)[0])
            port = free_port_base() + 3
            cls.postfix = Postfix(port, cls.demo.ready["smtp"]).start()
            cls.postfix.set(
                f"smtpd_milters = inet:127.0.0.1:{cls.milter.port}",
                "virtual_alias_maps ="
                f" inline:{{ {{forward@other.test={cls.demo.address(1)}}} }}",
            )
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        if cls.postfix is not None:
            cls.postfix.stop()
        if cls.milter is not None:
            cls.milter.stop()
        cls.demo.remove()
        cls.names.stop()

    def post(self, octets, sender, to=""):
        with smtplib.SMTP("127.0.0.1", self.postfix.port) as client:
            client.sendmail(sender, [to or self.demo.address(1)], octets)

    def arrived(self, folder, subject):
        """The header of the message with that subject, once it is there."""
        end = time.monotonic() + PATIENCE_SECONDS
        client = self.demo.imap(1)
        try:
            while True:
                client.select(folder, readonly=True)
                _, (uids,) = client.search(None, "SUBJECT", f'"{subject}"')
                if uids:
                    octets = client.fetch(uids.split()[0], "(BODY.PEEK[HEADER])")
                    text = octets[1][0][1].decode()
                    return text.replace("\r\n\t", " ").replace("\r\n ", " ")
                self.assertLess(time.monotonic(), end, self.postfix.log())
                time.sleep(0.1)
        finally:
            client.logout()

    def test_signed(self):
        """What OpenDKIM signed passes everything."""
        octets = message("user1@other.test", subject="by postfix")
        self.post(octets, "user1@other.test")
        top = self.arrived("INBOX", "by postfix")
        self.assertIn("DKIM-Signature: v=1", top)
        for word in ("iprev=pass", "spf=pass", "dkim=pass", "dmarc=pass"):
            self.assertIn(word, top)

    def test_odd_bodies(self):
        """OpenDKIM's signatures hold for trailing spaces, dots and empty lines."""
        body = b"two  spaces \t\r\n.\r\n..\r\n \r\nlast\r\n\r\n\r\n"
        octets = message("user1@other.test", subject="odd one", body=body)
        self.post(octets, "user1@other.test")
        self.assertIn("dkim=pass", self.arrived("INBOX", "odd one"))

    def test_forged(self):
        """Mail of a domain that Postfix does not speak for lands in Junk."""
        octets = message("ceo@author.test", subject="urgent payment")
        self.post(octets, "ceo@author.test")
        top = self.arrived("Junk", "urgent payment")
        self.assertIn("spf=fail", top)
        self.assertIn("dmarc=fail", top)

    def test_forwarded(self):
        """Signed mail that Postfix forwards passes by its signature, not by SPF."""
        octets = signed(message("a@author.test", subject="forwarded"), "author.test")
        self.post(octets, "a@author.test", "forward@other.test")
        top = self.arrived("INBOX", "forwarded")
        self.assertIn("spf=fail", top)
        self.assertIn("dkim=pass", top)
        self.assertIn("dmarc=pass", top)

    def test_changed_on_its_way(self):
        """A forwarder that changes the subject breaks the proof."""
        octets = signed(message("a@author.test", subject="plain"), "author.test")
        octets = octets.replace(b"Subject: plain", b"Subject: [l] plain words")
        self.post(octets, "a@author.test", "forward@other.test")
        self.assertIn("dmarc=fail", self.arrived("Junk", "[l] plain words"))

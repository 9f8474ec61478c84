"""Who sent it, over real SMTP: a demo, a name server of ours, clients on loopback."""

import json
import smtplib
import time
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.support import authentication
from tests.support.authentication import NameThread, message, sealed, signed
from tests.support.demo import Demo
from tests.support.nameserver import Zones
from tests.support.patience import PATIENCE_SECONDS

GOOD, OTHER = "127.0.0.1", "127.0.0.9"
"""good.test may send from the first and not from the second."""
POINTERS = (
    "1.0.0.127.in-addr.arpa. 60 IN PTR mail.good.test.",
    "mail.good.test. 60 IN A 127.0.0.1",
)


def zones():
    made = Zones("\n".join([*authentication.rows(authentication.texts()), *POINTERS]))
    made.failing("_dmarc.broken.test")
    made.add("broken.test. 60 IN A 192.0.2.1")
    made.failing("far.test")
    return made


class Case(SynchronousTestCase):
    settings: ClassVar[dict[str, str]] = {}

    @classmethod
    def setUpClass(cls):
        cls.names = NameThread(zones())
        cls.demo = Demo(
            users=2,
            settings={
                "MAILSUITE_AUTHENTICATION_ENABLED": "true",
                "MAILSUITE_DNS_SERVERS": f"127.0.0.1:{cls.names.port}",
                "MAILSUITE_DNS_SECONDS": "1.0",
            }
            | cls.settings,
        )
        try:
            cls.demo.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.demo.remove()
        cls.names.stop()

    def send(self, octets, *, sender="a@good.test", ip=GOOD, to=(1,)):
        """The answer to a message: code and enhanced status."""
        ready = self.demo.ready
        with smtplib.SMTP(
            ready["host"], ready["smtp"], "mail.good.test", 60, source_address=(ip, 0)
        ) as client:
            client.ehlo()
            client.mail(sender)
            for one in to:
                client.rcpt(self.demo.address(one))
            code, text = client.data(octets)
        return f"{code} {text.decode().split()[0]}"

    def found(self, folder, subject, number=1):
        """The one message of that subject in a folder, or None."""
        client = self.demo.imap(number)
        try:
            client.select(folder, readonly=True)
            _, (uids,) = client.search(None, "SUBJECT", f'"{subject}"')
            if not uids:
                return None
            (one,) = uids.split()
            return client.fetch(one, "(BODY.PEEK[])")[1][0][1]
        finally:
            client.logout()

    def arrived(self, folder, subject, number=1):
        """The same, waiting for it."""
        end = time.monotonic() + PATIENCE_SECONDS
        while (octets := self.found(folder, subject, number)) is None:
            if time.monotonic() > end:
                raise AssertionError(f"{subject} is not in {folder}")
            time.sleep(0.05)
        return octets


def header(octets):
    return octets.partition(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ").decode()


class DefaultTests(Case):
    def test_pass(self):
        """What is right reaches the INBOX with our findings on top."""
        octets = signed(message(subject="right"))
        self.assertEqual(self.send(octets), "250 2.0.0")
        got = self.arrived("INBOX", "right")
        self.assertTrue(got.endswith(octets))
        top = header(got)
        for word in ("iprev=pass", "spf=pass", "dkim=pass", "dmarc=pass"):
            self.assertIn(word, top)
        self.assertIn("Authentication-Results: mx.example.test;", top)
        (line,) = [
            one for one in self.demo.logged("policy.judged") if "dmarc=pass" in one
        ][:1]
        self.assertIn("measure=ignore", line)

    def test_forged(self):
        """Forged mail of a domain that asks to reject it lands in Junk."""
        octets = message(subject="forged")
        self.assertEqual(self.send(octets, ip=OTHER), "250 2.0.0")
        top = header(self.arrived("Junk", "forged"))
        self.assertIn("spf=fail", top)
        self.assertIn("dkim=none", top)
        self.assertIn("dmarc=fail", top)
        self.assertIsNone(self.found("INBOX", "forged"))

    def test_forged_results(self):
        """Results in our name are gone from the stored message; nothing else is."""
        lie = b"Authentication-Results: mx.example.test; dmarc=pass\r\n"
        octets = signed(message(subject="lying"))
        self.assertEqual(self.send(lie + octets), "250 2.0.0")
        self.assertTrue(self.arrived("INBOX", "lying").endswith(octets))
        self.assertNotIn(b"dmarc=pass\r\nDKIM", self.arrived("INBOX", "lying"))

    def test_large(self):
        """A message in a file of its own is hashed, cleaned and kept whole."""
        lie = b"Authentication-Results: mx.example.test; dmarc=pass\r\n"
        body = b"".join(b"%07d  some words \r\n" % n for n in range(250_000))
        octets = signed(message(subject="large", body=body))
        self.assertEqual(self.send(lie + octets, ip=OTHER), "250 2.0.0")
        got = self.arrived("INBOX", "large")
        self.assertTrue(got.endswith(b"\r\n" + octets))
        self.assertNotIn(lie, got)
        self.assertIn("dkim=pass", header(got))

    def test_temporary(self):
        """When DNS fails mail is taken and marked."""
        octets = message("a@broken.test", subject="unknown")
        answer = self.send(octets, sender="a@broken.test")
        self.assertEqual(answer, "250 2.0.0")
        self.assertIn("dmarc=temperror", header(self.arrived("INBOX", "unknown")))

    def test_none(self):
        """A domain without policies is told as such."""
        octets = message("a@bare.test", subject="bare")
        self.assertEqual(self.send(octets, sender="a@bare.test"), "250 2.0.0")
        top = header(self.arrived("INBOX", "bare"))
        for word in ("spf=none", "dkim=none", "dmarc=none"):
            self.assertIn(word, top)

    def test_check(self):
        """The command explains every step, for people and for programs."""
        path = self.demo.folder / "one.eml"
        path.write_bytes(message(subject="asked").replace(b"\r\n", b"\n"))
        words = ("auth", "check", str(path), "--helo", "mail.good.test")
        sender = ("--from", "a@good.test", "--ip")
        told = self.demo.command(*words, *sender, OTHER)
        self.assertIn("spf mailfrom: fail for good.test, by -all", told)
        self.assertIn("verdict: DMARC fails for good.test, which asks for", told)
        self.assertIn("dmarc=fail", told)
        path.write_bytes(signed(message(subject="asked")))
        found = json.loads(self.demo.command(*words, *sender, GOOD, "--json"))
        self.assertEqual(found["results"]["dmarc"], "pass")
        self.assertEqual(found["measure"], "ignore")

    def test_queue(self):
        """What waits in the queue tells how its sender was judged."""
        path = self.demo.folder / "etc" / "domains.d" / "example.test.toml"
        path.write_text('[aliases]\nout = ["x@far.test"]\n')
        self.demo.command("reload")
        ready = self.demo.ready
        with smtplib.SMTP(
            ready["host"], ready["smtp"], source_address=(OTHER, 0)
        ) as client:
            client.sendmail("a@good.test", ["out@example.test"], message())
        end = time.monotonic() + PATIENCE_SECONDS
        while "x@far.test" not in (listed := self.demo.command("queue", "list")):
            self.assertLess(time.monotonic(), end, listed)
        (ident,) = {line.split()[0] for line in listed.splitlines() if "far.t" in line}
        shown = self.demo.command("queue", "show", ident)
        self.assertIn("dmarc: fail for good.test, p=reject", shown)
        self.assertIn("verdict:", shown)
        marks = json.loads(self.demo.command("queue", "show", ident, "--json"))
        self.assertEqual(marks["jobs"][0]["marks"]["dmarc"], "fail")

    def test_submission(self):
        """Users' own mail is not judged."""
        with self.demo.smtp("submission") as client:
            client.login(self.demo.address(1), self.demo.password(1))
            octets = message(self.demo.address(1), subject="own")
            client.sendmail(self.demo.address(1), [self.demo.address(2)], octets)
        self.assertNotIn("dmarc=", header(self.arrived("INBOX", "own", 2)))


class StrictTests(Case):
    settings: ClassVar[dict[str, str]] = {
        "MAILSUITE_AUTHENTICATION_DMARC": "reject",
        "MAILSUITE_AUTHENTICATION_SPF_FAIL": "reject",
        "MAILSUITE_AUTHENTICATION_SEVERAL_FROM": "reject",
        "MAILSUITE_AUTHENTICATION_TEMPORARY": "defer",
        "MAILSUITE_AUTHENTICATION_SEALERS": "lists.test",
    }

    def test_refused(self):
        """Forged mail, SPF's no and a second From are refused, each by its code."""
        self.assertEqual(self.send(message(), ip=OTHER), "550 5.7.26")
        octets = message("a@refuses.test")
        self.assertEqual(self.send(octets, sender="a@refuses.test"), "550 5.7.23")
        octets = b"From: <b@bare.test>\r\n" + signed(message())
        self.assertEqual(self.send(octets), "554 5.6.0")

    def test_put_off(self):
        """A policy that cannot be looked up puts the sender off."""
        octets = message("a@broken.test")
        self.assertEqual(self.send(octets, sender="a@broken.test"), "451 4.4.3")

    def test_hostile(self):
        """Headers made to cost much are judged, and no turn of the reactor is long."""
        plain = message()
        other = message(body=b"other\r\n")
        field = signed(other)[: -len(other)]
        hostile = (
            field * 50 + plain,
            field * 1_200 + plain,
            b"From: <a@good.test>\r\n" * 40_000 + plain,
            b"From: " + b"<a@good.test>, " * 50_000 + b"\r\n" + plain,
            b"From: " + b"(" * 800_000 + b"\r\n" + plain,
            b"List-Id: " + b"<a" * 400_000 + b"\r\n" + plain,
            b"Authentication-Results: mx.example.test; a=b\r\n" * 17_000 + plain,
            b"Authentication-Results: " + b'("' * 400_000 + b"\r\n" + plain,
            b"ARC-Seal: i=1; cv=none; d=lists.test; s=s1; b=a\r\n" * 15_000 + plain,
            b"X:y\r\n" * 150_000 + plain,
            b"X: y\r\n" * 200_000 + plain,
        )
        for number, octets in enumerate(hostile):
            answer = self.send(octets, ip=OTHER)
            self.assertRegex(answer, r"^(550 5\.7\.26|55[24] 5\.[36]\.)", number)
        self.assertEqual(self.demo.logged("event=reactor.stalled"), [])
        self.assertEqual(self.send(signed(message(subject="after"))), "250 2.0.0")

    def test_list(self):
        """Mail that a trusted list changed arrives; that of another does not."""
        octets = signed(message(subject="news"))
        octets = octets.replace(b"Subject: ", b"Subject: [list] ")
        results = "dmarc=pass header.from=good.test"
        trusted = sealed(octets, "lists.test", results)
        where = {"sender": "bounce@bare.test", "ip": OTHER}
        self.assertEqual(self.send(octets, **where), "550 5.7.26")
        self.assertEqual(self.send(trusted, **where), "250 2.0.0")
        top = header(self.arrived("INBOX", "[list] news"))
        self.assertIn("arc=pass", top)
        self.assertIn("dmarc=fail", top)

    def test_own_rules(self):
        """A domain's own file counts after a reload, and a wrong one changes nothing."""
        path = self.demo.folder / "etc" / "domains.d" / "example.test.toml"
        path.write_text('[authentication]\ndmarc = "tag"\nspf_fail = "tag"\n')
        try:
            self.demo.command("reload")
            octets = message(subject="tagged")
            self.assertEqual(self.send(octets, ip=OTHER), "250 2.0.0")
            self.assertIn("dmarc=fail", header(self.arrived("INBOX", "tagged")))
            path.write_text('[authentication]\ndmarc = "maybe"\n')
            with self.assertRaisesRegex(AssertionError, r"test\.toml:2: 'dmarc'"):
                self.demo.command("reload")
            self.assertEqual(self.send(message(), ip=OTHER), "250 2.0.0")
        finally:
            path.unlink()
            self.demo.command("reload")
        self.assertEqual(self.send(message(), ip=OTHER), "550 5.7.26")

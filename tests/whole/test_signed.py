"""What a running suite sends: submitted, verified by dkimpy and by opendkim."""

import json
from email.message import EmailMessage

import dkim
from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo
from tests.support.far import arrived, keys, serving
from tests.support.opendkim import opendkim


class SignedTests(SynchronousTestCase):
    """The suite serves example.test; all else goes to a server of the test."""

    @classmethod
    def setUpClass(cls):
        cls.far = serving()
        port = cls.far.server_address[1]
        cls.demo = Demo(
            users=2, settings={"MAILSUITE_RELAY_ROUTES": f"* [127.0.0.1]:{port}"}
        )
        try:
            cls.demo.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.demo.remove()
        cls.far.shutdown()
        cls.far.server_close()

    def setUp(self):
        self.far.kept.clear()

    def submit(self, to="bob@far.test", *, body="Hello\n.\n", more=(), smtputf8=False):
        made = EmailMessage()
        made["From"], made["To"] = self.demo.address(1), to
        made["Subject"] = "a long subject " * 10
        for name, value in more:
            made[name] = value
        made.set_content(body, cte="8bit" if not body.isascii() else None)
        with self.demo.smtp("submission") as client:
            client.login(self.demo.address(1), self.demo.password(1))
            client.send_message(made)

    def verified(self, message):
        """Both signatures verify with both programs."""
        known = keys(self.demo)
        zone = {key.name: key.record.encode() for key in known}
        found = []
        for number in (0, 1):
            checking = dkim.DKIM(message)
            asked = lambda name, timeout=5: zone.get(name.decode().rstrip("."))  # noqa: E731 - a zone
            self.assertTrue(checking.verify(number, dnsfunc=asked))
            self.assertEqual(checking.domain, b"example.test")
            found.append(checking.selector.decode())
        self.assertEqual(
            opendkim(message, *known),
            [("pass", "rsa-sha256"), ("pass", "ed25519-sha256")],
        )
        return found

    def test_submitted(self):
        """What a user submits verifies where it arrives."""
        self.submit()
        self.verified(arrived(self))

    def test_octets(self):
        """8-bit content too, as it went over the wire."""
        self.submit(body="Grüße\n")
        message = arrived(self)
        self.assertIn("Grüße".encode(), message)
        self.verified(message)

    def test_large(self):
        """And what is kept in a file: 3 MB."""
        self.submit(body="word  word\n" * 300_000)
        self.verified(arrived(self))

    def test_blind_copies(self):
        """Nothing is added or taken away but the signatures."""
        self.submit(to="bob@far.test, carl@other.test")
        one, two = arrived(self), arrived(self)
        self.assertEqual(one, two)
        self.verified(one)

    def test_notice(self):
        """A notice of ours is signed with the domain above the host's name."""
        self.demo.command(
            "alias", "add", "away@example.test", "gone@far.test", "x@refused.test"
        )
        with self.demo.smtp() as client:
            client.sendmail(
                "someone@strange.test",
                ["away@example.test"],
                "From: ceo@example.test\r\nSubject: forged\r\n\r\nx\r\n",
            )
        messages = [arrived(self), arrived(self)]
        notices = [m for m in messages if b"\nFrom: Mail Delivery" in m]
        self.assertEqual(len(notices), 1, messages)
        self.verified(notices[0])
        (forged,) = [m for m in messages if m not in notices]
        self.assertNotIn(b"DKIM-Signature", forged)

    def test_rotation(self):
        """New keys sign once they are active; the suite runs on."""
        before = keys(self.demo)
        self.demo.command("dkim", "rotate", "example.test")
        self.submit()
        signed = self.verified(arrived(self))
        self.assertEqual(signed, [key.selector for key in before])
        self.demo.command("dkim", "activate", "example.test")
        self.submit()
        message = arrived(self)
        self.assertNotEqual(self.verified(message), signed)
        self.assertEqual({key.state for key in keys(self.demo)}, {"active", "old"})
        self.demo.command("dkim", "retire", "example.test")
        self.verified(message)
        shown = self.demo.command("dkim", "show", "example.test")
        self.assertNotIn("PRIVATE", shown)
        private = self.demo.command("dkim", "show", "example.test", "--private")
        self.assertEqual(private.count("BEGIN PRIVATE KEY"), 2)
        self.assertEqual(self.demo.logged("PRIVATE"), [])

    def test_own_domain_file(self):
        """A domain of etc/domains.d gets its keys with its first message."""
        folder = self.demo.folder / "etc" / "domains.d"
        (folder / "second.test.toml").write_text(
            '[aliases]\nme = ["user1@example.test"]\n', encoding="utf-8"
        )
        self.demo.command("reload")
        listed = json.loads(self.demo.command("dkim", "list", "second.test", "--json"))
        self.assertEqual(listed["keys"], [])
        with self.demo.smtp("submission") as client:
            client.login(self.demo.address(1), self.demo.password(1))
            client.sendmail(
                "me@second.test", ["bob@far.test"], "From: me@second.test\r\n\r\nx\r\n"
            )
        self.assertIn(b"d=second.test", arrived(self))
        listed = json.loads(self.demo.command("dkim", "list", "second.test", "--json"))
        self.assertEqual(len(listed["keys"]), 2)

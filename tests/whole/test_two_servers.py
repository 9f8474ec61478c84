"""Two servers: the suite and a Postfix send mail to each other on loopback."""

import smtplib
from email.message import EmailMessage

from twisted.trial.unittest import SynchronousTestCase

from tests.support import postfix
from tests.support.demo import Demo, free_port_base
from tests.support.patience import PATIENCE_SECONDS
from tests.support.postfix import Postfix


def message(sender, to, subject):
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made.set_content("One line.\n.\n.two dots before this one\n" + "x" * 50_000 + "\n")
    return made


class TwoServersTests(SynchronousTestCase):
    """Postfix serves other.test, the suite everything it serves."""

    @classmethod
    def setUpClass(cls):
        postfix.needed()
        port = free_port_base() + 3
        settings = {
            "MAILSUITE_RELAY_ROUTES": f"other.test [127.0.0.1]:{port}",
            "MAILSUITE_QUEUE_RETRY_FIRST": "1.0",
            "MAILSUITE_QUEUE_RETRY_MOST": "1.0",
        }
        cls.demo = Demo(users=2, settings=settings)
        cls.postfix = None
        try:
            cls.demo.start()
            cls.samples = {p.name for n in (1, 2) for p in cls.demo.messages(n)}
            cls.postfix = Postfix(port, cls.demo.ready["smtp"], users=3)
            cls.postfix.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        if cls.postfix is not None:
            cls.postfix.stop()
        cls.demo.remove()

    def _submit(self, *recipients, subject):
        sender = self.demo.address(1)
        with self.demo.smtp("submission") as client:
            client.login(sender, self.demo.password(1))
            mail = message(sender, recipients[0], subject)
            client.send_message(mail, to_addrs=recipients)

    def _arrived(self, number):
        """What came into an INBOX beside the demo's sample mail."""
        return [p for p in self.demo.messages(number) if p.name not in self.samples]

    def test_put_off_and_accepted(self):
        """Mail that Postfix puts off waits in the queue and then arrives, once."""
        self.postfix.put_off()
        self._submit("user1@other.test", subject="later")
        self.postfix.wait(lambda: "450 4." in self.postfix.log(), PATIENCE_SECONDS)
        self.postfix.wait(
            lambda: "user1@other.test" in self.demo.command("queue", "list")
        )
        self.assertEqual(self.postfix.messages(), [])
        self.postfix.accept()
        (path,) = self.postfix.wait(self.postfix.messages, PATIENCE_SECONDS)
        text = path.read_text("utf-8")
        self.assertIn("Subject: later", text)
        self.assertIn("\n.\n.two dots", text)
        self.postfix.wait(
            lambda: "other.test" not in self.demo.command("queue", "list")
        )
        self.assertEqual(len(self.postfix.messages()), 1)

    def test_refused(self):
        """A recipient that Postfix does not know comes back as a report."""
        self._submit("user2@other.test", "nobody@other.test", subject="both")
        self.postfix.wait(lambda: self.postfix.messages(2), PATIENCE_SECONDS)
        (path,) = self.postfix.wait(lambda: self._arrived(1), PATIENCE_SECONDS)
        text = path.read_text("utf-8")
        self.assertIn("multipart/report", text)
        self.assertIn("nobody@other.test", text)
        self.assertIn("5.1.1", text)

    def test_received(self):
        """Postfix sends to the suite, and tells its own client of a refusal."""
        to = self.demo.address(2)
        sender = "user3@other.test"
        with smtplib.SMTP("127.0.0.1", self.postfix.port) as client:
            client.send_message(message(sender, to, "hello"), from_addr=sender)
            client.send_message(
                message(sender, to, "gone"),
                from_addr=sender,
                to_addrs=[f"nobody@{to.partition('@')[2]}"],
            )
        (path,) = self.postfix.wait(lambda: self._arrived(2), PATIENCE_SECONDS)
        self.assertIn("\n.\n.two dots", path.read_text("utf-8").replace("\r\n", "\n"))
        (report,) = self.postfix.wait(
            lambda: self.postfix.messages(3), PATIENCE_SECONDS
        )
        self.assertIn("nobody@", report.read_text("utf-8"))

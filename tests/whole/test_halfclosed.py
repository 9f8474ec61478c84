"""``printf ... | nc -N`` at every door: all that was asked is answered, then the end."""

import base64

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo
from tests.support.halfclosed import heard

MAIL = b"Subject: half\r\n\r\n" + b"0123456789\r\n" * 100


class HalfClosedTests(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.demo = Demo(users=1).start()

    @classmethod
    def tearDownClass(cls):
        cls.demo.stop()
        cls.demo.remove()

    def port(self, name):
        return self.demo.ready[name]

    def secrets(self):
        return self.demo.address().encode(), self.demo.password().encode()

    def imap(self, *lines, port="imap", tls=False):
        user, secret = self.secrets()
        asked = b"".join(b"%b\r\n" % line for line in lines)
        login = b'in LOGIN "%b" "%b"\r\n' % (user, secret)
        return heard(self.port(port), login + asked, tls)

    def test_imap(self):
        """A whole pipeline of IMAP, with a message to be stored, and no LOGOUT."""
        append = b"b APPEND half {%d+}\r\n%b" % (len(MAIL), MAIL)
        fetch = b"d FETCH 1:* BODY.PEEK[]"
        search = b"e SEARCH TEXT 0123456789"
        said = self.imap(
            b"a CREATE half", *[append] * 30, b"c SELECT half", fetch, search
        )
        self.assertTrue(said.endswith(b"e OK Done\r\n"), said[-300:])
        self.assertEqual(said.count(b"\r\nb OK"), 30)
        self.assertEqual(said.count(MAIL), 30)

    def test_imap_in_tls(self):
        """The same where the end is a close_notify."""
        said = self.imap(b"a SELECT INBOX", b"b NOOP", port="imaps", tls=True)
        self.assertTrue(said.endswith(b"b OK Done\r\n"), said)

    def test_imap_idle(self):
        """Nobody goes on idling after the end, nor waits for half a command."""
        said = self.imap(b"a SELECT INBOX", b"b IDLE")
        self.assertTrue(said.endswith(b"+ Idling\r\n"), said)
        said = self.imap(b"a SELECT INBOX", b"b APPEND INBOX {500+}", b"half")
        self.assertIn(b"a OK", said)
        self.assertNotIn(b"\r\nb ", said)

    def test_pop3(self):
        """QUIT is done too; without it nothing is removed."""
        self.imap(b"a APPEND INBOX {%d+}\r\n%b" % (len(MAIL), MAIL))
        asked = b"USER %b\r\nPASS %b\r\n" % self.secrets()
        asked += b"STAT\r\nRETR 1\r\nDELE 1\r\n"
        counts = []
        for port, more in (("pop3", b""), ("pop3", b"QUIT\r\n"), ("pop3s", b"")):
            said = heard(self.port(port), asked + more, tls=port == "pop3s")
            self.assertEqual(said.count(b"+OK "), 6 + (more != b""), said)
            counts.append(int(said.split(b"\r\n")[3].split()[1]))
        self.assertEqual([counts[0] - count for count in counts], [0, 0, 1])

    def test_managesieve(self):
        """A script is put, and told of."""
        user, secret = self.secrets()
        plain = base64.b64encode(b"\0%b\0%b" % (user, secret))
        asked = b'AUTHENTICATE "PLAIN" "%b"\r\n' % plain
        asked += b'PUTSCRIPT "half" {5+}\r\nkeep;\r\nLISTSCRIPTS\r\nNOOP "x"\r\n'
        said = heard(self.port("managesieve"), asked)
        self.assertIn(b'"half"\r\n', said)
        self.assertTrue(said.endswith(b'OK (TAG "x") "Done"\r\n'), said)

    def test_submission_in_tls(self):
        """So is who submits over TLS; a message without its end is not kept."""
        user, secret = self.secrets()
        plain = base64.b64encode(b"\0%b\0%b" % (user, secret))
        asked = b"EHLO c\r\nAUTH PLAIN %b\r\nMAIL FROM:<%b>\r\n" % (plain, user)
        asked += b"RCPT TO:<%b>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n" % user
        said = heard(self.port("submissions"), asked + b".\r\n", tls=True)
        self.assertIn(b"queued as", said.splitlines()[-1])
        said = heard(self.port("submissions"), asked, tls=True)
        self.assertTrue(said.splitlines()[-1].startswith(b"354"))

"""POP3 over the running suite: what QUIT removed stays removed, nothing else goes."""

import poplib

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo


class DurabilityTests(SynchronousTestCase):
    def setUp(self):
        self.demo = Demo(users=1)
        self.addCleanup(self.demo.remove)
        self.demo.start()
        with self.demo.imap() as client:
            client.select("INBOX")
            client.store("1:*", "+FLAGS", "(\\Deleted)")
            client.expunge()
            for number in range(3):
                client.append(
                    "INBOX", None, None, b"Subject: m%d\r\n\r\n.dot\r\n" % number
                )

    def pop3(self):
        client = poplib.POP3(self.demo.ready["host"], self.demo.ready["pop3"], 20)
        client.user(self.demo.address())
        client.pass_(self.demo.password())
        return client

    def restart(self):
        self.demo.kill()
        self.demo.start()

    def subjects(self, client):
        count = client.stat()[0]
        return [client.top(n, 0)[1][0] for n in range(1, count + 1)]

    def test_kill(self):
        """Kill -9 before QUIT keeps the marked message, after QUIT it stays gone."""
        client = self.pop3()
        names = client.uidl()[1]
        client.dele(2)
        self.restart()
        client.close()
        client = self.pop3()
        self.assertEqual(client.uidl()[1], names)
        self.assertEqual(client.retr(1)[1][-1], b".dot")
        client.dele(2)
        client.quit()
        self.restart()
        client = self.pop3()
        self.assertEqual(self.subjects(client), [b"Subject: m0", b"Subject: m2"])
        kept = [line.split()[1] for line in client.uidl()[1]]
        self.assertEqual(kept, [names[0].split()[1], names[2].split()[1]])
        client.quit()

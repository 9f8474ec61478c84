"""What is thrown at an IMAP server: refused, bounded, and the next command works.

Each input costs at most 50 ms of CPU in one turn; here, in the whole.
"""

import time

from twisted.trial.unittest import SynchronousTestCase

from tests.support.imap_world import Talk

MAIL = b"Subject: x\r\n\r\ny\r\n"
TURN_SECONDS = 0.05
TRIES = 4

BEFORE_LOGIN = {
    "literal_4g": b"a LOGIN {4294967296}\r\n",
    "literal_64": b"a LOGIN {18446744073709551617}\r\n",
    "literal_endless": b"a LOGIN {" + b"9" * 5000 + b"}\r\n",
    "literal_negative": b"a LOGIN {-1}\r\n",
    "literal_sent": b"a LOGIN {4294967296+}\r\n",
    "nested_noop": b"a NOOP " + b"(" * 7000 + b"\r\n",
    "nested_id": b"a ID " + b"(" * 7000 + b"\r\n",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls_hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    + b"\x00" * 200
    + b"\r\n",
    "nul": b"a LOGIN a\x00b c\r\n",
    "eight_bit": b"a LOGIN \xff\xfe c\r\n",
    "long_line": b"a " + b"x" * 100_000 + b"\r\n",
    "long_tag": b"x" * 5000 + b" NOOP\r\n",
    "early": b"a SELECT INBOX\r\n",
    "empty": b"\r\n\r\n\r\n",
}

AFTER_LOGIN = {
    "search_nested": b"a SEARCH " + b"(" * 15000 + b"\r\n",
    "search_not": b"a SEARCH " + b"NOT " * 15000 + b"ALL\r\n",
    "search_or": b"a SEARCH " + b"OR ALL " * 9000 + b"ALL\r\n",
    "search_keys": b"a SEARCH " + b"ALL " * 15000 + b"ALL\r\n",
    "fetch_nested": b"a FETCH 1 " + b"(" * 15000 + b"\r\n",
    "fetch_items": b"a FETCH 1 (" + b"BODY.PEEK[] " * 2000 + b"UID)\r\n",
    "fetch_path": b"a FETCH 1 BODY[" + b"1." * 5000 + b"1]\r\n",
    "fetch_fields": b"a FETCH 1 BODY[HEADER.FIELDS (" + b"x " * 5000 + b"y)]\r\n",
    "fetch_partial": b"a FETCH 1 BODY[]<4294967296.4294967296>\r\n",
    "set_zero": b"a FETCH 0 FLAGS\r\n",
    "set_64": b"a FETCH 18446744073709551616 FLAGS\r\n",
    "set_many": b"a FETCH " + b"2," * 25000 + b"2 FLAGS\r\n",
    "name_dots": b"a SELECT ../x/INBOX\r\n",
    "name_encoded_dots": b"a SELECT &AC4ALgAv-x\r\n",
    "name_unclosed": b"a SELECT &Jjo\r\n",
    "name_root": b"a SELECT ~root\r\n",
    "name_user": b'a SELECT "#user/x"\r\n',
    "name_crlf": b"a SELECT {6+}\r\na\r\nb\r\n\r\n",
    "name_nul": b"a SELECT {3+}\r\na\x00b\r\n",
    "name_levels": b"a CREATE " + b"/a" * 1000 + b"\r\n",
    "flags": b"a STORE 1 FLAGS ("
    + b" ".join(b"k%d" % n for n in range(3000))
    + b")\r\n",
    "status_items": b"a STATUS INBOX (" + b"MESSAGES " * 2000 + b"UNSEEN)\r\n",
    "starttls": b"a STARTTLS\r\n",
    "long_line": b"a NOOP " + b"x" * 70_000 + b"\r\n",
}

ALLOWED = {
    "set_huge": b"a UID FETCH 1:4294967295 FLAGS\r\n",
    "set_20000": b"a UID FETCH "
    + b",".join(b"%d" % n for n in range(1, 12000))
    + b" FLAGS\r\n",
    "list_bomb": b'a LIST "" "' + b"*%" * 400 + b'x"\r\n',
    "list_stars": b'a LIST "" "' + b"a*" * 400 + b'x"\r\n',
    "search_regex": b'a SEARCH SUBJECT "(a+)+$" BODY "[[[" TEXT "*:* OR"\r\n',
    "search_deep": b"a SEARCH " + b"(" * 90 + b"ALL" + b")" * 90 + b"\r\n",
}


class HostileTests(SynchronousTestCase):
    def setUp(self):
        self.talk = Talk()
        self.talk.world.box("INBOX").add(MAIL)

    def throw(self, connect, octets, *answers):
        """Say it, and see that the answer is one of these and the next works.

        A machine that does much else makes the same work dearer: the cheapest of
        some tries counts.
        """
        took = []
        while len(took) < TRIES and min(took, default=1) > TURN_SECONDS:
            client = connect()
            start = time.thread_time()
            said = client.say(octets)
            took.append(time.thread_time() - start)
            last = said.split(b"\r\n")[-2]
            self.assertTrue(any(word in last for word in answers), said[-200:])
            if not client.closed:
                self.assertIn(b"t OK", client.say(b"t NOOP\r\n"))
        self.assertLess(min(took), TURN_SECONDS)

    def test_starttls_injection(self):
        """Plaintext behind STARTTLS is never run."""
        from mailsuite.wire.imap.session import Session

        session = Session()
        session.feed(b"a STARTTLS\r\nb LOGIN mrose secret\r\n")
        self.assertEqual(session.next_event().name, b"STARTTLS")
        session.secured()
        self.assertIsNone(session.next_event())

    def test_never_reading(self):
        """Nothing more is made for a client that does not read."""
        client = self.talk.login(b"INBOX")
        client.door.pauseProducing()  # the transport's buffer is full
        said = client.say(b"a FETCH 1 BODY.PEEK[]\r\n" * 2000)
        self.assertLess(said.count(b"a OK"), 3)
        client.door.resumeProducing()
        self.assertEqual(client.hear().count(b"a OK"), 2000 - said.count(b"a OK"))

    def test_never_reading_lost(self):
        """It ends quietly when the connection does."""
        client = self.talk.login(b"INBOX")
        client.door.pauseProducing()
        client.say(b"a FETCH 1 BODY.PEEK[]\r\n" * 20)
        client.lose()
        self.assertEqual(len(client.door.tasks), 0)

    def test_flood_yields(self):
        """A pipeline of thousands lets other clients in between."""
        flood, other = self.talk.login(b"INBOX"), self.talk.login(b"INBOX")
        flood.door.dataReceived(b"a NOOP\r\n" * 5000)
        self.assertLess(flood.transport.value().count(b"a OK"), 1000)
        self.assertIn(b"t OK", other.say(b"t NOOP\r\n"))

    def test_keywords(self):
        """Too many keywords in a mailbox are NO [LIMIT]."""
        client = self.talk.login(b"INBOX")
        for start in (0, 600):
            names = b" ".join(b"k%d" % n for n in range(start, start + 600))
            last = client.ask(b"STORE 1 +FLAGS.SILENT (" + names + b")")[1]
        self.assertIn(b"NO [LIMIT]", last)


def _test(name, octets, where, *answers):
    def test(self):
        client = {
            "before": self.talk.connect,
            "after": lambda: self.talk.login(b"INBOX"),
        }
        self.throw(client[where], octets, *answers)

    test.__doc__ = f"{name}: refused or bounded, and the session goes on or ends."
    setattr(HostileTests, f"test_{where}_{name}", test)


for _name, _octets in BEFORE_LOGIN.items():
    _test(_name, _octets, "before", b"BAD", b"NO", b"BYE")
for _name, _octets in AFTER_LOGIN.items():
    _test(_name, _octets, "after", b"BAD", b"NO", b"BYE")
for _name, _octets in ALLOWED.items():
    _test(f"allowed_{_name}", _octets, "after", b"OK")

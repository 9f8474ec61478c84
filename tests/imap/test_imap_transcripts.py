"""Dialogues, step by step and pipelined."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.flags import SEEN
from tests.support.imap import play, play_at_once
from tests.support.imap_world import Talk

HEADER = b"""\
Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev1 WG mtg summary and minutes
To: imap@cac.washington.edu
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.edu>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

""".replace(b"\n", b"\r\n")
BODY = b"x" * 30 + b"\r\n" + b"".join(b"y" * 30 + b"\r\n" for _ in range(90))
BODY += b"z" * (3028 - len(BODY) - 2) + b"\r\n"


def filled():
    """A world whose INBOX is that of RFC 3501 §8."""
    talk = Talk()
    inbox = talk.world.box("INBOX")
    for number in range(1, 19):
        if number == 12:
            inbox.add(HEADER + BODY, {SEEN}, 837_596_665)
        else:
            inbox.add(b"Subject: x\r\n\r\ny\r\n", {SEEN} if number < 17 else ())
    inbox.claimed = 17
    return talk


class TranscriptTests(SynchronousTestCase):
    def test_rfc(self):
        """The session of RFC 3501 §8."""
        client = filled().connect()
        play(self, "rfc3501-8.txt", client.say)
        self.assertTrue(client.closed)

    def test_rfc_at_once(self):
        """The same, all commands sent before the first answer."""
        play_at_once(self, "rfc3501-8.txt", filled().connect().say)

    def test_rfc_octets(self):
        """The same, octet by octet."""
        client = filled().connect()

        def say(octets):
            return b"".join([client.say(octets[n : n + 1]) for n in range(len(octets))])

        play(self, "rfc3501-8.txt", say)

    def test_folders(self):
        """Commands about mailboxes."""
        play(self, "folders.txt", Talk().connect().say)

    def test_folders_at_once(self):
        """The same, pipelined."""
        play_at_once(self, "folders.txt", Talk().connect().say)

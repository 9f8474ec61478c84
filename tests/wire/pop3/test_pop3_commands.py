"""The grammar of POP3's commands."""

import base64
import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import PeerError
from mailsuite.wire.pop3.commands import (
    Auth,
    Named,
    Numbered,
    Plain,
    Response,
    Secret,
    Top,
    Verb,
    parse,
    response,
)


class ParseTests(SynchronousTestCase):
    def refused(self, *lines):
        for line in lines:
            with self.assertRaises(PeerError, msg=line):
                parse(line)

    def test_case(self):
        """Keywords are recognised in any case (RFC 1939 §3)."""
        self.assertEqual(parse(b"nOoP"), Plain(Verb.NOOP))

    def test_user(self):
        """USER takes a name; UTF-8 is let through to the directory."""
        self.assertEqual(parse(b"USER mrose"), Named("mrose"))
        self.assertEqual(parse("USER jörg@example".encode()), Named("jörg@example"))
        self.refused(b"USER", b"USER ", b"USER \xff", b"USER a\x00b", b"USER a\rb")

    def test_pass_keeps_spaces(self):
        """All after the first space is the password (RFC 1939 §7)."""
        self.assertEqual(parse(b"PASS  a b "), Secret(" a b "))
        self.refused(b"PASS", b"PASS ")

    def test_secret_is_not_shown(self):
        """A password does not appear in the value's text."""
        self.assertNotIn("hunter2", repr(parse(b"PASS hunter2")))

    def test_numbers(self):
        """Message numbers are short runs of ASCII digits."""
        self.assertEqual(parse(b"RETR 1"), Numbered(Verb.RETR, 1))
        self.assertEqual(parse(b"LIST"), Numbered(Verb.LIST, None))
        self.assertEqual(parse(b"UIDL 007"), Numbered(Verb.UIDL, 7))
        self.assertEqual(parse(b"TOP 1 0"), Top(1, 0))
        self.refused(
            b"RETR",
            b"RETR -1",
            b"RETR +1",
            b"RETR 1 2",
            b"RETR 1.0",
            b"DELE 18446744073709551617",
            b"LIST x",
            "RETR \u0661".encode(),
            b"TOP 1",
            b"TOP 1 -1",
            b"TOP 1 2 3",
        )

    def test_all_lines(self):
        """TOP of more lines than any message has is TOP of all (RFC 1939 §7)."""
        self.assertEqual(parse(b"TOP 1 4294967295"), Top(1, 2**32 - 1))
        self.assertEqual(parse(b"TOP 1 " + b"9" * 400), Top(1, 10**400 - 1))

    def test_no_arguments(self):
        """Commands without arguments refuse any."""
        self.refused(b"QUIT 1", b"STAT x", b"CAPA all", b"STLS now", b"RSET 1")

    def test_unknown(self):
        """Anything else is no command; APOP is not offered."""
        self.refused(b"", b" ", b"XTND XMIT", b"APOP a b", b"GET / HTTP/1.1", b"\xff")

    def test_auth(self):
        """AUTH takes a mechanism and an initial response (RFC 5034 §4)."""
        self.assertEqual(parse(b"AUTH plain"), Auth("PLAIN"))
        self.assertEqual(parse(b"AUTH PLAIN ="), Auth("PLAIN", b""))
        text = base64.b64encode(b"\0tim\0tanstaaftanstaaf")
        self.assertEqual(
            parse(b"AUTH PLAIN " + text), Auth("PLAIN", b"\0tim\0tanstaaftanstaaf")
        )
        self.refused(b"AUTH", b"AUTH PLAIN %%", b"AUTH PLAIN AA== x", b"AUTH PLAIN A")

    def test_response(self):
        """Inside the exchange a line is base64, or cancels with an asterisk."""
        self.assertEqual(response(b"*"), Response(None))
        self.assertEqual(response(b""), Response(b""))
        self.assertEqual(response(b"AGE="), Response(b"\0a"))
        for line in (b"=", b"AG E=", b"A", b"**"):
            with self.assertRaises(PeerError):
                response(line)

    @given(st.binary(max_size=600))
    def test_garbage(self, line):
        """Whatever comes, there is a command or a refusal, nothing else."""
        for read in (parse, response):
            with contextlib.suppress(PeerError):
                read(line)

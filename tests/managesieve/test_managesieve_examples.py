"""Every example of RFC 5804, as far as a server speaks in it, with the real language."""

from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.delivery.programs import Programs
from mailsuite.events.memory import Events
from mailsuite.sieve.settings import Sieve
from mailsuite.store.scripts import InMemory, Scripts
from tests.support.filing import Now
from tests.support.managesieve import OFFER, Talk

LOOSE = {b"IMPLEMENTATION", b"UNAUTHENTICATE"}


class Examples(SynchronousTestCase):
    """A session over scripts that are kept and checked as those of users are."""

    def setUp(self):
        facts = InMemory()
        self.addCleanup(facts.close)
        self.limits = Sieve(scripts=10, octets=10_000)
        self.scripts = Scripts(
            facts, Programs(Now()).warnings, lambda: 1e9, Events(), self.limits
        )
        self.talk = Talk(scripts=self.scripts, tls=True)

    def login(self):
        self.assertTrue(self.talk.login().startswith(b"OK"))

    def says(self, asked, *lines):
        """Say something, and hear these lines; ``...`` stands for any rest."""
        said = self.talk.say(asked.encode() + b"\r\n").decode()
        self.assertTrue(said.endswith("\r\n"), said)
        found = said.removesuffix("\r\n").split("\r\n")
        self.assertEqual(len(found), len(lines), said)
        for line, wanted in zip(found, lines, strict=True):
            if wanted.endswith("..."):
                self.assertTrue(line.startswith(wanted[:-3]), (line, wanted))
            else:
                self.assertEqual(line, wanted)

    def put(self, name, script="keep;\r\n"):
        literal = f"{{{len(script.encode())}+}}\r\n{script}"
        self.says(f'PUTSCRIPT "{name}" {literal}', 'OK "Done"')

    def offered(self, said):
        """Capabilities and their values of an answer that ends with OK."""
        *lines, reply, end = said.split(b"\r\n")
        self.assertTrue(reply.startswith(b"OK"), said)
        self.assertEqual(end, b"")
        found = {}
        for line in lines:
            name, _, value = line.partition(b" ")
            self.assertNotIn(name, found)
            found[name.strip(b'"')] = value
        return found


class SessionTests(Examples):
    """RFC 5804 §1.7 to §2.4: capabilities, SASL, TLS and the end."""

    def test_greeting(self):
        """§1.7: what is told before the login, each once, then OK."""
        found = self.offered(self.talk.greeting)
        self.assertEqual(
            set(found) - LOOSE,
            {b"SASL", b"SIEVE", b"STARTTLS", b"NOTIFY", b"MAXREDIRECTS", b"VERSION"},
        )
        self.assertEqual(found[b"VERSION"], b'"1.0"')
        self.assertEqual(found[b"SIEVE"], b'"fileinto vacation"')
        self.assertEqual(found[b"STARTTLS"], b"")

    def test_logged_in(self):
        """§1.7: behind the login there is OWNER, and no STARTTLS."""
        self.login()
        found = self.offered(self.talk.say(b"CAPABILITY\r\n"))
        self.assertEqual(
            set(found) - LOOSE,
            {b"SASL", b"SIEVE", b"NOTIFY", b"OWNER", b"MAXREDIRECTS", b"VERSION"},
        )
        self.assertEqual(found[b"OWNER"], b'"ann@example.test"')

    def test_digest_md5(self):
        """§2.1, first: DIGEST-MD5 and GSSAPI are not here, and refused with NO."""
        self.says('Authenticate "DIGEST-MD5"', "NO ...")
        initial = b64encode(b"Y" * 1116).decode()
        self.assertEqual(len(initial), 1488)
        self.says(f'AUTHENTICATE "GSSAPI" {{1488+}}\r\n{initial}', "NO ...")

    def test_literals(self):
        """§2.1, second: responses are literals or quoted, and may be empty.

        The exchange there is one of DIGEST-MD5, here it is one of LOGIN.
        """
        self.says('Authenticate "LOGIN"', '"VXNlcm5hbWU6"')
        self.says("{24+}\r\nYW5uQGV4YW1wbGUudGVzdA==", '"UGFzc3dvcmQ6"')
        self.says('""', "NO ...")
        self.says('Authenticate "PLAIN"', '""')
        self.says("{0+}\r\n", "NO ...")
        self.says('Authenticate "PLAIN"', '""')
        proof = b64encode(b"\0ann@example.test\0secret").decode()
        self.says(f"{{{len(proof)}+}}\r\n{proof}", 'OK "Logged in"')

    def test_plain(self):
        """§2.1, third: no mechanism before TLS; with it three failures are the end.

        Our third NO comes before the BYE.
        """
        self.talk = Talk(tls=True, plaintext_login=False)
        found = self.offered(self.talk.greeting)
        self.assertEqual((found[b"SASL"], found[b"STARTTLS"]), (b'""', b""))
        self.talk = Talk()
        self.assertIn(b"PLAIN", self.offered(self.talk.greeting)[b"SASL"])
        for secret in (b"x", b"z"):
            proof = b64encode(b"\0ann@example.test\0" + secret).decode()
            self.says(f'Authenticate "PLAIN" "{proof}"', "NO ...")
        self.says(f'Authenticate "PLAIN" "{proof}"', "NO ...", "BYE ...")
        self.assertTrue(self.talk.transport.disconnecting)

    def test_as_printed(self):
        """§2.1, third: what is sent there is no base64 of PLAIN, and refused."""
        for response in ("QJIrweAPyo6Q1T9xu", "QJIrweAPyo6Q1T9xz"):
            self.says(f'Authenticate "PLAIN" "{response}"', "NO ...")

    def test_logout(self):
        """§2.3: OK, and the connection ends."""
        self.says("Logout", "OK ...")
        self.assertTrue(self.talk.transport.disconnecting)

    def test_capability(self):
        """§2.4: the same as in the greeting, in any case of letters."""
        for asked in (b"CAPABILITY\r\n", b"capability\r\n"):
            found = self.offered(self.talk.say(asked))
            self.assertEqual(found, self.offered(self.talk.greeting))


class ScriptTests(Examples):
    """RFC 5804 §2.5 to §2.13: scripts."""

    BAD = "{31+}\r\n#comment\r\nInvalidSieveCommand\r\n"

    def setUp(self):
        super().setUp()
        self.login()

    def test_have_space(self):
        """§2.5: too large, and not."""
        self.says('HAVESPACE "myscript" 999999', "NO (QUOTA/MAXSIZE) ...")
        self.says('HAVESPACE "foobar" 435', 'OK "Done"')

    def test_put_bad(self):
        """§2.6, first: what is wrong is told with its line, and not kept."""
        self.says(f'Putscript "foo" {self.BAD}', 'NO "line 2, column 1: ...')
        self.says("LISTSCRIPTS", 'OK "Done"')

    def test_put(self):
        """§2.6, second: kept, once it asks for envelope: the size is that of this."""
        script = """require ["fileinto"];

if envelope :contains "to" "tmartin+sent" {
  fileinto "INBOX.sent";
}
""".replace("\n", "\r\n")
        self.says(
            f'Putscript "mysievescript" {{{len(script)}+}}\r\n{script}',
            'NO "line 3, column 4: envelope is not asked for; ...',
        )
        script = script.replace('"fileinto"', '"fileinto","envelope"')
        self.says(f'Putscript "mysievescript" {{110+}}\r\n{script}', 'OK "Done"')

    FORWARDS = """redirect "111@example.net";

if size :under 10k {
    redirect "mobile@cell.example.com";
}

if envelope :contains "to" "tmartin+lists" {
    redirect "lists@groups.example.com";
}
""".replace("\n", "\r\n")

    def test_put_warned(self):
        """§2.6, third: more redirects than a message may have are warned of.

        The script there has three and the server a limit of two, ours is four.
        """
        asked = 'Putscript "myforwards" {190+}\r\n' + self.FORWARDS
        self.says(asked, 'NO "line 7, column 4: envelope is not asked for; ...')
        script = 'require "envelope";\r\n' + self.FORWARDS
        self.put("myforwards", script)
        more = 'redirect "1@example.net"; redirect "2@example.net";\r\n' + self.FORWARDS
        script = 'require "envelope";\r\n' + more
        self.says(
            f'Putscript "myforwards" {{{len(script)}+}}\r\n{script}',
            'OK (WARNINGS) "line 10: a message is redirected 4 times at most; ...',
        )
        self.says(f"Checkscript {{{len(script)}+}}\r\n{script}", "OK (WARNINGS) ...")

    def test_list(self):
        """§2.7: every script in any form of its name; the active one has its word."""
        for name in ("summer_script", "vacation_script", r"clever\"script"):
            self.put(name)
        self.put("main_script")
        self.says('SETACTIVE "main_script"', 'OK "Done"')
        names = ('"main_script" ACTIVE', '"summer_script"', '"vacation_script"')
        self.says("Listscripts", r'"clever\"script"', *names, 'OK "Done"')
        self.says('DELETESCRIPT {13+}\r\nclever"script', 'OK "Done"')
        self.says('DELETESCRIPT "vacation_script"', 'OK "Done"')
        self.says("listscripts", *names[:2], 'OK "Done"')

    def test_set_active(self):
        """§2.8: one that is there, none, and one that is not there."""
        self.put("vacationscript")
        self.says('Setactive "vacationscript"', 'OK "Done"')
        for _ in range(2):
            self.says('Setactive ""', 'OK "Done"')
        for name in ('"baz"', "{3+}\r\nbaz"):
            self.says(f"Setactive {name}", 'NO (NONEXISTENT) "There is no such script"')

    def test_get(self):
        """§2.9: the octets that were put; the RFC's script asks for nothing."""
        script = '#this is my wonderful script\r\nreject "I reject all";\r\n'
        self.says(f'PUTSCRIPT "x" {{54+}}\r\n{script}', 'NO "line 2, column 1: ...')
        script = script.replace("\r\n", '\r\nrequire "reject";', 1)
        self.put("myscript", script)
        first, second = script.removesuffix("\r\n").split("\r\n")
        size = len(script)
        self.says('Getscript "myscript"', f"{{{size}}}", first, second, "", 'OK "Done"')

    def test_delete(self):
        """§2.10: not the active one."""
        self.put("foo")
        self.put("baz")
        self.says('SETACTIVE "baz"', 'OK "Done"')
        self.says('Deletescript "foo"', 'OK "Done"')
        self.says('Deletescript "baz"', "NO (ACTIVE) ...")

    def test_rename(self):
        """§2.11: not to a name that is there; the active one stays active."""
        self.put("foo")
        self.put("baz")
        self.says('SETACTIVE "foo"', 'OK "Done"')
        self.says('Renamescript "foo" "bar"', 'OK "Done"')
        self.says('Renamescript "baz" "bar"', "NO (ALREADYEXISTS) ...")
        self.says('Renamescript "foo" "qux"', "NO (NONEXISTENT) ...")
        self.says('Renamescript "bar" "bar"', "NO (ALREADYEXISTS) ...")
        self.says("LISTSCRIPTS", '"bar" ACTIVE', '"baz"', 'OK "Done"')

    def test_check(self):
        """§2.12: what is wrong is told with its line; quotas do not count."""
        self.says(f"CheckScript {self.BAD}", 'NO "line 2, column 1: ...')
        for number in range(10):
            self.put(str(number))
        self.says('PUTSCRIPT "more" "keep;"', "NO (QUOTA/MAXSCRIPTS) ...")
        self.says('CHECKSCRIPT "keep;"', 'OK "Done"')
        large = "#" * (OFFER.octets + 1)
        self.says(f"CHECKSCRIPT {{{len(large)}+}}\r\n{large}", 'OK "Done"')

    def test_noop(self):
        """§2.13: with the tag that was sent, and without one."""
        self.says("NOOP", 'OK "Done"')
        self.says('NOOP "STARTTLS-SYNC-42"', 'OK (TAG "STARTTLS-SYNC-42") "Done"')

"""ManageSieve as clients use it: sieve-connect, sievelib, openssl, and a bad one."""

import itertools
import os
import random
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

from sievelib import managesieve as sievelib
from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo
from tests.support.patience import PATIENCE_SECONDS
from tests.support.sieveclient import Client

GOOD = 'require ["fileinto"];\r\nif true { fileinto "Archive"; }\r\n'
BAD = "keep;\r\nfoo;\r\n"
LIMITS = {"MAILSUITE_SIEVE_SCRIPTS": "3", "MAILSUITE_SIEVE_OCTETS": "2000"}
TLS_ONLY = {"MAILSUITE_MANAGESIEVE_PLAINTEXT_LOGIN": "false"}
PATIENT = {"MAILSUITE_MANAGESIEVE_BAD_COMMANDS": "1000000"}
SEED = 5804


class Suite(SynchronousTestCase):
    settings = LIMITS

    @classmethod
    def setUpClass(cls):
        cls.demo = Demo(users=6, settings=cls.settings)
        try:
            cls.demo.start()
        except BaseException:
            cls.demo.remove()
            raise
        cls.trusted = str(cls.demo.folder / "etc" / "tls" / "mx.example.test.pem")

    @classmethod
    def tearDownClass(cls):
        try:
            status = cls.demo.stop()
            assert status == 0, (status, cls.demo.output())
        finally:
            cls.demo.remove()

    def client(self, number):
        client = Client(self.demo, number)
        self.addCleanup(client.close)
        return client


class SieveConnectTests(Suite):
    """Debian's ``sieve-connect``, with TLS."""

    settings = LIMITS | TLS_ONLY

    def run_it(self, *words, status=0):
        read, write = os.pipe()
        os.write(write, self.demo.password(1).encode() + b"\n")
        os.close(write)
        try:
            done = subprocess.run(
                [
                    *("sieve-connect", "-s", self.demo.ready["host"]),
                    *("-p", str(self.demo.ready["managesieve"])),
                    *("-u", self.demo.address(1), "--passwordfd", str(read)),
                    *("--tlscafile", self.trusted),
                    *("--tlshostname", "mx.example.test", *words),
                ],
                cwd=self.demo.folder,
                pass_fds=(read,),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE_SECONDS,
                check=False,
            )
        finally:
            os.close(read)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def local(self, name, text):
        path = Path(self.demo.folder, name)
        path.write_bytes(text.encode())
        return ("--localsieve", str(path))

    def test_a_script(self):
        """It is put, listed, activated, fetched, switched off and removed."""
        good = self.local("good.sieve", GOOD)
        main = ("--remotesieve", "main")
        self.run_it(*good, *main, "--upload")
        self.assertEqual(self.run_it("--list").strip(), '"main"')
        self.run_it(*main, "--activate")
        self.assertEqual(self.run_it("--list").strip(), '"main" ACTIVE')
        got = Path(self.demo.folder, "got.sieve")
        self.run_it(*main, "--localsieve", str(got), "--download")
        self.assertEqual(got.read_bytes(), GOOD.encode())
        self.run_it(*main, "--delete", status=1)
        self.run_it("--deactivate")
        self.run_it(*main, "--delete")
        self.assertEqual(self.run_it("--list").strip(), "")

    def test_refusals(self):
        """What is wrong is told with its line; what is too much as a quota."""
        bad = self.local("bad.sieve", BAD)
        for words in (("--remotesieve", "bad", "--upload"), ("--checkscript",)):
            self.assertIn("line 2, column 1", self.run_it(*bad, *words, status=1))
        large = self.local("large.sieve", "#" * 3_000 + "\n")
        said = self.run_it(*large, "--remotesieve", "large", "--upload", status=1)
        self.assertIn("2000 octets", said)
        self.assertEqual(self.run_it("--list").strip(), "")


class SievelibTests(Suite):
    """The client of Python programs."""

    def logged_in(self, number=2, mechanism="PLAIN"):
        """Verifies our certificate, as it is its wont."""
        ready = self.demo.ready
        client = sievelib.Client(
            ready["host"], ready["managesieve"], srvhostname="mx.example.test"
        )
        name, secret = self.demo.address(number), self.demo.password(number)
        with patch.dict(os.environ, SSL_CERT_FILE=self.trusted):
            self.assertTrue(
                client.connect(name, secret, starttls=True, authmech=mechanism)
            )
        self.addCleanup(client.logout)
        return client

    def test_a_script(self):
        """Every call of it does what it says."""
        client = self.logged_in()
        self.assertIn("vacation", client.get_sieve_capabilities())
        self.assertEqual(client.listscripts(), (None, []))
        self.assertTrue(client.havespace("one", len(GOOD)))
        self.assertTrue(client.checkscript(GOOD))
        self.assertTrue(client.putscript("one", GOOD), client.errmsg)
        self.assertTrue(client.putscript("Ä “two”", "keep;\r\n"), client.errmsg)
        self.assertTrue(client.setactive("one"))
        self.assertEqual(client.listscripts(), ("one", ["Ä “two”"]))
        self.assertEqual(client.getscript("one").split(), GOOD.split())
        self.assertTrue(client.renamescript("one", "three"))
        self.assertEqual(client.listscripts(), ("three", ["Ä “two”"]))
        self.assertFalse(client.deletescript("three"))
        self.assertEqual(client.errcode, b"ACTIVE")
        self.assertTrue(client.setactive(""))
        for name in ("three", "Ä “two”"):
            self.assertTrue(client.deletescript(name))
        self.assertFalse(client.deletescript("three"))
        self.assertEqual(client.errcode, b"NONEXISTENT")

    def test_refusals(self):
        """Bad scripts with their line, quotas with their codes."""
        client = self.logged_in(3, "LOGIN")
        for call in (client.checkscript, lambda text: client.putscript("x", text)):
            self.assertFalse(call(BAD))
            self.assertIn(b"line 2, column 1", client.errmsg)
        self.assertFalse(client.havespace("x", 2_001))
        self.assertEqual(client.errcode, b"QUOTA/MAXSIZE")
        for name in "abc":
            self.assertTrue(client.putscript(name, "keep;\r\n"))
        self.assertFalse(client.putscript("d", "keep;\r\n"))
        self.assertEqual(client.errcode, b"QUOTA/MAXSCRIPTS")
        self.assertTrue(client.putscript("c", "stop;\r\n"))


class OpenSSLTests(Suite):
    """A script over ``openssl s_client``, which knows our STARTTLS."""

    settings = LIMITS | TLS_ONLY

    def test_script(self):
        """Pipelined commands are answered in order; mail is filed as they say."""
        demo = self.demo
        session = [
            b'AUTHENTICATE "PLAIN" "AHVzZXI0QGV4YW1wbGUudGVzdABzZWNyZXQ="',
            b'PUTSCRIPT "filed" {%d+}' % len(GOOD),
            GOOD.encode(),
            b'SETACTIVE "filed"',
            b"LISTSCRIPTS",
            b'NOOP "end"',
            b"LOGOUT",
            b"",
        ]
        done = subprocess.run(
            [
                *("openssl", "s_client", "-starttls", "sieve", "-quiet"),
                *("-verify_quiet", "-verify_return_error"),
                *("-CAfile", self.trusted, "-verify_hostname", "mx.example.test"),
                "-connect",
                f"{demo.ready['host']}:{demo.ready['managesieve']}",
            ],
            input=b"\r\n".join(session),
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        said = done.stdout
        self.assertTrue(
            said.endswith(
                b'OK "Logged in"\r\nOK "Done"\r\nOK "Done"\r\n"filed" ACTIVE\r\n'
                b'OK "Done"\r\nOK (TAG "end") "Done"\r\nOK "Done"\r\n'
            ),
            said + done.stderr,
        )
        with demo.smtp() as smtp:
            smtp.sendmail("a@elsewhere.test", [demo.address(4)], b"Subject: f\r\n\r\n")
        with demo.imap(4) as imap:
            imap.create("Archive")
            end = time.monotonic() + PATIENCE_SECONDS
            while imap.select("Archive")[1] != [b"1"]:
                self.assertLess(time.monotonic(), end, demo.output())
                time.sleep(0.1)


class HandshakeTests(Suite):
    """STARTTLS with a real handshake, octet by octet (RFC 5804 §2.1, §2.2)."""

    settings = LIMITS | TLS_ONLY

    def test_capabilities_anew(self):
        """They come again after the handshake, and what was pushed in is forgotten."""
        client = self.client(5)
        self.assertIn(b'"SASL" ""\r\n', client.greeting)
        self.assertIn(b'"STARTTLS"\r\n', client.greeting)
        reply = client.say(b'AUTHENTICATE "PLAIN" "AGEAYg=="')[1]
        self.assertTrue(reply.startswith(b"NO (ENCRYPT-NEEDED)"), reply)
        told = client.secure(self.trusted, b'NOOP "injected"\r\n')
        self.assertTrue(any(b' SCRAM-SHA-1 PLAIN LOGIN"' in line for line in told))
        self.assertNotIn(b'"STARTTLS"\r\n', told)
        self.assertEqual(client.say(b'NOOP "x"'), ([], b'OK (TAG "x") "Done"'))
        self.assertTrue(client.say(b"STARTTLS")[1].startswith(b"NO"))
        client.login()
        told = client.say(b"CAPABILITY")[0]
        self.assertIn(b'"OWNER" "user5@example.test"\r\n', told)
        self.assertEqual(client.say(b"LOGOUT")[1], b'OK "Done"')
        self.assertEqual(client.file.read(), b"")

    def test_no_handshake(self):
        """Plain text where a handshake should be ends the connection."""
        client = self.client(5)
        client.send(b"STARTTLS\r\n")
        self.assertTrue(client.heard()[1].startswith(b"OK"))
        client.send(b"NOOP\r\n" * 10)
        with self.assertRaises((EOFError, ConnectionError)):
            client.line()


class RoughTests(Suite):
    """Clients that mean no good; the suite's stop counts stalls of the reactor."""

    settings = PATIENT

    def test_any_octets(self):
        """Whatever is sent, the session answers or ends, and nobody is held up."""
        dice = random.Random(SEED)
        pieces = (
            *(b"PUTSCRIPT ", b'"a" ', b'"', b"\\", b"\r\n", b"\r\n", b"\n", b"\0"),
            *(b"{3+}\r\n", b"{0+}\r\n" * 8, b"{70000+}\r\n", b"x" * 8_000, b"\xff"),
            *(b"a " * 4_000, b"{1" * 4_000, b'"" ' * 2_000, b"NOOP\r\n" * 2_000),
            *(b"CHECKSCRIPT ", b"{99999999999999}\r\n", b"LISTSCRIPTS\r\n" * 100),
            b'CHECKSCRIPT "%b"\r\n' % (b"if not " * 140),
        )
        said = [
            [*dice.choices(pieces, k=dice.randrange(1, 30)), dice.randbytes(500)]
            for _ in range(60)
        ]
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(self.says, said))
        with Client(self.demo, 1).login() as client:
            self.assertEqual(client.say(b"NOOP")[1], b'OK "Done"')
        self.assertEqual(self.demo.logged("event=managesieve.failed"), [])

    def says(self, said):
        """Send it, and read until there is nothing more for a while."""
        with Client(self.demo, 1).login() as client:
            client.socket.settimeout(0.2)
            try:
                for octets in said:
                    client.send(octets)
                while client.socket.recv(65_536):
                    pass
            except (TimeoutError, ConnectionError):
                pass

    def test_never_reads(self):
        """Who asks and does not read costs little, and nobody else waits."""
        text = b"#" * 90_000 + b"\r\n"
        with Client(self.demo, 2).login() as good:
            self.assertTrue(good.put(b"large", text).startswith(b"OK"))
            before = self.resident()
            bad = [Client(self.demo, 2).login() for _ in range(10)]
            for client in bad:
                self.addCleanup(client.close)
            with ThreadPoolExecutor(len(bad)) as threads:
                list(threads.map(self.asks, bad))
            self.assertEqual(good.get(b"large"), text)
            each = (self.resident() - before) / len(bad)
            self.assertLess(each, 3 << 20)

    def asks(self, client):
        """Ask until nothing more is taken."""
        client.socket.settimeout(0.5)
        with self.assertRaises((TimeoutError, ConnectionError)):
            for _ in itertools.count():
                client.send(b'GETSCRIPT "large"\r\n' * 1_000)

    def resident(self):
        """Octets of memory that the suite uses."""
        pages = Path(f"/proc/{self.demo.ready['pid']}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")


class KillTests(SynchronousTestCase):
    """Kill -9 while scripts are put."""

    def setUp(self):
        self.demo = Demo(users=2)
        self.addCleanup(self.demo.remove)
        self.demo.start()

    def put_until_killed(self, client, done, said):
        """Put and activate version after version; ``done`` are acknowledged."""
        try:
            for number in itertools.count(len(said)):
                name = b"s%d" % (number % 5)
                said.append((name, b"# %d\r\n" % number * 50 + b"keep;\r\n"))
                if not client.put(*said[-1]).startswith(b"OK"):
                    return
                done.append(said[-1])
        except (EOFError, OSError):
            pass

    def test_kill(self):
        """Nothing acknowledged is lost; what was not is there whole or not at all."""
        done, said = [], []
        for wait in (0.3, 0.05, 0.6):
            client = Client(self.demo).login()
            thread = threading.Thread(
                target=self.put_until_killed, args=(client, done, said)
            )
            count = len(done)
            thread.start()
            while len(done) == count:
                time.sleep(0.01)
            time.sleep(wait)
            self.demo.kill()
            thread.join()
            client.close()
            self.demo.start()
            with Client(self.demo).login() as client:
                for name, text in dict(done).items():
                    since = said[said.index((name, text)) :]
                    later = {text for other, text in since if other == name}
                    self.assertIn(client.get(name), later)
                self.assertTrue(
                    set(client.names()) <= {name.decode() for name, _ in said}
                )
                self.assertTrue(client.say(b'SETACTIVE "s0"')[1].startswith(b"OK"))
                self.assertTrue(client.say(b'SETACTIVE ""')[1].startswith(b"OK"))

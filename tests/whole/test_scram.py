"""SCRAM with real clients at every door, over TLS and bound to it; after a kill too."""

import base64
import hashlib
import imaplib
import poplib
import sqlite3
import ssl
import subprocess
import time
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo
from tests.support.patience import PATIENCE_SECONDS
from tests.support.scram import Client
from tests.support.sieveclient import Client as SieveClient

TLS_ONLY = {
    "MAILSUITE_MANAGESIEVE_PLAINTEXT_LOGIN": "false",
    "MAILSUITE_IMAP_PLAINTEXT_LOGIN": "false",
    "MAILSUITE_POP3_PLAINTEXT_LOGIN": "false",
    "MAILSUITE_SUBMISSION_CLEAR_AUTH_ON_LOOPBACK": "false",
}
NAME = "mx.example.test"
MECHANISMS = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1")


def answers(scram):
    """What imaplib calls with each challenge."""
    steps = iter((lambda _: scram.first, scram.final, lambda _: b""))

    def answer(said):
        return next(steps)(said)

    return answer


class Suite(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.demo = Demo(users=4, settings=TLS_ONLY)
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

    def ran(self, *words, said="", status=0):
        done = subprocess.run(
            words,
            input=said,
            cwd=self.demo.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def proven(self, door, mechanism, times=1):
        """So often somebody proved who they are in that way; the log lags."""
        words = f" door={door} mechanism={mechanism} "
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            lines = self.demo.logged("event=auth.succeeded")
            if len([line for line in lines if words in line]) == times:
                return
            self.assertLess(time.monotonic(), end, (words, lines))
            time.sleep(0.05)


class GsaslTests(Suite):
    """Debian's ``gsasl``, which binds to the channel if it can."""

    def gsasl(self, kind, number, *words, user=None, secret=None, status=0):
        demo = self.demo
        port = demo.ready["imap" if kind == "imap" else "submission"]
        return self.ran(
            *("gsasl", "--verbose", f"--{kind}", f"--connect=127.0.0.1:{port}"),
            *(f"--hostname={NAME}", f"--x509-ca-file={self.trusted}"),
            f"--authentication-id={user or demo.address(number)}",
            f"--password={secret or demo.password(number)}",
            *words,
            status=status,
        )

    def test_each(self):
        """Each mechanism over IMAP and submission; the client trusts the server."""
        for kind, door in (("imap", "imap"), ("smtp", "submission")):
            for mechanism in MECHANISMS:
                words = ["-m", mechanism]
                if not mechanism.endswith("PLUS"):
                    words.append("--no-cb")
                said = self.gsasl(kind, 1, *words)
                self.assertIn("server trusted", said)
                self.proven(door, mechanism)

    def test_chosen(self):
        """Left to choose, it takes the strongest that is bound to the channel."""
        said = self.gsasl("imap", 2)
        self.assertIn("AUTHENTICATE SCRAM-SHA-256-PLUS", said)

    def test_wrong(self):
        """A wrong password and an unknown user are refused with the same words."""
        words = ("-m", "SCRAM-SHA-256-PLUS")
        said = [
            self.gsasl("imap", 3, *words, secret="wrong", status=1),
            self.gsasl("imap", 3, *words, user="x@a.test", status=1),
        ]
        for one in said:
            self.assertIn(". NO [AUTHENTICATIONFAILED] Name or password is wrong", one)


class ProgramsTests(Suite):
    """Mail programs of Debian that know SCRAM."""

    def test_msmtp(self):
        """Msmtp submits by each."""
        demo = self.demo
        path = Path(demo.folder, "msmtprc")
        for number, auth in enumerate(("scram-sha-256", "scram-sha-1")):
            path.write_text(
                f"account default\nhost 127.0.0.1\nport {demo.ready['submission']}\n"
                f"from {demo.address(1)}\nauth {auth}\nuser {demo.address(1)}\n"
                f"password {demo.password(1)}\ntls on\ntls_starttls on\n"
                f"tls_trust_file {self.trusted}\ntls_host_override {NAME}\n"
            )
            path.chmod(0o600)
            text = f"Subject: {number}\n\nhello\n"
            self.ran("msmtp", "-C", str(path), demo.address(2), said=text)
        self.proven("submission", "SCRAM-SHA-256")
        self.proven("submission", "SCRAM-SHA-1")

    def test_mbsync(self):
        """Mbsync fetches with libsasl's SCRAM."""
        demo, path = self.demo, Path(self.demo.folder, "mbsyncrc")
        mail = Path(demo.folder, "fetched")
        mail.mkdir()
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1"):
            path.write_text(
                f"IMAPAccount a\nHost 127.0.0.1\nPort {demo.ready['imap']}\n"
                f"User {demo.address(3)}\nPass {demo.password(3)}\n"
                f"SSLType STARTTLS\nCertificateFile {self.trusted}\n"
                f"AuthMechs {mechanism}\n\nIMAPStore far\nAccount a\n\n"
                f"MaildirStore near\nPath {mail}/\nInbox {mail}/INBOX\n\n"
                "Channel c\nFar :far:INBOX\nNear :near:INBOX\nCreate Near\n"
                "SyncState *\n"
            )
            self.ran("mbsync", "-c", str(path), "c")
            self.proven("imap", mechanism)


class DoorsTests(Suite):
    """The doors that no program of Debian's speaks SCRAM to."""

    def end_point(self):
        """RFC 5929 §4: the certificate's hash; ours is signed with SHA-256."""
        pem = Path(self.trusted).read_text("ascii")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()

    def bound(self, number):
        demo, header = self.demo, "p=tls-server-end-point,,"
        name, secret = demo.address(number), demo.password(number)
        return Client(name, secret, header=header, bound=self.end_point())

    def test_managesieve(self):
        """The mechanisms are told in TLS; success carries the last words."""
        client = SieveClient(self.demo, 1)
        self.addCleanup(client.close)
        self.assertIn(b'"SASL" ""\r\n', client.greeting)
        told = client.secure(self.trusted)
        line = f'"SASL" "{" ".join(MECHANISMS)} PLAIN LOGIN"\r\n'
        self.assertIn(line.encode(), told)
        scram = self.bound(1)
        first = base64.b64encode(scram.first)
        client.send(b'AUTHENTICATE "SCRAM-SHA-256-PLUS" "%b"\r\n' % first)
        challenge = base64.b64decode(client.line().strip(b'"\r\n'))
        final = base64.b64encode(scram.final(challenge))
        reply = client.say(b'"%b"' % final)[1]
        self.assertTrue(reply.startswith(b'OK (SASL "'), reply)
        self.assertTrue(scram.trusts(base64.b64decode(reply.split(b'"')[1])))
        self.assertEqual(client.names(), [])

    def test_pop3(self):
        """Over STLS and at the TLS port."""
        context = ssl.create_default_context(cafile=self.trusted)
        context.check_hostname = False
        ready = self.demo.ready
        plain = poplib.POP3(ready["host"], ready["pop3"], timeout=60)
        plain.stls(context)
        secure = poplib.POP3_SSL(
            ready["host"], ready["pop3s"], context=context, timeout=60
        )
        for pop in (plain, secure):
            self.assertIn("SCRAM-SHA-256-PLUS", pop.capa()["SASL"])
            scram = self.bound(2)
            first = base64.b64encode(scram.first).decode()
            said = pop._shortcmd
            pop._putcmd(f"AUTH SCRAM-SHA-256-PLUS {first}")
            challenge = base64.b64decode(pop._getline()[0][2:])
            pop._putcmd(base64.b64encode(scram.final(challenge)).decode())
            self.assertTrue(scram.trusts(base64.b64decode(pop._getline()[0][2:])))
            self.assertTrue(said("").startswith(b"+OK"))
            self.assertTrue(pop.stat())
            pop.quit()

    def test_no_binding_before_tls_1_3(self):
        """TLS 1.2 has no binding that is safe, so none is offered."""
        context = ssl.create_default_context(cafile=self.trusted)
        context.check_hostname = False
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        ready = self.demo.ready
        pop = poplib.POP3_SSL(
            ready["host"], ready["pop3s"], context=context, timeout=60
        )
        self.assertEqual(
            pop.capa()["SASL"], ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"]
        )
        pop.quit()

    def test_imaps(self):
        """The TLS port's greeting knows the channel already."""
        context = ssl.create_default_context(cafile=self.trusted)
        context.check_hostname = False
        ready = self.demo.ready
        imap = imaplib.IMAP4_SSL(ready["host"], ready["imaps"], ssl_context=context)
        self.assertIn(b"AUTH=SCRAM-SHA-256-PLUS", imap.welcome)
        scram = self.bound(3)
        imap.authenticate("SCRAM-SHA-256-PLUS", answers(scram))
        self.assertEqual(imap.select()[0], "OK")
        imap.logout()


class UpgradeTests(SynchronousTestCase):
    """A data directory from before SCRAM, and a kill right after the login."""

    def test_keys_at_login(self):
        """SCRAM is offered once all logged in with their passwords, and then lasts."""
        demo = Demo(users=2)
        self.addCleanup(demo.remove)
        demo.start()
        demo.kill()
        (state,) = demo.folder.rglob("state.db")
        with closing(sqlite3.connect(state)) as database, database:
            database.executescript(
                "DROP TABLE scram; DROP TABLE seed; PRAGMA user_version = 2"
            )
        demo.start()
        told = b"SCRAM-SHA-256"
        for number in (1, 2):
            imap = demo.imap(number)
            self.assertNotIn(told, imap.welcome)
            imap.logout()
        for _ in range(100):
            with closing(sqlite3.connect(state)) as database:
                (keys,) = database.execute("SELECT count(*) FROM scram").fetchone()
            if keys == 4:
                break
            with demo.smtp() as smtp:
                smtp.noop()
        demo.kill()
        demo.start()
        imap = demo.imap()
        self.assertIn(told, imap.welcome)
        imap.logout()
        scram = Client(demo.address(2), demo.password(2))
        imap = imaplib.IMAP4(demo.ready["host"], demo.ready["imap"])
        imap.authenticate("SCRAM-SHA-256", answers(scram))
        imap.logout()
        self.assertEqual(demo.stop(), 0)

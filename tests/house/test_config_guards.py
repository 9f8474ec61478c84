"""Guards before the start: each stops it with a text, and touches nothing."""

import fcntl
import os
import socket
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.house import config, guards
from mailsuite.model.errors import UsageError
from mailsuite.tls import selfsigned

DOORS = ("smtp", "managesieve", "submission", "imap", "pop3")


class GuardTests(SynchronousTestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "etc").mkdir()
        self.path = self.folder / "etc" / "mailsuite.toml"
        self.sections = {name: ["listen = []"] for name in DOORS}
        for name in DOORS[2:]:
            self.sections[name].append("listen_tls = []")

    def start(self, section="", *lines, mode=0o644):
        sections = {name: list(rows) for name, rows in self.sections.items()}
        kept = sections.setdefault(section, []) if section else []
        for line in lines:
            key = line.split(" ")[0]
            kept[:] = [row for row in kept if row.split(" ")[0] != key] + [line]
        text = "".join(f"[{n}]\n" + "\n".join(r) + "\n" for n, r in sections.items())
        self.path.write_text(text)
        self.path.chmod(mode)
        guards.start(config.load(str(self.path), {}))

    def refused(self, *given, **options):
        before = sorted(self.folder.rglob("*"))
        error = self.assertRaises(UsageError, self.start, *given, **options)
        after = [path for path in sorted(self.folder.rglob("*")) if path != self.path]
        self.assertEqual(after, [path for path in before if path != self.path])
        return str(error)

    def test_sound(self):
        """A sound configuration starts, and a guard makes nothing."""
        self.start()
        self.assertFalse((self.folder / "var").exists())

    def test_open_relay(self):
        """Networks that hold the world are no networks of ours."""
        for network in ("0.0.0.0/0", "::/0", "128.0.0.0/1"):
            said = self.refused("policy", f'relay_networks = ["{network}"]')
            self.assertIn("open relay", said)
        self.start("policy", 'relay_networks = ["10.0.0.0/8"]')

    def test_network_unreadable(self):
        """What is no network is said."""
        said = self.refused("policy", 'relay_networks = ["x"]')
        self.assertIn("policy.relay_networks: 'x' does not", said)

    def test_annotations(self):
        """Less room for annotations than RFC 5464 demands is refused."""
        self.assertIn("1024", self.refused("store", "annotation_octets = 1023"))
        self.assertIn("10 ", self.refused("store", "annotations = 9"))
        self.start("store", "annotations = 10")

    def test_many_annotations(self):
        """More than can be listed in one turn are refused: what to do is said."""
        self.assertIn("at most 5000", self.refused("store", "annotations = 5001"))
        self.start("store", "annotations = 5000")

    def test_port_in_use(self):
        """A port in use: which, and what to do."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            said = self.refused("smtp", f'listen = ["127.0.0.1:{port}"]')
        self.assertIn("in use", said)
        self.assertIn(str(port), said)

    def test_address_unreadable(self):
        """What cannot be listened on is told with the setting that says it."""
        said = self.refused("pop3", 'listen = ["127.0.0.1"]')
        self.assertIn("pop3.listen: cannot listen on '127.0.0.1': write", said)

    def test_recipients(self):
        """Fewer recipients than RFC 5321 demands are refused by name."""
        said = self.refused("lmtp", "recipients = 99")
        self.assertIn("lmtp.recipients is at least 100", said)

    def test_folder_is_a_file(self):
        """A file where the data folder should be is left as it is."""
        (self.folder / "var").write_text("")
        self.assertIn("is no folder", self.refused())

    def test_same_port(self):
        """Two doors on one port: that it is our own mistake is said."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
        listen = f'listen = ["127.0.0.1:{port}", "127.0.0.1:{port}"]'
        self.assertIn("two doors listen on", self.refused("smtp", listen))

    def test_second_instance(self):
        """A folder that somebody runs on is left alone."""
        (self.folder / "var").mkdir(mode=0o700)
        with open(self.folder / "var" / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertIn("another instance", self.refused())
        self.start()

    def test_key_for_everybody(self):
        """A private key that everybody may read stops the start."""
        certificate = str(self.folder / "c.pem")
        key = str(self.folder / "k.pem")
        selfsigned.write(certificate, key, ["mx.test"], time.time())
        os.chmod(key, 0o644)
        lines = (f'certificate = "{certificate}"', f'key = "{key}"')
        self.assertIn("chmod 600", self.refused("tls", *lines))
        os.chmod(key, 0o600)
        self.start("tls", *lines)

    def test_no_certificate(self):
        """TLS ports without a certificate are told before they are missed."""
        said = self.refused("imap", 'listen_tls = ["127.0.0.1:0"]')
        self.assertIn("imap.listen_tls needs", said)

    def test_clear_passwords(self):
        """Passwords in the clear are for loopback."""
        lines = ('listen = ["*:0"]', "plaintext_login = true")
        self.assertIn("loopback only", self.refused("imap", *lines))
        self.start("imap", 'listen = ["127.0.0.1:0"]', "plaintext_login = true")

    def test_configuration_for_everybody(self):
        """A configuration that everybody may write stops the start."""
        self.assertIn("chmod 644", self.refused(mode=0o666))

    def test_folder_for_everybody(self):
        """So does a data folder that everybody may write to."""
        (self.folder / "var").mkdir()
        (self.folder / "var").chmod(0o777)
        self.assertIn("chmod 700", self.refused())

    def test_route(self):
        """A route that cannot be read."""
        self.assertTrue(self.refused("relay", 'routes = ["x"]'))

"""OpenDKIM as a milter on loopback: signs what a Postfix sends."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.support.patience import PATIENCE_SECONDS

PROGRAM = "/usr/sbin/opendkim"


class Milter:
    """Signs mail whose From is of ``domain``; ``pem`` is the private key."""

    def __init__(self, domain, selector, pem):
        if not os.path.exists(PROGRAM):
            raise AssertionError("Debian's opendkim is not there: run .ci/run")
        self.folder = Path(tempfile.mkdtemp(prefix="opendkim-"))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        (self.folder / "key.pem").write_bytes(pem)
        os.chmod(self.folder / "key.pem", 0o600)
        path = self.folder / "opendkim.conf"
        path.write_text(
            f"Domain {domain}\nSelector {selector}\nKeyFile {self.folder}/key.pem\n"
            f"Socket inet:{self.port}@127.0.0.1\nMode s\nSyslog no\n"
            "Canonicalization relaxed/simple\nSignatureAlgorithm rsa-sha256\n"
            "InternalHosts 127.0.0.1\nRequireSafeKeys no\n"
        )
        self._process = subprocess.Popen(
            [PROGRAM, "-f", "-x", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def _wait(self):
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise AssertionError("opendkim does not answer") from None
                time.sleep(0.05)
            else:
                return

    def stop(self):
        """End it and remove its folder; asked to end it takes five seconds."""
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)

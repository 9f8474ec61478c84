"""Where things lie: the configuration's relative paths made absolute."""

import hashlib
import os
import socket
import tempfile

from attrs import evolve, frozen

from mailsuite.house.config import Loaded
from mailsuite.house.domains import FOLDER
from mailsuite.house.tree import Tree

SOCKET_OCTETS = 100
"""Longer paths do not fit into a Unix socket's address (108 octets on Linux)."""


@frozen
class Places:
    """The folders and files of one suite; nothing is opened or made here."""

    config: str
    data: str
    control: str

    @property
    def etc(self) -> str:
        """The folder of the configuration."""
        return os.path.dirname(self.config)

    @property
    def domains(self) -> str:
        """People's own files of domains."""
        return os.path.join(self.etc, FOLDER)

    @property
    def state(self) -> str:
        """The directory's database."""
        return os.path.join(self.data, "state.db")

    @property
    def snoozed(self) -> str:
        """The database of accounts with snoozed mail."""
        return os.path.join(self.data, "snoozed.db")

    @property
    def reports(self) -> str:
        """The database of reports."""
        return os.path.join(self.data, "reports.db")


def socket_path(folder: str, name: str) -> str:
    """Give the path of a socket in ``folder``, or a short one where that is long."""
    path = os.path.join(folder, name)
    if len(os.fsencode(path)) <= SOCKET_OCTETS:
        return path
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = os.path.join(tempfile.gettempdir(), f"mailsuite-{os.geteuid()}-{digest}")
    return os.path.join(short, name)


def places(loaded: Loaded) -> Places:
    """Say where everything of a configuration lies."""
    config = os.path.abspath(loaded.path)
    below = os.path.dirname(config)
    data = os.path.normpath(os.path.join(below, loaded.tree.server.data))
    own = loaded.tree.control.socket
    control = os.path.join(below, own) if own else socket_path(data, "ctl.sock")
    return Places(config, data, control)


def absolute(tree: Tree, etc: str) -> Tree:
    """Give the tree with its file names absolute and the own name filled in."""

    def whole(path: str) -> str:
        return os.path.normpath(os.path.join(etc, path)) if path else ""

    log = tree.log.target
    if log not in {"stdout", "stderr"}:
        log = whole(log)
    tls = evolve(
        tree.tls, certificate=whole(tree.tls.certificate), key=whole(tree.tls.key)
    )
    hostname = tree.server.hostname or socket.getfqdn().lower()
    return evolve(
        tree,
        tls=tls,
        log=evolve(tree.log, target=log),
        server=evolve(tree.server, hostname=hostname),
    )

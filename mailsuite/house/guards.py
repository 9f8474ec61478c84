"""What must be right before the suite starts; nothing is changed here.

Each guard raises one text that says what to do, so that a start that cannot work
stops at once, with a status other than 0, before anything was touched.
"""

import fcntl
import os
import stat
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from mailsuite.directory import keymaking
from mailsuite.directory.registry import rules_of
from mailsuite.dns.servers import chosen
from mailsuite.house import domains, sieves
from mailsuite.house.config import Loaded, values
from mailsuite.house.paths import absolute, places
from mailsuite.house.sockets import wanted
from mailsuite.house.tree import Tree
from mailsuite.model.annotations import VALUE_OCTETS
from mailsuite.model.errors import UsageError
from mailsuite.net.endpoints import Place, bind
from mailsuite.policy.networks import RELAYING, networks
from mailsuite.relay import signing
from mailsuite.relay.routes import Routes
from mailsuite.reports.settings import checked as reports
from mailsuite.smtp import manners
from mailsuite.store.settings import Settings as Store
from mailsuite.tls.contexts import Contexts

ANNOTATIONS = 5_000
"""Of a mailbox: so many are listed in 25 ms of one turn of the reactor."""
LISTENING = frozenset({"listen", "listen_tls"})
"""Keys that say where a door listens."""
WIDEST = {4: 8, 6: 16}
"""Shortest prefix of a network that may relay without a password."""


def start(loaded: Loaded) -> None:
    """Everything that can be known before a start. :raises UsageError: what."""
    where = places(loaded)
    tree = absolute(loaded.tree, where.etc)
    settings(tree)
    sieves.load(tree, domains.load(where.domains), where.etc)
    secret_file(where.config)
    data_folder(where.data)
    free(wanted(tree, where).every())


def settings(tree: Tree) -> None:
    """Look for settings that are well-formed and yet must not be used."""
    if tree.server.assembly not in {"solo", "memory"}:
        raise UsageError("server.assembly is solo or memory")
    if tree.log.style not in {"logfmt", "json"}:
        raise UsageError("log.style is logfmt or json")
    if tree.log.level not in {"debug", "info", "warn", "error", "critical"}:
        raise UsageError("log.level is debug, info, warn, error or critical")
    addresses(tree)
    open_relay(tree.policy.relay_networks)
    annotations(tree.store)
    rules_of(tree.directory)
    Routes.parse(tree.relay.routes, tree.relay.port, tree.relay.tls)
    for algorithm in tree.signing.algorithms:
        keymaking.checked(algorithm)
    signing.checked(tree.signing)
    chosen(tree.dns.servers)
    reports(tree.reports)
    certificate(tree)
    clear_passwords(tree)
    hostname, size = tree.server.hostname, tree.policy.message_octets
    manners.smtp(tree.smtp, hostname, size, tls=False)
    manners.submission(tree.submission, hostname, size, tls=False)
    manners.lmtp(tree.lmtp, hostname, size)


def addresses(tree: Tree) -> None:
    """:raises UsageError: what a door should listen on cannot be read."""
    for section, keys in values(tree).items():
        for key in LISTENING & keys.keys():
            for text in keys[key]:
                try:
                    Place.parse(text)
                except UsageError as error:
                    raise UsageError(f"{section}.{key}: {error}") from error


def open_relay(texts: Sequence[str]) -> None:
    """:raises UsageError: half the world could send through us."""
    for network in networks(RELAYING, texts):
        if network.prefixlen < WIDEST[network.version]:
            raise UsageError(
                f"policy.relay_networks: {network} would make an open relay; name"
                " your own networks, or let users log in"
            )


def annotations(store: Store) -> None:
    """:raises UsageError: less than RFC 5464 §4.1 lets a server take, or too many."""
    if store.annotations < 10:
        raise UsageError("store.annotations is at least 10 (RFC 5464)")
    if store.annotations > ANNOTATIONS:
        raise UsageError(
            f"store.annotations is at most {ANNOTATIONS}: a client may ask for all of"
            " them at once, and nobody else is served meanwhile; let users keep fewer"
        )
    if store.annotation_octets < 1024:
        raise UsageError("store.annotation_octets is at least 1024 (RFC 5464)")
    if store.annotation_octets > VALUE_OCTETS:
        raise UsageError(f"store.annotation_octets is at most {VALUE_OCTETS}")


def certificate(tree: Tree) -> None:
    """:raises UsageError: certificate or key are missing, wrong or too open."""
    Contexts(tree.tls).load()
    needing = {
        "submission": tree.submission.listen_tls,
        "imap": tree.imap.listen_tls,
        "pop3": tree.pop3.listen_tls,
    }
    for section, listen in needing.items():
        if listen and not tree.tls.certificate:
            raise UsageError(
                f"{section}.listen_tls needs [tls] certificate and key; mailsuite init"
                " makes a pair, or set listen_tls = []"
            )


def clear_passwords(tree: Tree) -> None:
    """:raises UsageError: passwords would cross a network unencrypted."""
    for section, door in (
        ("imap", tree.imap),
        ("pop3", tree.pop3),
        ("managesieve", tree.managesieve),
    ):
        if door.plaintext_login and not all(map(_on_loopback, door.listen)):
            raise UsageError(
                f"{section}.plaintext_login is for loopback only; {section}.listen"
                f" has {', '.join(door.listen)}"
            )


def _on_loopback(text: str) -> bool:
    place = Place.parse(text)
    return bool(place.path) or ip_address(place.host).is_loopback


def secret_file(path: str) -> None:
    """:raises UsageError: others may change what the suite obeys."""
    if os.stat(path).st_mode & stat.S_IWOTH:
        raise UsageError(f"everybody may write to {path}: run chmod 644 {path}")


def data_folder(path: str) -> None:
    """:raises UsageError: the folder cannot be ours, or somebody runs on it."""
    if os.path.exists(path) and not os.path.isdir(path):
        raise UsageError(f"{path} is no folder: move it, or name another (server.data)")
    if not os.path.exists(path):
        above = os.path.dirname(path)
        while above and not os.path.exists(above):
            above = os.path.dirname(above)
        if not os.access(above, os.W_OK | os.X_OK):
            raise UsageError(f"{path} does not exist and cannot be made: see {above}")
        return
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise UsageError(
            f"{path} cannot be written: it must be a folder of the user who starts the"
            " suite, on a disk that is not read-only"
        )
    if os.stat(path).st_mode & stat.S_IWOTH:
        raise UsageError(f"everybody may write to {path}: run chmod 700 {path}")
    _unlocked(os.path.join(path, "lock"), path)


def _unlocked(lock: str, folder: str) -> None:
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise UsageError(
            f"another instance runs on {folder}: stop it first, or give this one a"
            " data folder of its own (server.data)"
        ) from error
    finally:
        os.close(descriptor)


def free(texts: Iterable[str]) -> None:
    """:raises UsageError: one of these cannot be listened on, or two are the same."""
    seen: set[Place] = set()
    for text in texts:
        place = Place.parse(text)
        if not place.port:
            continue
        if place in seen:
            raise UsageError(f"two doors listen on {place}: give one of them another")
        seen.add(place)
        bind(place).close()

"""The doors of a house: which sockets they serve, and what a reload changes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from attrs import define, field, frozen
from twisted.application.service import Service

from mailsuite.house.judging import Judging
from mailsuite.house.sockets import Sockets
from mailsuite.house.tree import Tree
from mailsuite.imap import ground as imap_ground
from mailsuite.imap import service as imap_service
from mailsuite.interfaces.blobs import IBlobs
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.happenings import IHappenings
from mailsuite.interfaces.mailboxes import IAccounts
from mailsuite.interfaces.scripts import IScripts
from mailsuite.managesieve import ground as managesieve_ground
from mailsuite.managesieve import service as managesieve_service
from mailsuite.net.endpoints import Bound
from mailsuite.net.service import DoorService, Socket
from mailsuite.net.throttle import Throttle
from mailsuite.policy import reception
from mailsuite.policy.reception import Purpose, Receptions
from mailsuite.pop3 import ground as pop3_ground
from mailsuite.pop3 import service as pop3_service
from mailsuite.sieve import limits
from mailsuite.sieve.extensions.table import VOCABULARY
from mailsuite.smtp import manners
from mailsuite.smtp.ground import Ground as SMTPGround
from mailsuite.smtp.manners import Manners
from mailsuite.smtp.service import Doors as SMTPDoors
from mailsuite.smtp.service import Ports
from mailsuite.tls.contexts import Contexts

OFFER = managesieve_ground.Offer(
    tuple(sorted(VOCABULARY.capabilities)),
    limits.REDIRECTS,
    limits.SCRIPT_OCTETS,
    ("mailto",),
    ("tag", "urn"),
)

MANAGESIEVE_PORT = 4190  # RFC 5804 §1.8; URLs need not name it


@frozen(eq=False)
class Hall:
    """What all doors share."""

    reactor: Any
    directory: IDirectory
    accounts: IAccounts
    blobs: IBlobs
    scripts: IScripts
    happenings: IHappenings
    contexts: Contexts
    throttle: Throttle
    events: IEvents
    prefix: str
    """Begins the ids of sessions, so that they differ between starts."""


@define(eq=False, repr=False)
class Doors:
    """Every door's service; ``services`` in the order they open."""

    _hall: Hall
    _policy: reception.Ground
    _sockets: Sockets
    judging: Judging
    _receptions: dict[Purpose, Receptions] = field(factory=dict)
    _smtp: dict[str, SMTPDoors] = field(factory=dict)
    services: list[Service] = field(factory=list)
    _readers: dict[str, DoorService] = field(factory=dict)

    def build(self, tree: Tree) -> None:
        """Make them. :raises UsageError: a setting cannot be used."""
        for purpose in Purpose:
            more = self.judging.stages(purpose, tree)
            self._receptions[purpose] = Receptions(
                purpose, self._policy, tree.policy, more
            )
        numbers = count(1)
        sessions = lambda: f"{self._hall.prefix}{next(numbers):x}"  # noqa: E731 - one counter for all four
        bound = {
            "smtp": (Purpose.RECEPTION, self._sockets.smtp),
            "submission": (Purpose.SUBMISSION, self._sockets.submission),
            "submissions": (Purpose.SUBMISSION, self._sockets.submissions),
            "lmtp": (Purpose.LMTP, self._sockets.lmtp),
        }
        for name, how in self._manners(tree):
            purpose, sockets = bound[name]
            self.services.append(self._port(name, purpose, how, sockets, sessions))
        self._readers |= {
            "imap": self._imap(tree),
            "pop3": self._pop3(tree),
            "managesieve": self._managesieve(tree),
        }
        self.services += self._readers.values()

    def _port(
        self,
        name: str,
        purpose: Purpose,
        how: Manners,
        sockets: Sequence[Bound],
        sessions: Callable[[], str],
    ) -> Service:
        hall = self._hall
        ground = SMTPGround(
            hall.reactor,
            self._receptions[purpose],
            hall.directory,
            hall.events,
            hall.throttle,
            hall.contexts.creator,
        )
        self._smtp[name] = SMTPDoors(ground, how, sessions)
        return Ports(hall.reactor, sockets, self._smtp[name])

    def _manners(self, tree: Tree) -> Iterator[tuple[str, Manners]]:
        hostname, size = tree.server.hostname, tree.policy.message_octets
        tls = self._hall.contexts.available
        yield "smtp", manners.smtp(tree.smtp, hostname, size, tls=tls)
        submission = manners.submission(tree.submission, hostname, size, tls=tls)
        yield "submission", submission
        yield "submissions", submission.at_once()
        yield "lmtp", manners.lmtp(tree.lmtp, hostname, size)

    def _imap(self, tree: Tree) -> DoorService:
        hall, sockets = self._hall, self._sockets
        return imap_service.service(
            imap_ground.Ground(
                hall.reactor,
                hall.directory,
                hall.accounts,
                hall.blobs,
                hall.contexts,
                hall.throttle,
                hall.events,
                tree.imap,
                hall.happenings,
                _sieve(tree.server.hostname, sockets.managesieve),
            ),
            [
                *(Socket(one) for one in sockets.imap),
                *(Socket(one, implicit=True) for one in sockets.imaps),
            ],
            f"i{hall.prefix}",
        )

    def _pop3(self, tree: Tree) -> DoorService:
        hall, sockets = self._hall, self._sockets
        return pop3_service.service(
            pop3_ground.Ground(
                hall.reactor,
                hall.directory,
                hall.accounts,
                hall.contexts,
                hall.throttle,
                hall.events,
                tree.pop3,
            ),
            [
                *(Socket(one) for one in sockets.pop3),
                *(Socket(one, implicit=True) for one in sockets.pop3s),
            ],
            f"p{hall.prefix}",
        )

    def _managesieve(self, tree: Tree) -> DoorService:
        hall, sockets = self._hall, self._sockets
        return managesieve_service.service(
            managesieve_ground.Ground(
                hall.reactor,
                hall.directory,
                hall.scripts,
                hall.contexts,
                hall.throttle,
                hall.events,
                OFFER,
                tree.managesieve,
            ),
            [Socket(one) for one in sockets.managesieve],
            f"s{hall.prefix}",
        )

    def open(self) -> Mapping[str, float]:
        """How many connections each door has."""
        found = {name: float(len(doors.open)) for name, doors in self._smtp.items()}
        found |= {name: float(len(one.doors)) for name, one in self._readers.items()}
        return found

    def reload(self, tree: Tree) -> None:
        """Use other settings for connections that come from now on."""
        more = {one: self.judging.stages(one, tree) for one in self._receptions}
        self._hall.contexts.reload(tree.tls)
        made = list(self._manners(tree))
        for purpose, receptions in self._receptions.items():
            receptions.reload(tree.policy, more[purpose])
        for name, how in made:
            self._smtp[name].reload(how)
        for name, service in self._readers.items():
            service.reload(getattr(tree, name))


def _sieve(hostname: str, sockets: Sequence[Bound]) -> str:
    """The URL of our ManageSieve server (RFC 5804 §3); empty: there is none."""
    for one in sockets:
        if one.port:
            port = "" if one.port == MANAGESIEVE_PORT else f":{one.port}"
            return f"sieve://{hostname}{port}"
    return ""

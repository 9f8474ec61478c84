"""What filing stands on, and the operator's own scripts."""

import re
from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime

from mailsuite.delivery.awakening import Awakening
from mailsuite.delivery.calendars import Calendars
from mailsuite.delivery.externals import Externals
from mailsuite.delivery.folders import INBOX
from mailsuite.delivery.lists import Lists
from mailsuite.delivery.programs import Programs
from mailsuite.interfaces.blobs import IBlobs
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.scripts import IMemories, IScripts
from mailsuite.model.ids import AccountName
from mailsuite.net.lanes import Lane
from mailsuite.sieve.program import Program


@frozen(eq=False)
class Named:
    """A script that runs: ``own`` is the account's, others are the operator's.

    Without a program it is ``wrong``, and says so.
    """

    name: str
    content: bytes = field(repr=False)
    program: Program | None = field(repr=False)
    own: bool = False
    wrong: str = ""


@frozen(eq=False)
class Rule:
    """The operator's scripts for IMAP events (RFC 6785) of some causes.

    ``source`` and ``mailbox`` are names in which ``*`` stands for any text: where a
    message was copied from, and where it is. Every source fits ``*``, and none at all.
    """

    source: str
    mailbox: str
    causes: frozenset[str]
    scripts: tuple[Named, ...]

    def fits(self, cause: str, source: str, mailbox: str) -> bool:
        """Whether its scripts run at such an event."""
        return (
            cause in self.causes
            and _like(self.mailbox, mailbox)
            and _like(self.source, source)
        )


def _like(pattern: str, name: str) -> bool:
    if name == INBOX:
        pattern = INBOX if pattern.upper() == INBOX else pattern
    return bool(re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name))


@frozen(eq=False)
class System:
    """The operator's scripts: for all, and by domain; ``shared`` to be included."""

    before: tuple[Named, ...] = ()
    after: tuple[Named, ...] = ()
    domains: Mapping[str, tuple[tuple[Named, ...], tuple[Named, ...]]] = field(
        factory=dict
    )
    shared: Mapping[str, Program] = field(factory=dict)
    rules: tuple[Rule, ...] = ()

    def around(self, account: AccountName, own: Named | None) -> Sequence[Named]:
        """The account's script between those of the operator."""
        before, after = self.domains.get(account.rpartition("@")[2], ((), ()))
        middle = () if own is None else (own,)
        return (*self.before, *before, *middle, *after, *self.after)

    def at(self, cause: str, source: str, mailbox: str) -> Sequence[Named]:
        """Those that run at an IMAP event, in the order of their rules."""
        fit = (one for one in self.rules if one.fits(cause, source, mailbox))
        return tuple(script for rule in fit for script in rule.scripts)

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.domains)


@frozen(eq=False)
class Ground:
    """What filing is given."""

    reactor: IReactorTime
    scripts: IScripts
    memories: IMemories
    programs: Programs
    blobs: IBlobs
    directory: IDirectory
    events: IEvents
    wall: Callable[[], float]
    hostname: str
    lane: Lane
    awakening: Awakening
    calendars: Calendars
    externals: Externals | None = None
    """What runs programs for scripts; None: nothing does."""
    lists: Lists | None = None
    """Those that scripts ask about; None: there are none."""

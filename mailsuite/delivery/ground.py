"""What filing stands on, and the operator's own scripts."""

from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

from mailsuite.delivery.externals import Externals
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
class System:
    """The operator's scripts: for all, and by domain; ``shared`` to be included."""

    before: tuple[Named, ...] = ()
    after: tuple[Named, ...] = ()
    domains: Mapping[str, tuple[tuple[Named, ...], tuple[Named, ...]]] = field(
        factory=dict
    )
    shared: Mapping[str, Program] = field(factory=dict)

    def around(self, account: AccountName, own: Named | None) -> Sequence[Named]:
        """The account's script between those of the operator."""
        before, after = self.domains.get(account.rpartition("@")[2], ((), ()))
        middle = () if own is None else (own,)
        return (*self.before, *before, *middle, *after, *self.after)

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.domains)


@frozen(eq=False)
class Ground:
    """What filing is given."""

    scripts: IScripts
    memories: IMemories
    programs: Programs
    blobs: IBlobs
    directory: IDirectory
    events: IEvents
    wall: Callable[[], float]
    hostname: str
    lane: Lane
    externals: Externals | None = None
    """What runs programs for scripts; None: nothing does."""

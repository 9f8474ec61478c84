"""Outside changes to mailboxes that sessions look at: inotify, else polling.

A watch costs the kernel memory and us a call for each change, so that only
mailboxes of watched accounts that somebody has selected have one. Where inotify is
not to be had, their directories' mtimes are compared every second.
"""

from collections.abc import Callable
from contextlib import suppress

from attrs import define, field
from twisted.internet.inotify import (
    IN_CREATE,
    IN_DELETE,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    INotify,
    INotifyError,
)
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.filepath import FilePath

from mailsuite.interfaces.mailboxes import NoSuchMailbox
from mailsuite.model.ids import MailboxId
from mailsuite.net.tasks import Tasks
from mailsuite.store import outside
from mailsuite.store.index import Index
from mailsuite.store.shelf import Shelf

POLL_SECONDS = 1.0
GATHER_SECONDS = 0.2  # between an event and the look that it causes
LOUD = 20  # events before a look; then no more of them are heard until it

_Told = Callable[[object, FilePath[bytes], int], None]
_MASK = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO


@define(eq=False)
class _Eye:
    """One watched mailbox."""

    shelf: Shelf
    mailbox: MailboxId
    paths: tuple[str, ...] = ()
    """Directories that events tell of; none: it is polled."""
    touched: bool = True
    due: IDelayedCall | None = None
    heard: int = 0
    """Events since the last look."""


@define(eq=False)
class Watching:
    """Every watched mailbox of the process."""

    _reactor: IReactorTime
    _tasks: Tasks
    notify: INotify | None = None
    _eyes: dict[tuple[Shelf, MailboxId], _Eye] = field(factory=dict)
    _polling: IDelayedCall | None = None
    _log: Logger = field(factory=Logger)

    def start(self) -> None:
        """Begin to watch, by inotify if the kernel gives us any."""
        try:
            notify = INotify(self._reactor)
            notify.startReading()
        except (OSError, INotifyError):
            self._log.warn("no inotify: mailboxes are polled every second")
        else:
            self.notify = notify
        self._poll_later()

    def _poll_later(self) -> None:
        self._polling = self._reactor.callLater(POLL_SECONDS, self._poll)

    def _poll(self) -> None:
        for eye in list(self._eyes.values()):
            if not eye.paths:
                self._tasks.launch("look at a mailbox", self._look(eye))
        self._poll_later()

    def quiet(self, shelf: Shelf, mailbox: MailboxId) -> bool:
        """Whether no event came since the last look; False if it is not watched."""
        eye = self._eyes.get((shelf, mailbox))
        return eye is not None and bool(eye.paths) and not eye.touched

    def sees(self, shelf: Shelf, mailbox: MailboxId) -> bool:
        """Whether events tell of it, so that a look follows what others do."""
        eye = self._eyes.get((shelf, mailbox))
        return eye is not None and bool(eye.paths)

    def looking(self, shelf: Shelf, mailbox: MailboxId) -> None:
        """A look begins: what happened before it will be seen by it."""
        eye = self._eyes.get((shelf, mailbox))
        if eye is not None:
            self._open(eye)

    def _open(self, eye: _Eye) -> None:
        """A look begins."""
        eye.touched = False
        if eye.heard >= LOUD:
            _hear(self.notify, eye, self._callback(eye))
        eye.heard = 0

    def wanted(self, shelf: Shelf, mailbox: MailboxId) -> None:
        """Watch a mailbox, if its account is watched at all."""
        if not shelf.watchers or (shelf, mailbox) in self._eyes:
            return
        eye = self._eyes[shelf, mailbox] = _Eye(shelf, mailbox)
        _hear(self.notify, eye, self._callback(eye))

    def _callback(self, eye: _Eye) -> _Told:
        def happened(*_: object) -> None:
            eye.touched = True
            eye.heard += 1
            if eye.heard == LOUD:
                _deafen(self.notify, eye)
            if eye.due is None:
                eye.due = self._reactor.callLater(GATHER_SECONDS, self._due, eye)

        return happened

    def _due(self, eye: _Eye) -> None:
        eye.due = None
        self._tasks.launch("look at a mailbox", self._look(eye))

    async def _look(self, eye: _Eye) -> None:
        shelf = eye.shelf
        if shelf.closing:
            return
        self._open(eye)
        try:
            if await shelf.run(_stale, eye.mailbox):
                await shelf.alone(_merge, eye.mailbox)
        except NoSuchMailbox:
            self._forget(eye)

    def rearranged(self, shelf: Shelf) -> None:
        """Folders of the account are elsewhere or gone, others may be where they were."""
        eyes = [e for e in self._eyes.values() if e.shelf is shelf and e.paths]
        for eye in eyes:
            _deafen(self.notify, eye)
        for eye in eyes:
            eye.touched, eye.heard = True, 0
            _hear(self.notify, eye, self._callback(eye))

    def unwatched(self, shelf: Shelf) -> None:
        """Nobody watches the account any more."""
        for eye in [e for e in self._eyes.values() if e.shelf is shelf]:
            self._forget(eye)

    def _forget(self, eye: _Eye) -> None:
        self._eyes.pop((eye.shelf, eye.mailbox), None)
        if eye.due is not None:
            eye.due.cancel()
            eye.due = None
        _deafen(self.notify, eye)

    def stop(self) -> None:
        """Watch nothing any more."""
        for eye in list(self._eyes.values()):
            self._forget(eye)
        if self._polling is not None and self._polling.active():
            self._polling.cancel()
        if self.notify is not None:
            self.notify.loseConnection()
            self.notify = None


def _hear(notify: INotify | None, eye: _Eye, told: _Told) -> None:
    """Have the kernel tell of events where the mailbox lies now, or have it polled."""
    box = eye.shelf.index.boxes.get(eye.mailbox)
    eye.paths = ()
    if notify is None or box is None:
        return
    eye.paths = (f"{box.path}/new", f"{box.path}/cur")
    try:
        for path in eye.paths:
            notify.watch(FilePath(path), _MASK, callbacks=[told])
    except INotifyError:
        _deafen(notify, eye)
        eye.paths = ()


def _deafen(notify: INotify | None, eye: _Eye) -> None:
    """Hear no more events: each costs 40 us, and hundreds say what one does."""
    if notify is not None:
        for path in eye.paths:
            with suppress(KeyError):
                notify.ignore(FilePath(path))


def _stale(index: Index, mailbox: MailboxId) -> bool:
    return outside.stale(index, index.box(mailbox))


def _merge(index: Index, mailbox: MailboxId) -> None:
    outside.merge(index, index.box(mailbox))

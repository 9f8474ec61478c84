"""One session as its commands see it: who, which mailbox, how to answer."""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.task import deferLater

from mailsuite.imap.ground import Ground
from mailsuite.imap.selected import Selected
from mailsuite.imap.tidings import Heard
from mailsuite.interfaces.mailboxes import IAccount
from mailsuite.model.ids import MailboxId
from mailsuite.net.protocol import Conversation
from mailsuite.wire.imap.commands.table import State
from mailsuite.wire.imap.session import Session
from mailsuite.wire.sasl.exchange import Exchange

FLUSH_OCTETS = 65_536  # answers are gathered up to this, then written
TURN_SECONDS = 0.01  # of work for one client, then others get their turn


@define(eq=False)
class Talk:
    """State of one connection beyond the wire session's own.

    ``tag`` is of the command that waits for lines: IDLE or AUTHENTICATE, the latter
    with its ``exchange``. ``mechanism`` is the one last begun. ``changed`` is called
    when the selected mailbox changed, ``woken`` when the session has something to say
    by itself.
    """

    ground: Ground
    line: Conversation
    woken: Callable[[], None]
    changed: Callable[[], None]
    session: Session = field(factory=Session)
    user: str = ""
    selected: Selected | None = None
    tag: bytes = b""
    exchange: Exchange | None = None
    mechanism: str = ""
    failures: int = 0
    leaving: bool = False
    heard: Heard | None = None
    """Annotations that others changed; None: the client does not want to know."""
    _account: IAccount | None = None
    _unwatch: Callable[[], None] | None = None
    _out: list[bytes] = field(factory=list)
    _pending: int = 0
    _turn: float = 0.0

    @property
    def account(self) -> IAccount:
        """The account; only states after login ask for it."""
        assert self._account is not None
        return self._account

    @property
    def chosen(self) -> Selected:
        """The selected mailbox; only that state asks for it."""
        assert self.selected is not None
        return self.selected

    def write(self, octets: bytes) -> None:
        """Gather what is said; ``flush`` sends it."""
        self._out.append(octets)
        self._pending += len(octets)

    def send(self) -> None:
        """Send what was gathered, whether the client keeps up or not."""
        if self._out:
            out, self._out, self._pending = self._out, [], 0
            self.line.send(out[0] if len(out) == 1 else b"".join(out))

    async def flush(self) -> None:
        """Between blocks of work: send if it is much, wait for the client, yield.

        :raises Gone: the connection ended.
        """
        if self._pending >= FLUSH_OCTETS:
            self.send()
            await self.line.drained()
        if self.ground.clock.seconds() - self._turn >= TURN_SECONDS:
            await self.rest()

    async def rest(self) -> None:
        """Let other clients have a turn."""
        await deferLater(self.ground.clock, 0)
        self.begins_turn()

    def begins_turn(self) -> None:
        """The reactor gave us a fresh turn."""
        self._turn = self.ground.clock.seconds()

    def enter(self, user: str, account: IAccount) -> None:
        """The client logged in."""
        self.user, self._account = user, account
        self._unwatch = account.watch(self._wake)
        self.session.entered(State.AUTHENTICATED)

    def _wake(self, mailbox: MailboxId) -> None:
        if self.selected is not None and self.selected.mailbox.id == mailbox:
            self.selected.stale = True
            self.changed()

    def touched(self, mailbox: MailboxId) -> None:
        """This session changed a mailbox; look if it is the selected one."""
        if self.selected is not None and self.selected.mailbox.id == mailbox:
            self.selected.stale = True

    def select(self, selected: Selected | None) -> None:
        """A mailbox is selected now, or none is."""
        self.selected = selected
        state = State.AUTHENTICATED if selected is None else State.SELECTED
        self.session.entered(state)

    def close(self) -> None:
        """The connection is gone or ends."""
        self.selected = None
        self.session.entered(State.LOGOUT)
        if self.heard is not None:
            self.ground.tidings.leave(self)
            self.heard = None
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        if self._account is not None:
            self._account.close()
            self._account = None

"""The TRANSACTION state: what a client does with an open maildrop (RFC 1939 §5).

Each answer is a status line and, for some, blocks that follow it. A long one is
made piece by piece, between which the peer may push back and others get their
turn of the reactor.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Protocol

from attrs import define
from twisted.internet.task import deferLater

from mailsuite.interfaces.blobs import IOctets
from mailsuite.model.errors import Damaged
from mailsuite.pop3.ground import Ground
from mailsuite.pop3.maildrop import Maildrop, NoSuchMessage
from mailsuite.wire.pop3 import replies
from mailsuite.wire.pop3.commands import Command, Numbered, Top, Verb
from mailsuite.wire.pop3.replies import Reply
from mailsuite.wire.pop3.stuffing import Head, Stuffer

BLOCK_OCTETS = 65_536  # of a message read and written at a time
LISTED_ROWS = 2_000  # of LIST and UIDL rendered at a time; below 1 ms


class Line(Protocol):
    """The connection, as far as a transaction needs it."""

    def answer(self, reply: Reply, rest: bytes = b"") -> None:
        """Send the status line that answers the command, and what follows it."""

    def send(self, octets: bytes) -> None:
        """Send what follows it."""

    async def drained(self) -> None:
        """Wait while the peer is behind."""

    @property
    def pressed(self) -> bool:
        """Whether the client's next command is here already."""
        ...


class Ready(NamedTuple):
    """What will be asked for next, if the client goes on as it did, and its answer."""

    n: int
    lines: int | None
    status: Reply
    rest: bytes


@define(eq=False)
class Transaction:
    """Serves commands over one maildrop and one connection."""

    _ground: Ground
    _line: Line
    _maildrop: Maildrop
    _last: int = 0
    _ready: Ready | None = None

    async def serve(self, command: Command) -> None:
        """Do a command and send its whole answer."""
        try:
            if isinstance(command, Top):
                await self._message(command.n, command.lines)
            elif isinstance(command, Numbered):
                await self._numbered(command.verb, command.n)
            else:
                self._line.answer(self._plain(command.verb))
        except NoSuchMessage:
            self._line.answer(replies.refuse("No such message"))

    def _plain(self, verb: Verb) -> Reply:
        if verb is Verb.STAT:
            count, octets = self._maildrop.totals()
            return replies.ok(f"{count} {octets}")
        if verb is Verb.RSET:
            self._maildrop.unmark()
            return replies.ok("All marks are removed")
        return replies.ok()

    async def _numbered(self, verb: Verb, n: int | None) -> None:
        if n is None:
            await self._listing(verb)
        elif verb is Verb.RETR:
            await self._message(n, None)
        elif verb is Verb.DELE:
            self._maildrop.mark(n)
            self._line.answer(replies.ok("Marked; it goes at QUIT"))
        elif verb is Verb.UIDL:
            unique = replies.unique(self._maildrop.uidvalidity, self._maildrop.uid(n))
            self._line.answer(replies.ok(f"{n} {unique.decode('ascii')}"))
        else:
            self._line.answer(replies.ok(f"{n} {self._maildrop.size(n)}"))

    async def _listing(self, verb: Verb) -> None:
        """Answer LIST or UIDL of everything."""
        count, octets = self._maildrop.totals()
        self._line.answer(replies.ok(f"{count} messages ({octets} octets)"))
        rows, render = self._renderer(verb)
        for start in range(1, len(self._maildrop) + 1, LISTED_ROWS):
            if start > 1:
                await self._line.drained()
                await deferLater(self._ground.clock, 0)
            self._line.send(render(rows(start, start + LISTED_ROWS)))
        self._line.send(replies.END)

    def _renderer(
        self, verb: Verb
    ) -> tuple[
        Callable[[int, int], Iterator[tuple[int, int]]],
        Callable[[Iterator[tuple[int, int]]], bytes],
    ]:
        drop = self._maildrop
        if verb is Verb.LIST:
            return drop.sizes, replies.scan_listing
        return drop.uids, lambda rows: replies.unique_listing(drop.uidvalidity, rows)

    async def _message(self, n: int, lines: int | None) -> None:
        """Answer RETR, or TOP with so many ``lines`` of the body.

        While the client reads this one, the next is made if it is going through them.
        """
        ready, self._ready = self._ready, None
        if ready is not None and (ready.n, ready.lines) == (n, lines):
            self._maildrop.uid(n)  # it may be marked by now
            self._line.answer(ready.status, ready.rest)
        else:
            await self._open(n, lines)
        going_on, self._last = n == self._last + 1, n
        if going_on and not self._line.pressed:
            self._ready = await self._prepared(n + 1, lines)

    async def _prepared(self, n: int, lines: int | None) -> Ready | None:
        """An answer of one block, if nothing has to be waited for."""
        octets = self._maildrop.at_hand(n, BLOCK_OCTETS)
        if octets is None:
            return None
        try:
            block = await octets.read(0, BLOCK_OCTETS)
        finally:
            octets.close()
        if lines is not None:
            block = Head(lines).feed(block)
        stuffer = Stuffer(octets.lined)
        return Ready(n, lines, _status(octets), stuffer.feed(block) + stuffer.end())

    async def _open(self, n: int, lines: int | None) -> None:
        """Answer with what is read now."""
        try:
            octets = await self._maildrop.octets(n)
        except KeyError:
            self._line.answer(replies.refuse("Another session removed the message"))
            return
        except Damaged:
            self._line.answer(
                replies.refuse("The message cannot be read", replies.SYS_PERM)
            )
            return
        try:
            await self._send(octets, None if lines is None else Head(lines))
        finally:
            octets.close()

    async def _send(self, octets: IOctets, head: Head | None) -> None:
        """Send the message; a small one leaves with its status line."""
        stuffer, at, over = Stuffer(octets.lined), 0, False
        say: Callable[[bytes], None] = partial(self._line.answer, _status(octets))
        while not over:
            block = await octets.read(at, BLOCK_OCTETS)
            at += len(block)
            over = not block or at >= octets.size
            if head is not None:
                block = head.feed(block)
                over = over or head.done
            say(stuffer.feed(block) + (stuffer.end() if over else b""))
            say = self._line.send
            await self._line.drained()


def _status(octets: IOctets) -> Reply:
    return replies.ok(f"{octets.size} octets")

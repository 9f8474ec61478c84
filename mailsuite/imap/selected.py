"""The selected mailbox of one session (RFC 3501 §3.3)."""

from collections.abc import Sequence
from contextlib import suppress

from attrs import define

from mailsuite.imap.answers import No
from mailsuite.interfaces.mailboxes import IMailbox, NoSuchMailbox
from mailsuite.model.errors import NoSpace
from mailsuite.model.flags import SYSTEM
from mailsuite.model.ids import Uid
from mailsuite.wire.imap import responses
from mailsuite.wire.imap.numbers import Numbers
from mailsuite.wire.imap.view import View


@define(eq=False)
class Selected:
    """An open mailbox and what the client was told of it.

    ``stale``: something may have changed since the view looked.
    """

    mailbox: IMailbox
    view: View
    read_only: bool
    stale: bool = False

    @classmethod
    async def open(cls, mailbox: IMailbox, *, read_only: bool) -> "Selected":
        """Look at the mailbox, and take what is recent unless ``read_only``."""
        view = View.of(await mailbox.snapshot())
        view.claim(*await _recent(mailbox, read_only=read_only))
        return cls(mailbox, view, read_only)

    async def refresh(self, *, leaving: bool = False) -> None:
        """Look for changes; they are told later, or never when it is left.

        :raises NoSuchMailbox: the mailbox is gone, now and for whoever looks next.
        """
        self.stale = False
        try:
            await self._looked(leaving=leaving)
        except NoSuchMailbox:
            self.stale = True
            raise

    async def _looked(self, *, leaving: bool) -> None:
        view = self.view
        delta = await self.mailbox.delta(view.modseq)
        if delta.modseq == view.modseq:
            return
        columns = view.columns
        if delta.added is not None or delta.changed or delta.vanished:
            columns = await self.mailbox.snapshot()
        if columns.uidvalidity != view.columns.uidvalidity:
            raise NoSuchMailbox(self.mailbox.name)  # another has its name now
        view.advance(delta, columns)
        if delta.added is not None and not leaving:
            view.claim(*await _recent(self.mailbox, read_only=self.read_only))

    def tell(self, *, expunge: bool) -> list[bytes]:
        """What the client must hear now."""
        return self.new_flags() + self.view.tell(expunge=expunge)

    def new_flags(self) -> list[bytes]:
        """FLAGS again, if keywords came since it was told."""
        return self.flags() if self.view.new_keywords() else []

    def positions(self, numbers: Numbers, *, uid: bool) -> Sequence[int]:
        """Where a command's messages stand. :raises No: a number is too high."""
        if not uid and numbers.beyond(self.view.count):
            raise No(b"BAD No such message number")
        return self.view.select(numbers, uid=uid)

    def flags(self) -> list[bytes]:
        """FLAGS and PERMANENTFLAGS (§7.1, §7.2.6)."""
        names = (*SYSTEM, *self.view.keywords)
        permanent = b"()" if self.read_only else responses.flags(names)[:-1] + b" \\*)"
        return [
            responses.untagged(b"FLAGS " + responses.flags(names)),
            responses.untagged(b"OK [PERMANENTFLAGS %b] Kept" % permanent),
        ]


async def _recent(mailbox: IMailbox, *, read_only: bool) -> tuple[Uid, Uid]:
    """Take what is recent; only look where that may not or cannot be kept."""
    if not read_only:
        with suppress(NoSpace):
            return await mailbox.claim_recent()
    return await mailbox.claim_recent(look=True)

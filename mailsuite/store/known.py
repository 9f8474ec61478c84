"""What one session knows of its mailbox without asking the lane again."""

from collections.abc import Sequence

from attrs import define

from mailsuite.model.changes import Columns, Delta, Stored
from mailsuite.model.flags import SYSTEM, Flags
from mailsuite.model.ids import MailboxId, Uid
from mailsuite.store import columns
from mailsuite.store.reading import Done, RawDelta
from mailsuite.store.shelf import Shelf
from mailsuite.store.watching import Watching

FEW = 100  # messages that are looked at without the lane, some 50 us


@define(eq=False)
class Known:
    """The version that it told last, and what its last change did."""

    _shelf: Shelf
    _watching: Watching
    _mailbox: MailboxId
    _followed: Columns | None = None
    _done: Done | None = None
    """Its last change, until it has columns that hold it."""
    _mine: int = -1
    """ModSeq of its last change."""

    def changed(self, done: Done) -> Stored:
        """The session changed something."""
        if done.told is not None:
            self._done, self._mine = done, done.told.modseq
        return done.stored

    def newest(self, held: Columns | None) -> bool:
        """Whether ``held`` is what a look would find."""
        if held is None or held is not self._followed:
            return False
        box = self._shelf.index.box(self._mailbox)
        if (held.modseq, held.uidnext) != (box.modseq, box.uidnext):
            return False
        self._done = None
        return self._watching.quiet(self._shelf, self._mailbox) or self._is_last()

    def has(self, uids: Sequence[Uid], add: Flags, drop: Flags) -> bool:
        """Whether these few messages surely have their flags already.

        Clients mark as read what is read. Keywords may be spelled in other ways.
        """
        held = columns.current(self._shelf, self._mailbox)
        if held is None or len(uids) > FEW or not (add | drop).issubset(SYSTEM):
            return False
        if held.modseq != self._shelf.index.box(self._mailbox).modseq:
            return False
        sets, codes = held.table.sets, [held.code_of(uid) for uid in uids]
        return all(c >= 0 and sets[c] == (sets[c] - drop) | add for c in codes)

    def since(self, modseq: int) -> RawDelta | None:
        """What happened after ``modseq``, if the last change is all of that."""
        done = self._done
        if done is None or done.since != modseq or not self._is_last():
            return None
        return done.told

    def taken(self, modseq: int) -> RawDelta | None:
        """Do :meth:`since` for columns: a large change is not held longer."""
        told, self._done = self.since(modseq), None
        return told

    def _is_last(self) -> bool:
        """Whether nothing has happened after the last change.

        Only where events tell of what others do: a look follows them soon.
        """
        if self._shelf.index.box(self._mailbox).modseq != self._mine:
            return False
        return self._watching.sees(self._shelf, self._mailbox)

    async def told(self, since: int, raw: RawDelta) -> Delta:
        """Tell a delta; who asks for the columns next has them at once."""
        shelf, box = self._shelf, self._shelf.index.box(self._mailbox)
        delta = await columns.told(shelf, box, raw)
        logged = columns.follow(shelf, box, since, delta) if raw.logged else None
        self._followed = logged
        return delta

"""What one session knows of its mailbox without asking the lane again."""

from attrs import define

from mailsuite.model.changes import Columns, Delta, Stored
from mailsuite.model.ids import MailboxId
from mailsuite.store import columns
from mailsuite.store.reading import Done, RawDelta
from mailsuite.store.shelf import Shelf
from mailsuite.store.watching import Watching


@define(eq=False)
class Known:
    """The version that it told last, and what its last change did."""

    _shelf: Shelf
    _watching: Watching
    _mailbox: MailboxId
    _followed: Columns | None = None
    _done: Done | None = None

    def changed(self, done: Done) -> Stored:
        """The session changed something."""
        self._done = done
        return done.stored

    def newest(self, held: Columns | None) -> bool:
        """Whether ``held`` is what a look would find."""
        if held is None or held is not self._followed:
            return False
        box = self._shelf.index.box(self._mailbox)
        if (held.modseq, held.uidnext) != (box.modseq, box.uidnext):
            return False
        quiet = self._watching.quiet(self._shelf, self._mailbox)
        return quiet or self._last() is not None

    def since(self, modseq: int) -> RawDelta | None:
        """What happened after ``modseq``, if the last change is all of that."""
        done = self._done
        return self._last() if done is not None and done.since == modseq else None

    def _last(self) -> RawDelta | None:
        """What the last change did, if nothing has happened after it.

        Only where events tell of what others do: a look follows them soon.
        """
        told = self._done.told if self._done is not None else None
        if told is None or told.modseq != self._shelf.index.box(self._mailbox).modseq:
            return None
        return told if self._watching.sees(self._shelf, self._mailbox) else None

    async def told(self, since: int, raw: RawDelta) -> Delta:
        """Tell a delta; who asks for the columns next has them at once."""
        shelf, box = self._shelf, self._shelf.index.box(self._mailbox)
        delta = await columns.told(shelf, box, raw)
        logged = columns.follow(shelf, box, since, delta) if raw.logged else None
        self._followed = logged
        return delta

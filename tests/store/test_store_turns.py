"""What the reactor does for a mailbox does not grow with its messages."""

import sys
from pathlib import Path

from twisted.internet import defer
from twisted.trial.unittest import TestCase

from mailsuite.model.flags import FLAGGED
from tests.contracts.mailboxes import ALICE
from tests.support.store import House

FEW, MANY = 200, 6_000
SLACK = 400  # lines: timers that run meanwhile


class Lines:
    """Counts the lines of mailsuite that this thread runs."""

    def __init__(self):
        self.count = 0

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self._called)
        return self

    def __exit__(self, *_):
        sys.settrace(self.before)

    def _called(self, frame, event, _argument):
        return self._ran if "/mailsuite/" in frame.f_code.co_filename else None

    def _ran(self, _frame, event, _argument):
        self.count += event == "line"
        return self._ran


def dropped(folder, messages):
    for number in range(messages):
        Path(folder, f"1700000000.{number:06}.far").write_bytes(b"a: b\r\n\r\n")


class TurnsTests(TestCase):
    """Law 2: a turn has its bound however many messages others dropped."""

    async def looked(self, messages):
        """Lines run by the reactor's thread for each way to look at a mailbox."""
        from twisted.internet import reactor

        house = House(reactor, self.mktemp())
        accounts = await house.start()
        found = []
        try:
            account = await accounts.open(ALICE)
            inbox = await account.mailbox("INBOX")
            folder = house.home() / "Maildir" / "new"
            dropped(folder, messages)
            for look in (self.first, self.flagged, self.second, self.gone):
                with Lines() as lines:
                    kept = await look(inbox, messages)
                found.append(lines.count)
                del kept
        finally:
            await house.stop()
        return found

    async def first(self, inbox, messages):
        seen = await inbox.snapshot()
        self.assertEqual(list(seen.uid), list(range(1, messages + 1)))
        self.before = seen.modseq
        return seen

    async def flagged(self, inbox, messages):
        """A flag that the table does not know under the same number as the rows."""
        held = await inbox.snapshot()
        await inbox.store(range(1, messages, 2), frozenset(["one"]), frozenset())
        await inbox.store(range(1, messages + 1), frozenset([FLAGGED]), frozenset())
        delta = await inbox.delta(self.before)
        self.assertEqual(len(delta.changed), messages)
        after = await inbox.snapshot()
        self.assertEqual({FLAGGED, "one"}, after.table.sets[after.flags[0]])
        self.assertEqual({FLAGGED}, after.table.sets[after.flags[1]])
        return held, after

    async def second(self, inbox, messages):
        seen = await inbox.snapshot()
        self.assertEqual(len(seen.uid), messages)
        return seen

    async def gone(self, inbox, messages):
        """Versions follow from EXPUNGE by what it took away."""
        before = await inbox.snapshot()
        await inbox.expunge([1, 7, 8])
        await inbox.delta(before.modseq)
        after = await inbox.snapshot()
        self.assertEqual(list(after.uid[:6]), [2, 3, 4, 5, 6, 9])
        self.assertEqual(len(after.uid), messages - 3)
        return before, after

    def test_lines(self):
        """Thirty times the messages cost the reactor no more lines."""

        async def go():
            few = await self.looked(FEW)
            many = await self.looked(MANY)
            for low, high in zip(few, many, strict=True):
                self.assertLess(high, low + SLACK, (few, many))

        return defer.Deferred.fromCoroutine(go())

"""What a client was told always agrees with what a naive model tells."""

from array import array

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.changes import Columns, Delta
from mailsuite.model.flags import FlagTable
from mailsuite.wire.imap import view
from mailsuite.wire.imap.view import View

TABLE = FlagTable()


def columns(mail, modseq, uidnext):
    """``mail`` maps UIDs to (code, modseq)."""
    uids = sorted(mail)
    return Columns(
        modseq,
        1,
        uidnext,
        TABLE,
        array("L", uids),
        array("L", [mail[uid][0] for uid in uids]),
        array("Q", [mail[uid][1] for uid in uids]),
        array("Q", [0] * len(uids)),
        array("q", [0] * len(uids)),
        array("Q", uids),
    )


class LackingTests(SynchronousTestCase):
    """What a version lacks of what was told."""

    @given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)), st.integers(1, 9))
    def test_sets(self, told, now, block):
        """It is what sets tell, wherever blocks begin."""
        self.patch(view, "COMPARED", block)
        before, after = (array("L", sorted(one)) for one in (told, now))
        self.assertEqual(
            view._lacking(before, after),
            [n for n, uid in enumerate(before) if uid not in now],
        )

    def test_few(self):
        """A few that are gone are found without a look at each of the others."""
        steps = []

        class Counted(int):
            def __lt__(self, other):
                steps.append(1)
                return int(self) < other

        self.patch(view, "COMPARED", 100)
        told = [Counted(uid) for uid in range(100_000)]
        now = [uid for uid in told if uid not in {7, 50_000, 50_001}]
        self.assertEqual(view._lacking(told, now), [7, 50_000, 50_001])
        self.assertLess(len(steps), 500)


class Store:
    """A mailbox with its history."""

    def __init__(self):
        self.mail, self.modseq, self.uidnext, self.born, self.gone = {}, 1, 1, {}, {}

    def do(self, what, seed):
        self.modseq += 1
        if what == "add":
            self.mail[self.uidnext] = (TABLE.code(frozenset({"\\Seen"})), self.modseq)
            self.born[self.uidnext] = self.modseq
            self.uidnext += 1
        elif self.mail and what == "drop":
            uid = sorted(self.mail)[seed % len(self.mail)]
            del self.mail[uid]
            self.gone[uid] = self.modseq
        elif self.mail:
            uid = sorted(self.mail)[seed % len(self.mail)]
            code = TABLE.code(frozenset({f"k{seed % 3}"}))
            self.mail[uid] = (code, self.modseq)

    def delta(self, since, *, old=False):
        """``old``: nobody remembers any more when a row came."""
        added = [uid for uid in self.mail if self.born[uid] > since]
        if old:
            same = [uid for uid, (_, modseq) in self.mail.items() if modseq <= since]
            added = [uid for uid in self.mail if uid > max(same, default=0)]
        changed = [
            (uid, code, modseq)
            for uid, (code, modseq) in self.mail.items()
            if modseq > since and uid not in added
        ]
        gone = [uid for uid, modseq in self.gone.items() if modseq > since]
        rows = {uid: self.mail[uid] for uid in added}
        new = columns(rows, self.modseq, self.uidnext) if rows else None
        return Delta(self.modseq, self.uidnext, new, changed, gone)

    def columns(self):
        return columns(self.mail, self.modseq, self.uidnext)


class Client:
    """Believes what it is told, and checks that it can be true."""

    def __init__(self, uids):
        self.messages = list(uids)
        self.flags = {}

    def hear(self, lines, now):
        for line in b"".join(lines).split(b"\r\n")[:-1]:
            words = line.split(b" ")
            number = int(words[1])
            if words[2] == b"EXPUNGE":
                del self.messages[number - 1]
            elif words[2] == b"EXISTS":
                assert number >= len(self.messages)
                self.messages += [None] * (number - len(self.messages))
            elif words[2] == b"FETCH":
                assert number <= len(self.messages), line
                uid = int(words[4])
                assert self.messages[number - 1] in {None, uid}, line
                self.messages[number - 1] = uid
                self.flags[uid] = line.partition(b"FLAGS (")[2][:-2]
        uids = sorted(now)
        for place, uid in enumerate(self.messages):
            if uid is None:
                self.messages[place] = uids[place - len(self.messages)]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["add", "add", "drop", "flag", "look", "tell", "quiet", "late"]
        ),
        st.integers(0, 100),
    ),
    max_size=40,
)


class ViewTests(SynchronousTestCase):
    @given(STEPS)
    def test_model(self, steps):
        """After any history, told anywhere, client and mailbox agree at the end."""
        store = Store()
        for _ in range(4):
            store.do("add", 0)
        view = View.of(store.columns())
        client = Client(view.told)
        client.flags = dict(zip(view.told, view.flags(range(4)), strict=True))
        for what, seed in [*steps, ("tell", 0)]:
            if what in {"add", "drop", "flag"}:
                store.do(what, seed)
                continue
            delta = store.delta(view.modseq, old=seed % 2)
            if what == "late":  # the snapshot is newer than the delta
                store.do("drop", seed)
                store.do("add", seed)
            view.advance(delta, store.columns())
            if what in {"tell", "quiet"}:
                lines = view.tell(expunge=what == "tell")
                assert what == "tell" or b"EXPUNGE" not in b"".join(lines)
                client.hear(lines, store.mail)
                self.assertEqual(len(client.messages), view.count)
                self.assertEqual(client.messages, list(view.told[: view.count]))
        self.assertEqual(client.messages, sorted(store.mail))
        for uid, told in client.flags.items():
            if uid in store.mail:
                self.assertEqual(told, TABLE.rendered[store.mail[uid][0]])

    def test_long_ago(self):
        """What a delta of long ago takes for new is told as changed where it is known."""
        store = Store()
        store.do("add", 0)
        view = View.of(store.columns())
        store.do("flag", 0)
        store.do("add", 0)
        view.advance(store.delta(view.modseq, old=True), store.columns())
        said = view.tell(expunge=False)
        self.assertEqual(said[0], b"* 2 EXISTS\r\n")
        self.assertEqual(said[2:], [b"* 1 FETCH (UID 1 FLAGS (k0))\r\n"])

    def test_no_copy(self):
        """A view that told all shares the column of the mailbox."""
        store = Store()
        store.do("add", 0)
        view = View.of(store.columns())
        store.do("add", 0)
        now = store.columns()
        view.advance(store.delta(view.modseq), now)
        self.assertEqual(view.tell(expunge=False)[0], b"* 2 EXISTS\r\n")
        self.assertIs(view.told, now.uid)

    def test_expunge_waits(self):
        """While EXPUNGE may not be told, numbers stay, and the rest is skipped."""
        store = Store()
        for _ in range(3):
            store.do("add", 0)
        view = View.of(store.columns())
        store.do("drop", 0)
        store.do("add", 0)
        view.advance(store.delta(view.modseq), store.columns())
        self.assertEqual(view.tell(expunge=False), [])
        self.assertEqual(view.rows(range(3)), ([1, 2], [0, 1]))
        self.assertEqual(
            b"".join(view.tell(expunge=True)),
            b"* 1 EXPUNGE\r\n* 3 EXISTS\r\n* 0 RECENT\r\n",
        )

    @given(
        st.lists(st.tuples(st.integers(1, 30), st.integers(0, 6)), max_size=3),
        st.integers(0, 30),
        st.booleans(),
    )
    def test_recent(self, claims, count, gaps):
        r"""\Recent stands where it was claimed and nowhere else."""
        store = Store()
        for number in range(count):
            store.do("add", 0)
            if gaps and number % 3 == 0:
                store.do("drop", number)
        view = View.of(store.columns())
        spans, last = [], 0
        for first, length in sorted(claims):
            low = max(first, last)
            view.claim(low, low + length)
            spans.append(range(low, low + length))
            last = low + length
        rows = range(len(view.columns.uid))
        wanted = [any(uid in span for span in spans) for uid in view.columns.uid]
        self.assertEqual([b"Recent" in text for text in view.flags(rows)], wanted)
        self.assertEqual([b"Recent" in text for text in view.flags(list(rows))], wanted)
        self.assertEqual(view.recents(), sum(wanted))

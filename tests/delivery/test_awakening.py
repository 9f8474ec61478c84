"""Mail is snoozed and awakens (:mod:`mailsuite.delivery.awakening`)."""

from mailsuite.delivery.awakening import LOOK_SECONDS, RETRY_SECONDS
from mailsuite.interfaces.mailboxes import LimitReached
from mailsuite.model.envelope import FILED
from mailsuite.model.errors import NoSpace
from mailsuite.model.snooze import Terms
from mailsuite.store.memory import Account
from tests.support.filing import OTHER, USER, FilingCase, letter

ASKED = (
    'require ["snooze", "imap4flags", "mailbox", "special-use", "mailboxid",'
    ' "fileinto", "copy", "vnd.cyrus.snooze"];\n'
)
HOUR = 3_600
NOON = 1_000_036_800  # 2001-09-09 12:00 UTC; the tests begin at 01:46:40
AT_NOON = ASKED + 'snooze :tzid "UTC" {} "12:00:00";'


class SnoozeCase(FilingCase):
    def setUp(self):
        super().setUp()
        self.done(self.awakening.start())
        self.addCleanup(lambda: self.done(self.awakening.stop()))

    def pass_(self, seconds):
        """Let time pass for both clocks, in small steps."""
        end = self.now + seconds
        while self.now < end:
            step = min(LOOK_SECONDS / 2, end - self.now)
            self.now += step
            self.clock.advance(step)

    def noon(self):
        self.pass_(NOON - self.now)
        self.assertEqual(self.now, NOON)

    def snooze(self, tags="", **more):
        self.script(AT_NOON.format(tags))
        return self.deliver(**more)

    def account(self, call, name=USER):
        async def go():
            opened = await self.accounts.open(name)
            try:
                return await call(opened)
            finally:
                opened.close()

        return self.done(go())


class AwakenTests(SnoozeCase):
    def test_once(self):
        """It waits in a mailbox of its own, and is in the INBOX at its time, once."""
        for _ in range(2):
            self.assertEqual(self.snooze().text, "Snoozed")
        self.assertEqual(self.where(), ["Snoozed"])
        self.pass_(NOON - self.now - 1)
        self.assertEqual(self.where(), ["Snoozed"])
        self.pass_(1)
        self.assertEqual(self.where(), ["INBOX"])
        told = self.happened("sieve.awakened")
        self.assertEqual(
            told, [{"qid": "0G1G200", "account": USER, "mailbox": "INBOX", "late": 0}]
        )
        self.assertEqual(self.happened("sieve.snoozed")[0]["until"], NOON)
        self.pass_(25 * HOUR)
        self.assertEqual(self.where(), ["INBOX"])
        self.assertEqual(len(self.happened("sieve.awakened")), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_mailbox(self):
        r"""The mailbox has the use \\Snoozed, is subscribed, and serves all mail."""
        self.snooze()
        self.snooze(name="0G1G300")
        rows = self.account(lambda account: account.mailboxes())
        (row,) = [row for row in rows if row.use == "\\Snoozed"]
        self.assertEqual((row.name, row.subscribed, row.messages), ("Snoozed", True, 2))

    def test_mailbox_taken(self):
        """A folder of the owner's with that name stays what it is."""
        self.folder("Snoozed")
        self.snooze()
        self.assertEqual(self.where(), ["Snoozed mail"])
        self.noon()
        self.assertEqual(self.where(), ["INBOX"])

    def test_no_mailbox(self):
        """Where no mailbox can be made the message is in the INBOX at once."""
        self.folder("Snoozed")
        self.folder("Snoozed mail")
        self.assertEqual(self.snooze().text, "INBOX")
        self.assertEqual(self.where(), ["INBOX"])
        self.assertEqual(len(self.happened("sieve.diverted")), 1)
        self.noon()
        self.assertEqual(self.happened("sieve.awakened"), [])

    def test_target(self):
        """It awakens in the mailbox that the script names."""
        self.folder("Work")
        self.snooze(':mailbox "Work"')
        self.noon()
        self.assertEqual(self.where(), ["Work"])

    def test_target_gone(self):
        """One that is not there when it awakens is the INBOX, unless it is created."""
        self.snooze(':mailbox "Work"')
        self.snooze(':create :mailbox "Later/On"', name="0G1G300")
        self.assertNotIn("Later", [row.name for row in self.rows()])
        self.noon()
        self.assertEqual(self.where(), ["INBOX", "Later/On"])

    def rows(self):
        return self.account(lambda account: account.mailboxes())

    def test_target_impossible(self):
        """A name that no mailbox can have is the INBOX."""
        self.snooze(':create :mailbox "../../bob"')
        self.noon()
        self.assertEqual(self.where(), ["INBOX"])
        self.assertEqual(self.mail(OTHER), [])

    def test_by_use_and_id(self):
        """Its special use and its id come before the name; both may be gone."""
        row = self.folder("Odd")
        self.snooze(r':specialuse "\\Archive" :mailbox "Odd"')
        self.snooze(f':mailboxid "{row.objectid}" :mailbox "Archive"', name="0G1G300")
        self.snooze(':mailboxid "999" :mailbox "Drafts"', name="0G1G400")
        self.snooze(
            r':specialuse "\\Important" :create :mailbox "Urgent"', name="0G1G500"
        )
        self.noon()
        self.assertEqual(self.where(), ["Archive", "Drafts", "Odd", "Urgent"])
        (urgent,) = [row for row in self.rows() if row.name == "Urgent"]
        self.assertEqual(urgent.use, "\\Important")

    def test_snoozed_itself(self):
        """What is to awaken where it lies stays there, with its flags."""
        self.snooze(r':specialuse "\\Snoozed" :addflags "\\Flagged"')
        self.noon()
        (one,) = self.mail()
        self.assertEqual((one.mailbox, one.flags), ("Snoozed", {"\\Flagged"}))
        self.pass_(LOOK_SECONDS)
        self.assertEqual(len(self.happened("sieve.awakened")), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_flags(self):
        """Flags while it sleeps, and those that change when it awakens."""
        self.script(
            ASKED + r'setflag ["\\Flagged", "Blue"];'
            r'snooze :tzid "UTC" :addflags "Red" :removeflags ["blue", "\\Seen"] "12:00";'
        )
        self.deliver()
        (one,) = self.mail()
        self.assertEqual(one.flags, {"\\Flagged", "Blue"})

        async def read(account):
            box = await account.mailbox("Snoozed")
            uids = (await box.snapshot()).uid
            await box.store(uids, frozenset({"\\Seen", "\\Answered"}), frozenset())

        self.account(read)
        self.noon()
        (one,) = self.mail()
        self.assertEqual(one.flags, {"\\Flagged", "\\Answered", "Red"})

    def test_several(self):
        """What is to be in several mailboxes later lies there for each of them."""
        self.folder("A")
        self.script(
            ASKED + 'snooze :tzid "UTC" "12:00";'
            'snooze :tzid "UTC" :mailbox "A" "13:00"; fileinto "Archive";'
        )
        for _ in range(2):
            self.deliver()
        self.assertEqual(self.where(), ["Archive", "Snoozed", "Snoozed"])
        self.noon()
        self.assertEqual(self.where(), ["Archive", "INBOX", "Snoozed"])
        self.pass_(HOUR)
        self.assertEqual(self.where(), ["A", "Archive", "INBOX"])

    def test_forgotten(self):
        """What its owner expunged, moved or copied elsewhere awakens no more."""
        for number, name in enumerate(("0G1G200", "0G1G300", "0G1G400")):
            self.snooze(name=name, blob=letter(f"n{number}"))

        async def away(account):
            box = await account.mailbox("Snoozed")
            first, second, _ = (await box.snapshot()).uid
            await box.expunge([first])
            await account.transfer(box.id, [second], "Archive", move=True)

        self.account(away)
        self.assertEqual(self.where(), ["Archive", "Snoozed"])
        self.noon()
        self.assertEqual(self.where(), ["Archive", "INBOX"])
        self.assertEqual(len(self.happened("sieve.awakened")), 1)

    def test_mailbox_removed(self):
        """With the mailbox its messages are gone; the next one makes it anew."""
        self.snooze()
        self.account(lambda account: account.remove("Snoozed"))
        self.snooze(name="0G1G300")
        self.noon()
        self.assertEqual(self.where(), ["INBOX"])

    def test_mailbox_renamed(self):
        """The mailbox may be renamed; it stays the one for snoozed mail."""
        self.snooze()
        self.account(lambda account: account.rename("Snoozed", "Sleeping"))
        self.snooze(name="0G1G300")
        self.assertEqual(self.where(), ["Sleeping", "Sleeping"])
        self.noon()
        self.assertEqual(self.where(), ["INBOX", "INBOX"])

    def test_overdue(self):
        """What awakens before it was delivered does so at once."""
        self.script(AT_NOON.format(""))
        self.deliver()
        self.done(self.awakening.stop())
        self.now += 24 * HOUR
        self.done(self.awakening.start())
        self.clock.advance(0)
        self.assertEqual(self.where(), ["INBOX"])
        late = self.happened("sieve.awakened")[0]["late"]
        self.assertEqual(late, self.now - NOON)

    def test_clock_set(self):
        """A wall clock that is set forward is noticed within a minute."""
        self.snooze()
        self.now = NOON + 5
        self.clock.advance(LOOK_SECONDS)
        self.assertEqual(self.where(), ["INBOX"])

    def test_after_a_kill(self):
        """A delivery that is repeated after a kill snoozes what is there, once."""
        filed = self.snooze().filed
        again = self.deliver(marks={FILED: filed})
        self.assertEqual(again.text, "Snoozed")
        self.assertEqual(self.where(), ["Snoozed"])
        self.noon()
        self.deliver(marks={FILED: filed})
        self.pass_(24 * HOUR)
        self.assertEqual(self.where(), ["INBOX"])
        self.assertEqual(len(self.happened("sieve.awakened")), 1)

    def test_lost_in_a_power_cut(self):
        """A copy that a power cut took is stored again, and awakens at its time."""
        filed = self.snooze().filed

        async def lose(account):
            box = await account.mailbox("Snoozed")
            await box.expunge((await box.snapshot()).uid)
            self.accounts._world.accounts[USER].once.clear()

        self.account(lose)
        self.deliver(marks={FILED: filed})
        self.assertEqual(self.where(), ["Snoozed"])
        self.noon()
        self.assertEqual(self.where(), ["INBOX"])

    def test_old_marks(self):
        """What an earlier release left in the queue is understood."""
        self.deliver(marks={FILED: '[["Archive",7,[]]]'})
        self.assertEqual(self.where(), ["Archive"])

    def test_operators(self):
        """The operator's scripts may snooze for everybody."""
        self.system(before=['require "snooze"; snooze :tzid "UTC" "12:00";'])
        self.deliver(to=OTHER)
        self.assertEqual(self.where(OTHER), ["Snoozed"])
        self.noon()
        self.assertEqual(self.where(OTHER), ["INBOX"])


class TroubleTests(SnoozeCase):
    def test_tried_again(self):
        """An account that cannot take it is tried again; others do not wait."""
        self.snooze()
        self.script(AT_NOON.format(""), account=OTHER)
        self.deliver(to=OTHER)
        transfer, broken = Account.transfer, [USER]

        async def full(account, *what, move):
            if account.name in broken:
                raise NoSpace("the disk is full")
            return await transfer(account, *what, move=move)

        self.patch(Account, "transfer", full)
        self.noon()
        self.assertEqual((self.where(), self.where(OTHER)), (["Snoozed"], ["INBOX"]))
        (trouble,) = self.happened("sieve.overslept")
        self.assertEqual(trouble, {"account": USER, "reason": "the disk is full"})
        broken.clear()
        self.pass_(2 * RETRY_SECONDS)
        self.assertEqual(self.where(), ["INBOX"])

    def test_target_is_full(self):
        """A mailbox that takes no more is the INBOX."""
        self.folder("Work")
        self.snooze(':mailbox "Work"')
        transfer = Account.transfer
        row = next(one for one in self.rows() if one.name == "Work")

        async def full(account, mailbox, uids, into, *, move):
            if into == row.id:
                raise LimitReached("used up")
            return await transfer(account, mailbox, uids, into, move=move)

        self.patch(Account, "transfer", full)
        self.noon()
        self.assertEqual(self.where(), ["INBOX"])

    def rows(self):
        return self.account(lambda account: account.mailboxes())

    def test_unknown_zone(self):
        """A zone that is in no script but comes from a variable keeps the message."""
        self.script(
            'require ["snooze", "variables"]; set "z" "No/Where";'
            'snooze :tzid "${z}" "12:00";'
        )
        self.deliver()
        self.assertEqual(self.where(), ["INBOX", "INBOX"])  # and the owner is told

    def test_terms(self):
        """Terms are read as they were written."""
        terms = Terms(1.5, "a", True, "\\Junk", "F1", ("x", "\\Seen"), ("y",))
        self.assertEqual(Terms.read(terms.written()), terms)
        self.assertEqual(Terms.read(Terms(2.0).written()), Terms(2.0))

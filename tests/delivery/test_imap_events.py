"""Scripts at IMAP events (RFC 6785): which runs, what it sees, what comes of it."""

from twisted.internet.defer import Deferred

from mailsuite.delivery import happenings, rounds
from mailsuite.delivery.occasions import Occasion
from mailsuite.interfaces.happenings import Happening
from mailsuite.model.errors import NoSpace
from mailsuite.model.flags import DELETED, FLAGGED, SEEN
from mailsuite.sieve.settings import Sieve
from tests.support.filing import USER
from tests.support.imapevents import OCTETS, EventCase, Far
from tests.support.queue import address

COPIES = 'require ["fileinto", "copy", "mailbox"]; fileinto :copy :create "A";'
MARK = 'require ["imap4flags", "imapsieve"]; addflag "$ran";'
TELL = """
require ["environment", "variables", "imap4flags", "imapsieve", "fileinto", "copy",
         "mailbox", "vnd.dovecot.imapsieve"];
if environment :matches "ITEM" "*" { set "found" "${1}"; }
fileinto :copy :create "told/${found}";
"""


class WhichTests(EventCase):
    """RFC 6785 §2.3.1."""

    def test_of_the_mailbox(self):
        """A mailbox's script runs; it need not be active."""
        self.put(MARK)
        uid = self.store()
        self.event(uid)
        self.assertEqual(self.flags(uid), {"$ran"})

    def test_of_the_account(self):
        """A mailbox without a script has the account's."""
        self.put(MARK, mailbox="")
        uid = self.store()
        self.event(uid)
        self.assertEqual(self.flags(uid), {"$ran"})

    def test_empty_is_none(self):
        """A mailbox whose entry is empty has none, whatever the account has."""
        self.put(MARK, mailbox="")
        self.annotate("")
        uid = self.store()
        self.event(uid)
        self.assertEqual(self.flags(uid), set())

    def test_unknown_is_none(self):
        """So has one that names a script which is not there."""
        self.put(MARK, mailbox="")
        self.annotate("nothing")
        uid = self.store()
        self.event(uid)
        self.assertEqual(self.flags(uid), set())

    def test_none(self):
        """Without entries nobody is told anything, and no job is made."""
        self.script(MARK)  # the active one is for deliveries
        uid = self.store()
        box = self.done(self.account.mailbox("INBOX"))
        self.assertFalse(self.done(self.happenings.awaited(self.account, box.id)))
        self.event(uid)
        self.assertEqual(self.queue.accepted, [])

    def test_each_message_once(self):
        """Every message has a run of its own; what is gone has none."""
        self.put('require ["fileinto", "mailbox", "copy"]; fileinto :copy :create "A";')
        uids = [self.store() for _ in range(250)]
        box = self.done(self.account.mailbox("INBOX"))
        self.done(box.expunge([uids[7]]))
        self.event(*uids)
        self.assertEqual(self.where().count("A"), 249)

    def test_of_the_operator(self):
        """An operator's scripts run first; the user's sees what they left."""
        self.put(
            'require ["imap4flags"]; if hasflag "$op" { addflag "$user"; }',
            mailbox="Junk",
        )
        self.rules(
            ("*", "Junk", 'require "imap4flags"; addflag "$op";'),
            ("INBOX", "Junk", 'require "imap4flags"; addflag "$from";'),
            ("Junk", "*", 'require "imap4flags"; addflag "$out";'),
        )
        uid = self.store("Junk")
        self.event(uid, mailbox="Junk", cause="COPY", source="INBOX")
        self.assertEqual(self.flags(uid, "Junk"), {"$op", "$from", "$user"})


class SeenTests(EventCase):
    """What scripts are told (§4)."""

    def told(self, item, cause="APPEND", **more):
        self.put(TELL.replace("ITEM", item))
        self.event(self.store(), cause=cause, **more)
        return [one.rpartition("/")[2] for one in self.where() if "told" in one]

    def test_items(self):
        """All items of §4 and Dovecot's."""
        for item, value in (
            ("imap.cause", "COPY"),
            ("imap.user", "fred"),
            ("imap.email", "user@example.test"),
            ("imap.mailbox", "INBOX"),
            ("location", "MS"),
            ("phase", "post"),
            ("vnd.dovecot.mailbox-from", "Sent"),
            ("vnd.dovecot.mailbox-to", "INBOX"),
        ):
            found = self.told(item, "COPY", source="Sent")
            self.assertIn(value, found, item)

    def test_changed_flags(self):
        """Names of flags that came or went, and the flags as they are now."""
        self.put(
            'require ["environment", "imap4flags", "imapsieve"];'
            'if allof (hasflag "\\\\Flagged",'
            '  environment :contains "imap.changedflags" "\\\\Flagged")'
            '  { addflag "$important"; }'
        )
        now = {SEEN, FLAGGED}
        was = self.store(flags=now)
        self.event(was, cause="FLAG", flags=now, changed={SEEN})
        self.assertEqual(self.flags(was), now)
        self.event(was, cause="FLAG", flags=now, changed={FLAGGED})
        self.assertEqual(self.flags(was), {*now, "$important"})


class EffectTests(EventCase):
    """What becomes of messages (§3)."""

    def did(self, text, flags=(), **more):
        """Run a script on a message that lies in the INBOX; gives its flags."""
        self.put(text)
        uid = self.store(flags=flags)
        self.event(uid, **more)
        return self.flags(uid)

    def test_implicit_keep(self):
        """Without actions the message is as it was (§3.1)."""
        self.assertEqual(self.did("", flags={SEEN}), {SEEN})
        self.assertEqual(self.where(), ["INBOX"])

    def test_keep(self):
        """Keep changes nothing (§3.2), whatever else is done."""
        self.assertEqual(self.did("keep; discard;", flags={SEEN}), {SEEN})

    def test_discard(self):
        r"""Discard sets \Deleted (§3.5)."""
        self.assertEqual(self.did("discard;", flags={SEEN}), {SEEN, DELETED})

    def test_fileinto(self):
        r"""A new message there, with flags and date; the old one gets \Deleted."""
        self.folder("A")
        flags = self.did('require "fileinto"; fileinto "A";', flags={SEEN})
        self.assertEqual(flags, {SEEN, DELETED})
        (copy,) = [one for one in self.mail() if one.mailbox == "A"]
        self.assertEqual((copy.octets, copy.flags), (OCTETS, {SEEN}))
        box = self.done(self.account.mailbox("A"))
        self.assertEqual(list(self.done(box.snapshot()).date), [10**8])

    def test_fileinto_copy(self):
        """With :copy the old one stays as it was (§3.3)."""
        self.folder("A")
        done = self.did('require ["fileinto", "copy"]; fileinto :copy "A";')
        self.assertEqual(done, set())
        self.assertEqual(self.where(), ["A", "INBOX"])

    def test_fileinto_inbox(self):
        """A copy in the same mailbox is a message of its own."""
        self.did('require ["fileinto", "copy"]; fileinto :copy "INBOX";')
        self.assertEqual(self.where(), ["INBOX", "INBOX"])

    def test_fileinto_nowhere(self):
        """A mailbox that is not there keeps the message; operators learn of it."""
        self.assertEqual(self.did('require "fileinto"; fileinto "B";'), set())
        self.assertEqual(self.where(), ["INBOX"])
        (told,) = self.happened("sieve.unfiled")
        self.assertEqual(told["reason"], "there is no such mailbox")

    def test_snooze(self):
        r"""A copy sleeps and is filed at its time; the old one gets \Deleted."""
        text = 'require "snooze"; snooze :mailbox "Archive" :tzid "UTC" "12:00";'
        self.assertEqual(self.did(text, flags={SEEN}), {SEEN, DELETED})
        self.assertEqual(self.where(), ["INBOX", "Snoozed"])
        self.now += 86_400
        self.done(self.awakening.start())
        self.assertEqual(self.where(), ["Archive", "INBOX"])
        self.done(self.awakening.stop())

    def test_snooze_nowhere(self):
        """Where no mailbox for it can be made the message stays as it is."""
        for name in ("Snoozed", "Snoozed mail"):
            self.folder(name)
        self.assertEqual(self.did('require "snooze"; snooze "12:00";'), set())
        self.assertEqual(self.where(), ["INBOX"])
        self.assertEqual(len(self.happened("sieve.unfiled")), 1)

    def test_flags(self):
        """Changes of flags are as a client's (§3.8)."""
        text = 'require "imap4flags"; removeflag "\\\\Seen"; addflag ["$a", "\\\\Flagged"];'
        self.assertEqual(self.did(text, flags={SEEN, "$b"}), {FLAGGED, "$a", "$b"})

    def test_flags_are_added_to_what_is_there_now(self):
        """What a client changed meanwhile stays."""
        uid = self.store(flags={"$new"})
        self.put('require "imap4flags"; addflag "$a";')
        self.event(uid, cause="FLAG", flags={"$old"}, changed={"$old"})
        self.assertEqual(self.flags(uid), {"$new", "$a"})

    def test_keep_with_flags(self):
        """``keep :flags`` sets exactly these."""
        done = self.did('require "imap4flags"; keep :flags "$a";', flags={SEEN, "$b"})
        self.assertEqual(done, {"$a"})

    def test_edited(self):
        """What is kept is as it was; what is filed is as it was edited (§3.7)."""
        self.folder("A")
        text = (
            'require ["editheader", "fileinto", "copy"]; addheader "X-New" "yes";'
            'fileinto :copy "A"; keep;'
        )
        self.did(text)
        found = {one.mailbox: one.octets for one in self.mail()}
        self.assertEqual(found["INBOX"], OCTETS)
        self.assertIn(b"X-New: yes\r\n", found["A"])
        self.assertEqual(found["A"].count(b"Return-Path:"), 1)

    def test_redirect(self):
        """Sent on in the owner's name, without the old Return-Path (§3.4)."""
        done = self.did('redirect "them@far.example";', flags={SEEN})
        self.assertEqual(done, {SEEN, DELETED})
        (lease,) = self.far.leases
        self.assertEqual(str(lease.envelope.sender), "user@example.test")
        self.assertEqual(str(lease.recipients[0].address), "them@far.example")
        whole = lease.blob.prefix + lease.blob.octets
        self.assertNotIn(b"Return-Path", whole)
        self.assertTrue(whole.endswith(OCTETS.partition(b"\r\n")[2]))

    def test_redirect_draft(self):
        """What a message needs to be sent is added (RFC 6409 §8)."""
        self.put('redirect "them@far.example";')
        self.event(self.store(octets=b"Subject: a note\r\n\r\nText\r\n"))
        (lease,) = self.far.leases
        header = lease.blob.prefix
        self.assertIn(b"From: <user@example.test>\r\n", header)
        self.assertIn(b"Date: Sat, 03 Mar 1973 ", header)
        self.assertIn(b"Message-ID: <", header)
        self.event(self.store())
        self.assertNotIn(b"Message-ID:", self.far.leases[1].blob.prefix)

    def test_redirect_copy(self):
        """With :copy the message stays as it was."""
        done = self.did('require "copy"; redirect :copy "them@far.example";')
        self.assertEqual(done, set())
        self.assertEqual(len(self.far.leases), 1)

    def test_notify(self):
        """A notice goes out, and the message stays (§3.6)."""
        done = self.did('require "enotify"; notify "mailto:me@far.example";')
        self.assertEqual(done, set())
        (lease,) = self.far.leases
        self.assertEqual(str(lease.envelope.sender), "user@example.test")

    def test_inapplicable(self):
        """What is for deliveries alone ends the script; the owner is told."""
        for text in (
            'require "reject"; keep;',
            'require "ereject"; keep;',
            'require "vacation"; keep;',
            'require "duplicate"; keep;',
            'require "envelope"; if envelope "to" "x" { discard; }',
        ):
            self.assertEqual(self.did(f"{text} discard;"), set(), text)
        self.assertEqual(len(self.happened("sieve.failed")), 5)
        told = [one for one in self.mail() if b"mail filter failed" in one.octets]
        self.assertEqual(len(told), 1)
        self.assertIn(b"lies in INBOX", told[0].octets)

    def test_no_further_events(self):
        """What scripts do makes no jobs but those that file and send."""
        self.folder("A")
        self.put('require "imap4flags"; addflag "$loop";', "a", "A")
        self.put('require ["fileinto", "copy"]; fileinto :copy "A";', "b")
        self.event(self.store())
        self.assertEqual(len(self.queue.accepted), 2)
        (copy,) = [one for one in self.mail() if one.mailbox == "A"]
        self.assertEqual(copy.flags, set())

    def test_large(self):
        """A large message is copied whole."""
        self.folder("A")
        octets = OCTETS + b"x" * 78 + b"\r\n" + (b"y" * 78 + b"\r\n") * 20_000
        self.put(
            'require ["fileinto", "copy", "body"];'
            'if body :contains "xxx" { fileinto :copy "A"; redirect "a@far.example"; }'
        )
        self.event(self.store(octets=octets))
        (copy,) = [one for one in self.mail() if one.mailbox == "A"]
        self.assertEqual(copy.octets, octets)
        (lease,) = self.far.leases
        self.assertLess(lease.blob.size, len(octets) + 100)


class RateTests(EventCase):
    settings = Sieve(redirects=3)

    def test_redirects(self):
        """So many an hour are sent on; what is not sent stays."""
        self.put('redirect "them@far.example";')
        uids = [self.store() for _ in range(5)]
        self.event(*uids)
        self.assertEqual(len(self.far.leases), 3)
        kept = [uid for uid in uids if DELETED not in self.flags(uid)]
        self.assertEqual(len(kept), 2)


class JobTests(EventCase):
    """The jobs themselves."""

    def test_from_outside(self):
        """Mail to their addresses runs nothing and goes nowhere."""
        outcome = self.deliver(to="run@user.example.test.imap-events.invalid")
        self.assertEqual(type(outcome).__name__, "Failed")
        self.assertEqual(self.mail(), [])

    def test_gone_account(self):
        """The account went meanwhile: nothing is opened or made."""
        self.put(MARK)
        uid = self.store()
        self.done(self.made.admin.remove_user(address(USER)))
        self.event(uid)
        self.assertEqual(self.flags(uid), set())
        self.assertEqual(self.queue.jobs, {})

    def test_repeated(self):
        """A job whose end was not recorded is done again, and once in all."""
        self.folder("A")
        self.put(
            'require ["fileinto", "imap4flags"]; addflag "$ran"; fileinto "A";'
            'redirect "them@far.example"; keep;'
        )
        uid = self.store()
        transport, lost = self.transport, []

        class Killed:
            async def deliver(self, lease, settle):
                async def kill(_, outcomes):
                    lost.append(outcomes)
                    return True

                await transport.deliver(lease, kill)
                await transport.deliver(lease, settle)

        self.ways["events"] = Killed()
        self.event(uid)
        self.assertEqual(len(lost), 1)
        self.assertEqual(self.where(), ["A", "INBOX"])
        self.assertEqual(len(self.far.leases), 1)
        self.assertEqual(self.flags(uid), {"$ran"})

    def test_full_queue(self):
        """Where nothing can be taken on nothing runs, and operators learn of it."""
        self.put(MARK)
        uid = self.store()

        class Full:
            async def accept(self, _):
                raise NoSpace("the disk is full")

        self.happenings._queue = Full()
        self.event(uid)
        self.assertEqual(self.flags(uid), set())
        (told,) = self.happened("sieve.missed")
        self.assertEqual((told["cause"], told["messages"]), ("APPEND", 1))

    def test_much_to_copy(self):
        """What one record would hold too much of goes on in another job."""
        self.patch(rounds, "SPAWN_OCTETS", 3 * len(OCTETS))
        self.folder("A")
        self.put('require "fileinto"; fileinto "A";')
        uids = [self.store() for _ in range(10)]
        self.event(*uids)
        self.assertEqual(self.where().count("A"), 10)
        self.assertEqual(self.happenings.tickets.pending, {})

    def test_full_account(self):
        """Where the quota leaves no room the message stays as it was."""
        self.folder("A")
        self.done(self.made.admin.set_quota(address(USER), 2 * len(OCTETS)))
        self.put('require "fileinto"; fileinto "A";')
        uids = [self.store(), self.store()]
        self.event(*uids)
        self.assertEqual([self.flags(uid) for uid in uids], [set(), set()])
        self.assertEqual(self.where(), ["INBOX", "INBOX"])

    def test_crowded(self):
        """While much is under way for an account its next command waits."""
        self.patch(happenings, "ACCOUNT_JOBS", 1)
        self.put(MARK)
        uid = self.store()
        self.ways["events"] = never = Far()
        self.event(uid)
        self.event(uid)
        box = self.done(self.account.mailbox("INBOX"))
        row = self.done(box.row())
        what = Happening("APPEND", "fred", box.id, row.uidvalidity, [uid])
        third = Deferred.fromCoroutine(self.happenings.happened(self.account, [what]))
        self.clock.pump([0.1] * 20)
        self.assertNoResult(third)
        self.happenings.ended(Occasion.read(never.leases[0].recipients[0].marks))
        self.clock.pump([0.1] * 3)
        self.successResultOf(third)
        for lease in never.leases:
            self.happenings.ended(Occasion.read(lease.recipients[0].marks))
        self.assertEqual(self.happenings.tickets.under_way, {})

    def test_flags_of_scripts_before(self):
        """A script sees what scripts for earlier events of the message set."""
        self.put(
            'require ["imap4flags", "imapsieve"]; if hasflag "\\\\Flagged"'
            ' { addflag "$important"; } else { removeflag "$important"; }'
        )
        uid = self.store()
        held, transport = [], self.transport

        class Later:
            async def deliver(self, lease, settle):
                held.append(go := Deferred())
                await go
                await transport.deliver(lease, settle)

        self.ways["events"] = Later()
        for flags in ({FLAGGED}, ()):
            more = {"flags": frozenset(flags), "changed": frozenset({FLAGGED})}
            self.event(uid, cause="FLAG", **more)
        for one in held:
            one.callback(None)
        self.assertEqual(self.flags(uid), set())

    def test_small_before_large(self):
        """Who does little does not wait for what is left of a large command."""
        self.patch(happenings, "ACCOUNT_JOBS", 6)
        self.patch(happenings, "TOGETHER", 6)
        self.patch(happenings, "BATCH", 1)
        self.put(MARK)
        uids = [self.store() for _ in range(12)]
        self.ways["events"] = Far()
        box = self.done(self.account.mailbox("INBOX"))
        row = self.done(box.row())
        large, small = (
            Deferred.fromCoroutine(
                self.happenings.happened(
                    self.account,
                    [Happening("COPY", "fred", box.id, row.uidvalidity, some)],
                )
            )
            for some in (uids, uids[:1])
        )
        self.clock.pump([0.1] * 5)
        self.assertNoResult(large)
        self.successResultOf(small)

    def test_room_of_removed(self):
        """Jobs that operators removed or hold take no room for ever."""
        self.patch(happenings, "ACCOUNT_JOBS", 1)
        self.patch(happenings, "LOOKS", 2)
        self.put(MARK)
        uid = self.store()
        self.ways["events"] = Far()
        self.event(uid)
        self.event(uid)
        box = self.done(self.account.mailbox("INBOX"))
        row = self.done(box.row())
        what = Happening("APPEND", "fred", box.id, row.uidvalidity, [uid])
        third = Deferred.fromCoroutine(self.happenings.happened(self.account, [what]))
        self.clock.pump([0.1] * 10)
        self.assertNoResult(third)
        waiting = Deferred.fromCoroutine(self.happenings.settled(USER, box.id))
        self.done(self.queue.change(None, "remove"))
        self.clock.pump([0.1] * 10)
        self.successResultOf(third)
        self.assertEqual(self.happenings.tickets.under_way, {USER: 1})
        self.clock.advance(5)
        self.successResultOf(waiting)

    def test_unreadable(self):
        """An account that cannot be read fails no command; operators learn of it."""
        uid = self.store()

        async def broken(*_):
            raise OSError("input/output error")

        self.patch(type(self.account), "annotations", broken)
        box = self.done(self.account.mailbox("INBOX"))
        self.assertTrue(self.done(self.happenings.awaited(self.account, box.id)))
        self.event(uid)
        (told,) = self.happened("sieve.missed")
        self.assertEqual((told["cause"], told["messages"]), ("APPEND", 1))

    def test_nothing_tells(self):
        """A job that operators hold or removed is waited for once at most."""
        box, _ = self.left()
        for what in ("hold", "remove"):
            waiting = Deferred.fromCoroutine(self.happenings.settled(USER, box))
            self.done(self.queue.change(None, what))
            self.assertNoResult(waiting)
            self.clock.advance(5)
            self.successResultOf(waiting)
            self.done(self.happenings.settled(USER, box))
            self.event(self.store())
            self.assertEqual(self.happenings.tickets.under_way, {USER: 1})

    def started(self):
        """Those of the next process, over the queue that the last one left."""
        found = happenings.Happenings(self.clock, self.queue, self.filing, "u")
        found.start()
        return found

    def left(self):
        """A job that waits when the process ends; gives mailbox and job."""
        self.put(MARK)
        uid = self.store()
        self.ways["events"] = Far()
        self.event(uid)
        (lease,) = self.ways["events"].leases
        box = self.done(self.account.mailbox("INBOX"))
        return box.id, Occasion.read(lease.recipients[0].marks)

    def test_of_earlier_process(self):
        """After a kill, who expunges waits for the jobs that it left."""
        box, occasion = self.left()
        fresh = self.started()
        self.assertEqual(fresh.tickets.under_way, {USER: 1})
        other = Deferred.fromCoroutine(fresh.settled(USER, box + 1))
        self.successResultOf(other)
        waiting = Deferred.fromCoroutine(fresh.settled(USER, box))
        self.assertNoResult(waiting)
        fresh.ended(occasion)
        self.successResultOf(waiting)
        self.assertEqual(fresh.tickets.under_way, {})

    def test_held_of_earlier_process(self):
        """A job that an operator holds is waited for by nobody."""
        box, _ = self.left()
        self.done(self.queue.change(None, "hold"))
        self.done(self.started().settled(USER, box))

    def test_while_looking(self):
        """Who expunges while they are looked for waits; what ends is not counted."""
        box, occasion = self.left()
        gate, browse = Deferred(), self.queue.browse

        async def slow(after, limit):
            page = await browse(after, limit)
            await gate
            return page

        self.patch(type(self.queue), "browse", lambda _, *asked: slow(*asked))
        fresh = self.started()
        waiting = Deferred.fromCoroutine(fresh.settled(USER, box))
        fresh.ended(occasion)
        self.assertNoResult(waiting)
        gate.callback(None)
        self.successResultOf(waiting)
        self.assertEqual((fresh.tickets.under_way, fresh.tickets.pending), ({}, {}))

    def test_few_jobs(self):
        """Thousands of messages are a few jobs, in turns; each is looked at once."""
        self.patch(rounds, "BREATH", 30)
        self.put(MARK)
        uids = [self.store() for _ in range(900)]
        before = len(self.queue.accepted)
        self.event(*uids)
        self.assertEqual(len(self.queue.accepted) - before, 3)
        columns = self.done(self.done(self.account.mailbox("INBOX")).snapshot())
        self.assertEqual(len(set(columns.flags)), 1)
        self.assertEqual(self.transport._columns, {})

    def test_many_copies(self):
        """A record has so many copies at most; the rest is another job's."""
        self.patch(rounds, "SPAWNED", 3)
        self.put(COPIES)
        uids = [self.store() for _ in range(8)]
        self.event(*uids)
        copies = [one for one in self.mail() if one.mailbox == "A"]
        self.assertEqual(len(copies), 8)

    def test_all_who_wait(self):
        """When scripts are done everybody who waited for them goes on at once."""
        self.put(MARK)
        uid = self.store()
        box = self.done(self.account.mailbox("INBOX"))
        self.ways["events"] = Far()
        self.event(uid)
        every = [
            Deferred.fromCoroutine(self.happenings.settled(USER, box.id))
            for _ in range(3)
        ]
        (lease,) = self.ways["events"].leases
        self.happenings.ended(Occasion.read(lease.recipients[0].marks))
        for one in every:
            self.successResultOf(one)

    def test_settled(self):
        """Who expunges waits for scripts that still look, and not for ever."""
        self.put(MARK)
        uid = self.store()
        box = self.done(self.account.mailbox("INBOX"))
        self.done(self.happenings.settled("user@example.test", box.id))
        self.ways["events"] = Far()  # never ends
        self.event(uid)
        first, second = (
            Deferred.fromCoroutine(self.happenings.settled(USER, box.id))
            for _ in range(2)
        )
        self.assertNoResult(first)
        self.clock.advance(5)
        self.successResultOf(first)
        self.successResultOf(second)
        third = Deferred.fromCoroutine(self.happenings.settled(USER, box.id))
        (lease,) = self.ways["events"].leases
        self.happenings.ended(Occasion.read(lease.recipients[0].marks))
        self.successResultOf(third)

"""Scripts decide where mail goes (:mod:`mailsuite.delivery.filing`)."""

from attrs import evolve

from mailsuite.delivery.copies import flags_of
from mailsuite.delivery.sending import REDIRECTED
from mailsuite.model.envelope import FILED, JUNK, Blob
from mailsuite.model.errors import OverQuota
from mailsuite.model.outcomes import Deferred, Delivered, Expanded
from mailsuite.sieve.settings import Sieve
from tests.support.filing import OTHER, SENDER, USER, FilingCase, letter
from tests.support.queue import address

FILE = 'require ["fileinto", "copy", "imap4flags", "mailbox"];\n'


class PlacesTests(FilingCase):
    def test_none(self):
        """Without a script mail goes into the INBOX."""
        self.assertEqual(self.deliver(), Delivered("stored"))
        self.assertEqual(self.where(), ["INBOX"])

    def test_fileinto(self):
        """A message is filed where the script says, whole and once."""
        self.folder("Gifts")
        self.script(FILE + 'if header :is "subject" "gift" { fileinto "Gifts"; }')
        for _ in range(2):
            self.assertEqual(self.deliver().text, "Gifts")
        self.deliver(letter("bill"), "0G1G300")
        self.assertEqual(self.where(), ["Gifts", "INBOX"])
        (gift, _) = self.mail()[::-1]
        path = f"Return-Path: <{SENDER}>\r\n".encode()
        blob = letter()
        self.assertEqual(gift.octets, path + blob.prefix + blob.octets)

    def test_several(self):
        """A script may file into several mailboxes, each once."""
        self.folder("A")
        self.folder("B")
        self.script(
            FILE
            + 'fileinto "A"; fileinto "B"; fileinto "A"; keep; fileinto "inbox"; keep;'
        )
        for _ in range(2):
            self.deliver()
        self.assertEqual(self.where(), ["A", "B", "INBOX"])

    def test_flags(self):
        """Flags and keywords are set; the last ones win where two are for one place."""
        self.folder("A")
        self.script(
            FILE + r'fileinto :flags ["\\Seen", "Blue"] "A";'
            r'keep :flags "\\Seen"; keep :flags "\\flagged";'
        )
        self.deliver()
        found = {one.mailbox: one.flags for one in self.mail()}
        self.assertEqual(found["A"], {"\\Seen", "Blue"})
        self.assertEqual(found["INBOX"], {"\\Flagged"})

    def test_bad_flags(self):
        """Flags that nothing can keep are left out."""
        self.assertEqual(
            flags_of(("\\seen", "a" * 101, "\xe9", "\\Recent", "\\Odd", "ok")),
            {"\\Seen", "ok"},
        )

    def test_create(self):
        """A mailbox is made where the script asks for that, levels above included."""
        self.script(FILE + 'fileinto :create "Lists/Python";')
        self.deliver()
        self.deliver(name="0G1G300")
        self.assertEqual(self.where(), ["Lists/Python"] * 2)

    def test_missing(self):
        """What no mailbox takes goes into the INBOX, once, and that is told."""
        self.script(FILE + 'fileinto "Gone"; fileinto "Gone too";')
        for _ in range(2):
            self.assertEqual(self.deliver().text, "INBOX")
        self.assertEqual(self.where(), ["INBOX"])
        self.assertEqual(len(self.happened("sieve.diverted")), 4)

    def test_missing_beside(self):
        """It is not there twice if the script keeps the message too."""
        self.script(FILE + 'fileinto "Gone"; keep;')
        self.deliver()
        self.assertEqual(self.where(), ["INBOX"])

    def test_traversal(self):
        """Names that try to leave the account make no mailbox."""
        for name in ("../../bob/Maildir", "/etc", "a/../../b", "x/" * 50 + "x"):
            self.script(FILE + f'fileinto :create "{name}";')
            self.deliver(name=f"0G1G{len(name):X}")
        self.assertEqual(self.mail(OTHER), [])
        self.assertTrue(self.mail())

    def test_uses(self):
        """A mailbox is found by its special use, and by its id."""
        row = self.folder("Odd")
        self.script(
            'require ["fileinto", "special-use", "mailboxid"];'
            r'fileinto :specialuse "\\Archive" "Other";'
            f'fileinto :mailboxid "{row.objectid}" "Gone";'
        )
        self.deliver()
        self.assertEqual(self.where(), ["Archive", "Odd"])

    def test_use_created(self):
        """A mailbox that is made gets the use that it was asked for."""
        self.script(
            'require ["fileinto", "special-use", "mailbox"];'
            r'fileinto :specialuse "\\Important" :create "Urgent";'
        )
        self.deliver()
        self.deliver(name="0G1G300")
        self.assertEqual(self.where(), ["Urgent"] * 2)

    def test_discard(self):
        """What is discarded is delivered to nowhere."""
        self.script("discard;")
        self.assertEqual(self.deliver().text, "discarded")
        self.assertEqual(self.where(), [])
        self.assertEqual(len(self.happened("sieve.discarded")), 1)

    def test_detail(self):
        """Keeping means where mail for user+folder goes without a script."""
        self.folder("Lists")
        self.script(FILE + 'fileinto :copy "Archive";')
        self.deliver(to="user+lists@example.test")
        self.assertEqual(self.where(), ["Archive", "Lists"])

    def test_questions(self):
        """Whether mailboxes are there is found out while a script runs."""
        self.folder("A")
        self.script(
            FILE
            + 'if mailboxexists ["A", "inbox"] { fileinto "A"; }'
            + 'if mailboxexists "B" { discard; } else { fileinto "Archive"; }'
        )
        self.deliver()
        self.assertEqual(self.where(), ["A", "Archive"])

    def test_many_questions(self):
        """A script that asks without end is stopped, and the message is kept."""
        tests = "".join(
            f'set "n" "{n}"; if mailboxexists "M${{n}}" {{ discard; }}'
            for n in range(80)
        )
        self.script('require ["mailbox", "variables"];' + tests)
        self.deliver()
        self.assertEqual(self.where(), ["INBOX", "INBOX"])
        (failed,) = self.happened("sieve.failed")
        self.assertIn("questions", failed["reason"])


class ChainTests(FilingCase):
    def test_around(self):
        """The operator's scripts run before and after the owner's."""
        self.folder("A")
        self.system(
            [FILE + 'if header :is "subject" "bill" { discard; }'],
            [FILE + 'if header :is "subject" "late" { fileinto "Archive"; stop; }'],
        )
        self.script(FILE + 'if header :is "subject" "gift" { fileinto "A"; }')
        for n, subject in enumerate(("gift", "bill", "late", "other")):
            self.deliver(letter(subject), f"0G1G{n}")
        self.assertEqual(self.where(), ["A", "Archive", "INBOX"])

    def test_only_system(self):
        """They run for accounts without a script too."""
        self.system([FILE + 'fileinto "Archive";'])
        self.deliver()
        self.assertEqual(self.where(), ["Archive"])

    def test_keep_goes_on(self):
        """What is kept with flags has them, if no later script says otherwise."""
        self.system([FILE + r'keep :flags "\\Flagged";'], ["stop;"])
        self.deliver()
        self.assertEqual([one.flags for one in self.mail()], [{"\\Flagged"}])

    def test_copies_go_on(self):
        """A copy that one script files is filed whatever later ones do."""
        self.system([FILE + 'fileinto :copy "Archive";'])
        self.script("discard;")
        self.deliver()
        self.assertEqual(self.where(), ["Archive"])

    def test_domain(self):
        """A domain has scripts of its own."""
        self.system([FILE + 'fileinto :copy "Archive";'])
        here = self.filing.system.before
        self.filing.system = evolve(
            self.filing.system, before=(), domains={"example.test": (here, ())}
        )
        self.deliver()
        self.assertEqual(self.where(), ["Archive", "INBOX"])


class JunkTests(FilingCase):
    def deliver_junk(self, **more):
        return self.deliver(marks={JUNK: "spf"}, **more)

    def test_kept(self):
        """Junk goes into Junk if the script does nothing of its own with it."""
        self.script(FILE + 'if header :is "subject" "other" { fileinto "A"; }')
        self.deliver_junk()
        self.assertEqual(self.where(), ["Junk"])

    def test_filed(self):
        """A script may still file it, or keep it."""
        self.script(FILE + 'fileinto "Archive"; keep;')
        self.deliver_junk()
        self.assertEqual(self.where(), ["Archive", "INBOX"])

    def test_not_redirected(self):
        """It is not sent on; Junk keeps it."""
        self.script('redirect "far@else.example";')
        outcome = self.deliver_junk()
        self.assertEqual(outcome.spawn, ())
        self.assertEqual(self.where(), ["Junk"])
        (refused,) = self.happened("sieve.refused")
        self.assertIn("junk", refused["reason"])


class RedirectTests(FilingCase):
    settings = Sieve(redirects=3)

    def test_sent_on(self):
        """A copy goes on from who wrote it, marked, without Return-Path."""
        self.script('redirect "far@else.example";')
        outcome = self.deliver(
            letter(prefix=f"Return-Path: <{SENDER}>\r\nReceived: by us\r\n"),
            envelope_marks={"role": "smtp", "arc": "pass"},
        )
        self.assertEqual(self.where(), [])
        (child,) = outcome.spawn
        self.assertEqual(child.envelope.sender, address(SENDER))
        self.assertEqual(child.envelope.marks, {"role": "smtp", "arc": "pass"})
        self.assertEqual(
            [each.address for each in child.envelope.recipients],
            [address("far@else.example")],
        )
        marked = f"{REDIRECTED}: {USER}\r\nReceived: by us\r\n".encode()
        self.assertEqual(child.blob.prefix, marked)
        self.assertEqual(
            child.blob.size, len(child.blob.prefix) + len(child.blob.octets)
        )

    def test_copy(self):
        """With :copy the owner keeps one."""
        self.script('require "copy"; redirect :copy "far@else.example";')
        self.assertEqual(len(self.deliver().spawn), 1)
        self.assertEqual(self.where(), ["INBOX"])

    def test_null_sender(self):
        """A notice is sent on as one."""
        self.script('redirect "far@else.example";')
        (child,) = self.deliver(sender="").spawn
        self.assertIsNone(child.envelope.sender)

    def test_loop(self):
        """What came back is kept and not sent on again."""
        self.script('redirect "far@else.example";')
        for n, (who, sent) in enumerate(
            ((USER.upper(), 0), ("bob@else.example", 1), (USER, 0))
        ):
            before = f"{REDIRECTED}: {who}\r\n"
            outcome = self.deliver(letter(prefix=before), f"0G1G{n}")
            self.assertEqual(len(outcome.spawn), sent)
        self.assertEqual(self.where(), ["INBOX"] * 2)

    def test_many_hops(self):
        """What was sent on by too many goes no further."""
        self.script('redirect "far@else.example";')
        before = "".join(f"{REDIRECTED}: a{n}@x.example\r\n" for n in range(20))
        self.assertEqual(self.deliver(letter(prefix=before)).spawn, ())
        self.assertEqual(self.where(), ["INBOX"])

    def test_rate(self):
        """So many go in an hour; the others are kept. A message counts once."""
        self.script('redirect "far@else.example";')
        sent = [len(self.deliver(name=f"0G1G{n}").spawn) for n in (1, 1, 1, 2, 3, 4, 5)]
        self.assertEqual(sent, [1, 1, 1, 1, 1, 0, 0])
        self.assertEqual(self.where(), ["INBOX"] * 2)
        self.now += 3_601
        self.assertEqual(len(self.deliver(name="0G1G6").spawn), 1)

    def test_bad_address(self):
        """An address that is none leaves the message in the INBOX."""
        for n, text in enumerate(("a b@x.example", "a@b@", "@x.example")):
            self.script(f'require "variables"; set "a" "{text}"; redirect "${{a}}";')
            self.assertEqual(self.deliver(name=f"0G1G{n}").spawn, ())
        self.assertEqual(set(self.where()), {"INBOX"})


class TroubleTests(FilingCase):
    BAD = 'require ["variables"]; set "a" ""; redirect "${a}";'

    def test_kept(self):
        """A script that fails keeps the message, and its owner is told once a day."""
        self.script(self.BAD)
        for n in range(3):
            self.deliver(name=f"0G1G{n}")
        self.assertEqual(self.where(), ["INBOX"] * 4)
        (notice,) = [m for m in self.mail() if b"Your mail filter" in m.octets]
        self.assertIn(b'Your Sieve script "main" could not', notice.octets)
        self.assertIn(b"line 1", notice.octets)
        self.now += 90_000
        self.deliver(name="0G1G9")
        self.assertEqual(len(self.where()), 6)
        self.assertEqual(len(self.happened("sieve.failed")), 4)

    def test_once(self):
        """A delivery that is repeated tells once."""
        self.script(self.BAD)
        for _ in range(3):
            self.deliver()
        self.assertEqual(self.where(), ["INBOX"] * 2)

    def test_system(self):
        """What is wrong with the operator's script is not told to users."""
        self.system([self.BAD])
        self.script("keep;")
        self.deliver()
        self.assertEqual(self.where(), ["INBOX"])

    def test_no_longer_valid(self):
        """A stored script that this version cannot read keeps the mail."""
        self.script("keep;")
        self.done(
            self.facts.facts(
                USER,
                lambda database: database.execute(
                    "UPDATE script SET content = ?", (b"no such command;",)
                ),
            )
        )
        self.scripts._known.clear()
        self.deliver()
        self.assertEqual(self.where(), ["INBOX"] * 2)

    def test_too_much(self):
        """A script that does too much is stopped, and the message is kept."""
        self.script("if true{}\n" * 2_450, "inner")
        self.script('require "include";' + 'include "inner";' * 5)
        self.deliver()
        self.assertEqual(self.where(), ["INBOX"] * 2)
        (failed,) = self.happened("sieve.failed")
        self.assertIn("commands", failed["reason"])

    def test_much(self):
        """One that does much, yet less than it may, is not stopped."""
        self.script("if not false { if not false { } }\n" * 800 + "discard;")
        self.deliver()
        self.assertEqual(self.where(), [])


class OnceTests(FilingCase):
    """What is repeated after a break: nothing is lost, nothing is there twice."""

    SCRIPT = FILE + 'fileinto "A"; fileinto "B"; redirect "far@else.example"; keep;'

    def broken(self, after):
        """Deliver with a store that fails after so many appends."""
        account = self.done(self.accounts.open(USER))
        kind, whole = type(account), type(account).append
        count = iter(range(100))

        async def append(self_, *args):
            if next(count) >= after:
                raise OverQuota("full")
            return await whole(self_, *args)

        self.patch(kind, "append", append)
        outcome = self.deliver()
        self.patch(kind, "append", whole)
        return outcome

    def test_breaks(self):
        """Wherever a delivery breaks off, the next one does what is left."""
        self.folder("A")
        self.folder("B")
        self.script(self.SCRIPT)
        for after in range(3):
            self.assertEqual(self.broken(after).spawn, ())
            self.assertIsInstance(self.broken(after), Deferred)
        self.assertEqual(len(self.deliver().spawn), 1)
        self.assertEqual(self.where(), ["A", "B", "INBOX"])

    def test_changed(self):
        """Another script meanwhile: what stands is not repeated, what is new is done."""
        self.folder("A")
        self.folder("B")
        self.script(self.SCRIPT)
        self.broken(1)
        self.script(FILE + 'fileinto "B"; fileinto "A"; fileinto "Archive";', "other")
        self.deliver()
        self.assertEqual(self.where(), ["A", "Archive", "B"])

    def test_deactivated(self):
        """Without a script meanwhile the message is in the INBOX too."""
        self.folder("A")
        self.script(self.SCRIPT)
        self.broken(1)
        self.done(self.scripts.activate(USER, ""))
        for _ in range(2):
            self.deliver()
        self.assertEqual(self.where(), ["A", "INBOX"])


class AgainTests(FilingCase):
    """After a kill the store is asked again; scripts have had their say."""

    def again(self, outcome, **more):
        return self.deliver(marks={FILED: outcome.filed}, **more)

    def test_filed(self):
        """Copies are where they were, and nothing is sent anew."""
        self.folder("A")
        self.script(FILE + 'fileinto "A"; redirect "far@else.example"; keep;')
        first = self.deliver()
        second = self.again(first)
        self.assertEqual((second.spawn, second.filed), ((), first.filed))
        self.assertEqual(self.where(), ["A", "INBOX"])

    def test_lost(self):
        """Copies that a power cut took come back, with their flags."""
        self.folder("A")
        self.script(FILE + r'fileinto :flags "\\Seen" "A";')
        first = self.deliver()
        self.again(first, name="0G1G300")  # the store knows nothing of it
        self.assertEqual([one.flags for one in self.mail()], [{"\\Seen"}] * 2)

    def test_other_script(self):
        """A script that counts only since then moves no old mail."""
        first = self.deliver()
        self.assertEqual(first.filed, "")
        self.script(FILE + 'fileinto :create "New"; redirect "far@else.example";')
        self.assertEqual(self.again(first).spawn, ())
        self.assertEqual(self.where(), ["INBOX"])

    def test_discarded(self):
        """What was thrown away stays away."""
        self.script("discard;")
        first = self.deliver()
        self.done(self.scripts.activate(USER, ""))
        self.again(first)
        self.assertEqual(self.where(), [])

    def test_mailbox_gone(self):
        """A copy whose mailbox was removed since does not come back elsewhere."""
        self.folder("A")
        self.script(FILE + 'fileinto "A";')
        first = self.deliver()

        async def removed():
            await (await self.accounts.open(USER)).remove("A")

        self.done(removed())
        self.again(first)
        self.assertEqual(self.where(), [])


class AliasTests(FilingCase):
    """A user whose own alias names others too."""

    def setUp(self):
        super().setUp()
        targets = [address(USER), address("far@else.example")]
        self.done(self.made.admin.add_alias(targets[0], targets))

    def test_sent_on(self):
        """What the user's script sends goes with what the alias brings."""
        self.script('require "copy"; redirect :copy "third@else.example";')
        outcome = self.deliver()
        self.assertIsInstance(outcome, Expanded)
        self.assertEqual(len(outcome.spawn), 1)
        self.assertEqual(self.where(), ["INBOX"])

    def test_refused(self):
        """What the user refuses the others get."""
        self.script('require "reject"; reject "no";')
        self.assertIsInstance(self.deliver(), Expanded)


class DuplicateTests(FilingCase):
    SCRIPT = 'require "duplicate"; if duplicate { discard; }'

    def test_seen(self):
        """A message that comes again is known by its Message-ID."""
        self.script(self.SCRIPT)
        for n in range(3):
            self.deliver(name=f"0G1G{n}")
        self.deliver(letter("other"), "0G1G9")
        self.assertEqual(self.where(), ["INBOX"] * 2)

    def test_repeated(self):
        """A delivery that is repeated does not take its message for another."""
        self.script(self.SCRIPT)
        for _ in range(3):
            self.assertEqual(self.deliver().text, "INBOX")
        self.assertEqual(self.where(), ["INBOX"])

    def test_forgotten(self):
        """After its time it is new again."""
        self.script('require "duplicate"; if duplicate :seconds 100 { discard; }')
        self.deliver()
        self.now += 101
        self.deliver(name="0G1G300")
        self.assertEqual(self.where(), ["INBOX"] * 2)


class ContentTests(FilingCase):
    def test_in_a_file(self):
        """A large message's header and size are looked at, its content left alone."""
        path = self.mktemp()
        content = letter().octets + b"x" * 1_000
        with open(path, "wb") as file:
            file.write(content)
        blob = Blob("k", len(content) + 3, None, b"R:\r", path)
        self.script(
            FILE + 'if allof (size :over 1K, header "subject" "gift")'
            ' { fileinto "Archive"; }'
        )
        self.deliver(evolve(blob, size=len(content) + 5, prefix=b"R: x\n"))
        self.assertEqual(self.where(), ["Archive"])

    def in_a_file(self, size):
        path = self.mktemp()
        content = letter().octets + b"x" * size
        with open(path, "wb") as file:
            file.write(content)
        prefix = b"Received: by us\r\n"
        return content, Blob("k", len(content) + len(prefix), None, prefix, path)

    def test_edited(self):
        """What a script edits is stored and sent on; the content stays as it was."""
        for n, size in enumerate((1_000, 2 << 20)):
            content, blob = self.in_a_file(size)
            self.script(
                'require ["editheader", "copy"]; addheader "X-Seen" "yes";'
                'deleteheader "Received"; redirect :copy "far@else.example";'
            )
            (child,) = self.deliver(blob, f"0G1G{n}").spawn
            mail = next(one for one in self.mail() if len(one.octets) > size)
            seen = b"X-Seen: yes\r\n"
            path = f"Return-Path: <{SENDER}>\r\n".encode()
            self.assertTrue(mail.octets.startswith(path))
            self.assertIn(seen, mail.octets[:200])
            self.assertTrue(mail.octets.endswith(content.partition(b"\r\n\r\n")[2]))
            sent = self.done(self.ground.blobs.content(child.blob))
            self.assertEqual(len(sent), child.blob.size)
            self.assertTrue(sent.startswith(REDIRECTED.encode()))
            self.assertNotIn(b"Return-Path", sent)
            self.assertIn(seen, sent[:300])
            self.assertTrue(sent.endswith(b"x" * size))

    def test_included(self):
        """Scripts include each other; one that is missing is told."""
        self.script('require "fileinto"; fileinto "Archive";', "inner")
        self.script('require "include"; include "inner";')
        self.deliver()
        self.script('require "include"; include "gone";')
        self.deliver(name="0G1G300")
        self.assertEqual(self.where(), ["Archive", "INBOX", "INBOX"])

"""Messages: FETCH, STORE, SEARCH, COPY, MOVE, EXPUNGE, and who hears of it."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime.limits import DEPTH
from mailsuite.model.flags import DELETED, FLAGGED, SEEN
from tests.support.imap_world import Talk

INNER = b"From: In <in@x.y>\r\nSubject: inner\r\n\r\ninner text\r\n"
NESTED = (
    b"From: Ann <ann@example.org>\r\nTo: Bob <bob@example.org>\r\n"
    b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?= and more\r\nX-Long: one\r\n two\r\n"
    b"Date: Tue, 2 Jan 2024 00:30:00 +0200\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
    b"--b\r\n\r\nplain part\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nPGI+c2Now7ZuPC9iPg==\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + INNER + b"--b--\r\n"
)
SMALL = b"From: Zoe <zoe@example.net>\r\nSubject: small\r\n\r\nnothing here\r\n"


def literal(label, octets):
    return b"%b {%d}\r\n%b" % (label, len(octets), octets)


class MailTests(SynchronousTestCase):
    def setUp(self):
        self.talk = Talk()
        self.box = self.talk.world.box("INBOX")
        self.box.add(NESTED, {SEEN}, 1_600_000_000)
        self.box.add(SMALL, (), 1_650_000_000)
        self.box.add(SMALL, {DELETED, "$Junk"}, 1_700_000_000)
        self.client = self.talk.login(b"INBOX")

    def fetched(self, item, number=1):
        return self.client.say(b"t FETCH %d %b\r\n" % (number, item))

    def body(self, item, wanted, label=None):
        label = label or item.replace(b".PEEK", b"")
        said = self.fetched(item)
        self.assertTrue(said.startswith(b"* 1 FETCH (" + literal(label, wanted)), said)

    def test_whole(self):
        """BODY[] and RFC822 are the message as it was stored."""
        self.body(b"BODY.PEEK[]", NESTED)
        self.body(b"RFC822", NESTED)

    def test_header(self):
        """The header ends with its blank line."""
        header = NESTED[: NESTED.index(b"\r\n\r\n") + 4]
        self.body(b"BODY.PEEK[HEADER]", header)
        self.body(b"RFC822.HEADER", header)

    def test_text(self):
        """The text is what follows the header."""
        text = NESTED[NESTED.index(b"\r\n\r\n") + 4 :]
        self.body(b"BODY.PEEK[TEXT]", text)
        self.body(b"RFC822.TEXT", text)

    def test_fields(self):
        """HEADER.FIELDS takes folded fields whole; NOT takes the others."""
        self.body(
            b"BODY.PEEK[HEADER.FIELDS (x-long FROM)]",
            b"From: Ann <ann@example.org>\r\nX-Long: one\r\n two\r\n\r\n",
        )
        self.assertNotIn(
            b"X-Long", self.fetched(b"BODY.PEEK[HEADER.FIELDS.NOT (x-long)]")
        )

    def test_usual_fields(self):
        """Fields that are kept apart are told as those that are not."""
        for names in (b"from SUBJECT", b"From", b"DATE content-type"):
            label = b"BODY[HEADER.FIELDS (%b)]" % names
            few = self.fetched(b"BODY.PEEK[HEADER.FIELDS (%b)]" % names)
            more = self.fetched(b"BODY.PEEK[HEADER.FIELDS (%b X-None)]" % names)
            self.assertIn(label, few)
            self.assertEqual(few, more.replace(b" X-None)", b")"))

    def test_percent(self):
        """A field name with a percent sign is only a name."""
        self.body(b'BODY.PEEK[HEADER.FIELDS ("%d%s")]', b"\r\n")

    def test_parts(self):
        """Parts by number, their MIME headers, and messages inside."""
        self.body(b"BODY.PEEK[1]", b"plain part")
        self.body(b"BODY.PEEK[2]", b"PGI+c2Now7ZuPC9iPg==")
        self.body(b"BODY.PEEK[3]", INNER[:-2])
        self.body(b"BODY.PEEK[3.HEADER]", INNER[: INNER.index(b"\r\n\r\n") + 4])
        self.body(b"BODY.PEEK[3.TEXT]", b"inner text")
        self.body(b"BODY.PEEK[3.1]", b"inner text")
        self.body(b"BODY.PEEK[3.HEADER.FIELDS (SUBJECT)]", b"Subject: inner\r\n\r\n")
        self.body(b"BODY.PEEK[3.MIME]", b"Content-Type: message/rfc822\r\n\r\n")

    def test_no_part(self):
        """A part that is not there is NIL."""
        self.assertIn(b"BODY[4] NIL", self.fetched(b"BODY.PEEK[4]"))
        self.assertIn(b"BODY[1.2.3] NIL", self.fetched(b"BODY.PEEK[1.2.3]"))
        self.assertIn(b"BODY[1.TEXT] NIL", self.fetched(b"BODY.PEEK[1.TEXT]"))

    def test_partial(self):
        """Partials are clamped."""
        self.body(b"BODY.PEEK[]<5.10>", NESTED[5:15], b"BODY[]<5>")
        self.body(b"BODY.PEEK[]<5.4294967295>", NESTED[5:], b"BODY[]<5>")
        self.body(b"BODY.PEEK[]<4294967295.1>", b"", b"BODY[]<4294967295>")

    def test_large(self):
        """A message of many blocks comes whole."""
        large = SMALL + b"0123456789abcde\n" * 40_000
        self.box.add(large)
        self.client.ask(b"NOOP")
        said = self.fetched(b"(UID BODY.PEEK[] FLAGS)", 4)
        self.assertIn(literal(b"BODY[]", large) + b")\r\n", said)

    def test_nul(self):
        """NUL, which came by SMTP, is no octet of a literal (RFC 3501 §9 CHAR8)."""
        self.box.add(b"Subject: a\0b\r\n\r\nc\0d\r\n")
        self.client.ask(b"NOOP")
        header, text = b"Subject: a\x80b\r\n\r\n", b"c\x80d\r\n"
        for item, told in (
            (b"BODY.PEEK[]", literal(b"BODY[]", header + text)),
            (b"BODY.PEEK[TEXT]", literal(b"BODY[TEXT]", text)),
            (b"RFC822.HEADER", literal(b"RFC822.HEADER", header)),
            (b"(BODY.PEEK[HEADER] BODY.PEEK[1])", literal(b"BODY[HEADER]", header)),
        ):
            said = self.fetched(item, 4)
            self.assertIn(told, said)
            self.assertNotIn(b"\0", said)

    def test_depth(self):
        """Every part that BODYSTRUCTURE tells can be asked for, however deep."""
        self.box.add(b"Content-Type: message/rfc822\r\n\r\n" * DEPTH + b"\r\ndeep")
        self.client.ask(b"NOOP")
        path = b".".join([b"1"] * (DEPTH + 1))
        said = self.fetched(b"BODY.PEEK[%b]" % path, 4)
        self.assertIn(literal(b"BODY[%b]" % path, b"deep"), said)

    def test_seen(self):
        r"""Reading sets \Seen and tells it beside the text; peeking does not."""
        self.fetched(b"BODY.PEEK[]", 2)
        self.assertNotIn(SEEN, self.box.mail[2].flags)
        said = self.fetched(b"BODY[]", 2)
        self.assertIn(SEEN, self.box.mail[2].flags)
        told = b"* 2 FETCH (FLAGS (\\Seen \\Recent) " + literal(b"BODY[]", SMALL)
        self.assertTrue(said.startswith(told + b")\r\nt OK"), said)
        self.assertNotIn(b"FLAGS", self.fetched(b"BODY[]", 2))

    def test_seen_once(self):
        r"""Asked together with FLAGS, \Seen is told once."""
        said = self.fetched(b"(FLAGS BODY[TEXT])", 2)
        self.assertEqual(said.count(b"FETCH ("), 1)
        self.assertIn(b"FLAGS (\\Seen \\Recent)", said)

    def test_new_keyword(self):
        """A keyword stands in FLAGS before a message that has it is told."""
        other = self.talk.login(b"INBOX")
        for item, keyword in ((b"FLAGS", b"New"), (b"BODY[]", b"Newer")):
            other.ask(b"STORE 2 FLAGS (%b)" % keyword)
            flags, _, told, *_ = self.client.ask(b"FETCH 2 " + item)[0]
            self.assertTrue(flags.startswith(b"* FLAGS ("), flags)
            self.assertIn(keyword, flags)
            self.assertTrue(told.startswith(b"* 2 FETCH (FLAGS ("), told)
            self.assertIn(keyword, told)

    def test_examine(self):
        """In EXAMINE nothing changes, whatever is asked."""
        client = self.talk.login()
        lines, answer = client.ask(b"EXAMINE INBOX")
        self.assertIn(b"[READ-ONLY]", answer)
        self.assertIn(b"* OK [PERMANENTFLAGS ()] Kept", lines)
        client.say(b"t FETCH 1:* BODY[]\r\n")
        self.assertNotIn(SEEN, self.box.mail[2].flags)
        for command in (b"STORE 2 +FLAGS (\\Seen)", b"EXPUNGE", b"MOVE 1 Sent",
                        b"UID EXPUNGE 1:*"):  # fmt: skip
            self.assertIn(b"NO [READ-ONLY]", client.ask(command)[1])
        client.ask(b"CLOSE")
        self.assertEqual(len(self.box.mail), 3)

    def test_store(self):
        """STORE adds, drops and replaces, and tells all it was asked about."""
        lines, _ = self.client.ask(b"STORE 1:2 +FLAGS (\\Seen)")
        self.assertEqual(
            lines,
            [
                b"* 1 FETCH (FLAGS (\\Seen \\Recent))",
                b"* 2 FETCH (FLAGS (\\Seen \\Recent))",
            ],
        )
        self.client.ask(b"STORE 1 -FLAGS (\\Seen)")
        lines, _ = self.client.ask(b"UID STORE 2 FLAGS ()")
        self.assertEqual(lines, [b"* 2 FETCH (UID 2 FLAGS (\\Recent))"])

    def test_silent(self):
        """.SILENT tells nothing of its own, but what others did."""
        other = self.talk.login(b"INBOX")
        other.ask(b"STORE 1 +FLAGS (\\Flagged)")
        lines, _ = self.client.ask(b"STORE 1:2 +FLAGS.SILENT (\\Answered)")
        self.assertEqual(
            lines, [b"* 1 FETCH (UID 1 FLAGS (\\Answered \\Flagged \\Seen \\Recent))"]
        )

    def test_silent_race(self):
        """.SILENT tells what others did just before it, unseen by anybody."""
        other, store = self.talk.login(b"INBOX"), self.box.store
        other.ask(b"STORE 2 FLAGS (\\Flagged)")
        _ = self.client.ask(b"NOOP")

        async def late(uids, add, drop):
            self.box.store = store
            _ = await store([2], frozenset(), {FLAGGED})
            return await store(uids, add, drop)

        self.box.store = late
        lines, _ = self.client.ask(b"STORE 2 +FLAGS.SILENT (\\Seen)")
        self.assertEqual(lines, [b"* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent))"])

    def test_keyword(self):
        """A new keyword is announced before it is used."""
        lines, _ = self.client.ask(b"STORE 1 +FLAGS (New)")
        self.assertTrue(lines[0].startswith(b"* FLAGS ("))
        self.assertIn(b"New", lines[0])

    def test_vanished(self):
        """UID commands about UIDs that are not there succeed silently."""
        self.assertEqual(self.client.ask(b"UID STORE 77 +FLAGS (a)"), ([], b"OK Done"))
        self.assertEqual(self.client.ask(b"UID MOVE 77 Sent"), ([], b"OK Done"))
        self.assertEqual(self.client.ask(b"UID FETCH 77 FLAGS"), ([], b"OK Done"))
        self.assertEqual(self.client.ask(b"UID COPY 77:99 Sent"), ([], b"OK Done"))

    def test_number(self):
        """A message number that does not exist is BAD."""
        self.assertIn(b"BAD", self.client.ask(b"FETCH 4 FLAGS")[1])
        self.assertIn(b"BAD", self.client.ask(b"STORE 9:12 FLAGS ()")[1])

    def test_expunge(self):
        r"""EXPUNGE removes what has \Deleted, and UID EXPUNGE only some of it."""
        self.client.ask(b"STORE 1 +FLAGS (\\Deleted)")
        self.assertEqual(
            self.client.ask(b"UID EXPUNGE 1:2"), ([b"* 1 EXPUNGE"], b"OK Done")
        )
        self.assertEqual(self.client.ask(b"EXPUNGE"), ([b"* 2 EXPUNGE"], b"OK Done"))
        self.assertEqual(list(self.box.mail), [2])

    def test_search_folded(self):
        """A sharp s is found as itself and as ss, also where nothing is encoded."""
        self.box.add("Subject: x\r\n\r\nStraße\r\n".encode())
        self.client.ask(b"NOOP")
        for needle in ("Straße", "STRASSE", "strasse"):
            octets = needle.encode()
            asked = b"SEARCH CHARSET UTF-8 BODY {%d+}\r\n%b" % (len(octets), octets)
            self.assertEqual(self.client.ask(asked)[0][0], b"* SEARCH 4")

    def test_expunge_waits(self):
        """A FETCH that is not understood tells of nothing gone (RFC 3501 §7.4.1)."""
        other = self.talk.login(b"INBOX")
        other.ask(b"EXPUNGE")
        for wrong in (b"FETCH 1 FOO", b"STORE 0 FLAGS ()", b"SEARCH FOO", b"FOO"):
            told, answer = self.client.ask(wrong)
            self.assertEqual((told, answer[:3]), ([], b"BAD"))
        self.assertEqual(self.client.ask(b"NOOP"), ([b"* 3 EXPUNGE"], b"OK Done"))

    def test_close(self):
        """CLOSE removes silently; UNSELECT removes nothing."""
        self.client.ask(b"UNSELECT")
        self.assertEqual(len(self.box.mail), 3)
        self.client.ask(b"SELECT INBOX")
        self.assertEqual(self.client.ask(b"CLOSE"), ([], b"OK Done"))
        self.assertEqual(len(self.box.mail), 2)
        self.assertIn(b"BAD", self.client.ask(b"EXPUNGE")[1])

    def test_select_fails(self):
        """After a SELECT that failed no mailbox is selected (§6.3.1)."""
        self.assertIn(b"NO [NONEXISTENT]", self.client.ask(b"SELECT nowhere")[1])
        self.assertIn(b"BAD", self.client.ask(b"FETCH 1 FLAGS")[1])

    def test_copy(self):
        """COPY keeps flags and dates, and tells where copies went."""
        _, answer = self.client.ask(b"COPY 1,3 Sent")
        self.assertEqual(answer, b"OK [COPYUID 1003 1,3 1:2] Done")
        sent = self.talk.world.box("Sent").mail
        self.assertEqual((sent[1].date, sent[1].flags), (1_600_000_000, {SEEN}))

    def test_try_create(self):
        """COPY to a mailbox that is not there is NO [TRYCREATE]."""
        for command in (
            b"COPY 1 nowhere",
            b"UID MOVE 1 nowhere",
            b"UID COPY 99 nowhere",
        ):
            self.assertIn(b"NO [TRYCREATE]", self.client.ask(command)[1])

    def test_move(self):
        """MOVE tells COPYUID before EXPUNGE (RFC 6851)."""
        lines, answer = self.client.ask(b"MOVE 1:2 Sent")
        self.assertEqual(
            lines, [b"* OK [COPYUID 1003 1:2 1:2] Done", b"* 2 EXPUNGE", b"* 1 EXPUNGE"]
        )
        self.assertEqual(answer, b"OK Done")

    def test_other_session(self):
        """EXPUNGE of another session is never told during FETCH, STORE, SEARCH."""
        other = self.talk.login(b"INBOX")
        other.ask(b"EXPUNGE")
        self.box.add(SMALL)
        for command in (b"FETCH 1 FLAGS", b"STORE 1 +FLAGS (a)", b"SEARCH ALL"):
            lines, _ = self.client.ask(command)
            self.assertNotIn(b"EXPUNGE", b"".join(lines))
            self.assertNotIn(b"EXISTS", b"".join(lines))
        lines, answer = self.client.ask(b"FETCH 1:3 (UID FLAGS)")
        self.assertEqual(len(lines), 2)
        self.assertIn(b"[EXPUNGEISSUED]", answer)
        lines, answer = self.client.ask(b"FETCH 3 UID")
        self.assertEqual((lines, answer), ([b"* 3 FETCH (UID 3)"], b"OK Done"))
        lines, _ = self.client.ask(b"UID SEARCH ALL")
        self.assertEqual(lines[:3], [b"* SEARCH 1 2", b"* 3 EXPUNGE", b"* 3 EXISTS"])

    def test_deleted_under(self):
        """Who has a mailbox selected that another deletes is told BYE."""
        other = self.talk.login()
        self.client.ask(b"SELECT Drafts")
        other.ask(b"DELETE Drafts")
        self.assertIn(b"* BYE", self.client.say(b"a NOOP\r\n"))
        self.assertTrue(self.client.closed)

    def test_close_deleted(self):
        """CLOSE knows no NO: a mailbox that went meanwhile is left all the same."""
        other = self.talk.login()
        self.client.ask(b"SELECT Drafts")
        other.ask(b"DELETE Drafts")
        self.assertEqual(self.client.ask(b"CLOSE"), ([], b"OK Done"))
        self.assertEqual(self.client.ask(b"NOOP"), ([], b"OK Done"))

    def test_made_anew_under(self):
        """So is who has one selected that was made anew: its UIDs mean other mail."""
        self.client.ask(b"SELECT Drafts")
        drafts = self.talk.world.box("Drafts")
        drafts.uidvalidity += 1
        drafts.add(SMALL)
        self.assertIn(b"* BYE", self.client.say(b"a NOOP\r\n"))
        self.assertTrue(self.client.closed)

    def test_gone_within(self):
        """Who is refused a command because the mailbox is gone is told so at once."""
        for command in (b"STORE 1 FLAGS.SILENT ()", b"FETCH 1 BODY[]", b"EXPUNGE"):
            client, other = self.talk.login(), self.talk.login()
            other.ask(b"CREATE Gone")
            self.talk.world.box("Gone").add(SMALL)
            client.ask(b"SELECT Gone")
            other.ask(b"DELETE Gone")
            no, bye = client.say(b"a " + command + b"\r\n").splitlines()
            self.assertTrue(no.startswith(b"a NO [NONEXISTENT]"), no)
            self.assertTrue(bye.startswith(b"* BYE"), bye)
            self.assertTrue(client.closed)

    def test_delete_own(self):
        """Deleting the selected mailbox leaves none selected."""
        self.client.ask(b"SELECT Drafts")
        self.assertEqual(self.client.ask(b"DELETE Drafts")[1], b"OK Done")
        self.assertIn(b"BAD", self.client.ask(b"CHECK")[1])

    def test_damaged(self):
        """One unreadable message is NO; the session goes on."""
        self.box.damaged.add(2)
        self.assertIn(b"NO [CORRUPTION]", self.client.ask(b"FETCH 2 BODY.PEEK[]")[1])
        self.assertIn(b"OK", self.client.ask(b"FETCH 1 BODY.PEEK[]")[1])
        lines, answer = self.client.ask(b"FETCH 2 BODY[]")
        self.assertEqual(lines, [b"* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent))"])
        self.assertIn(b"NO [CORRUPTION]", answer)

    def test_recent(self):
        r"""\Recent is told to one session only."""
        other = self.talk.login(b"INBOX")
        self.assertNotIn(b"Recent", b"".join(other.ask(b"FETCH 1:* FLAGS")[0]))
        self.assertEqual(self.client.ask(b"SEARCH RECENT")[0], [b"* SEARCH 1 2 3"])
        self.assertEqual(other.ask(b"SEARCH OLD")[0], [b"* SEARCH 1 2 3"])

    def test_recent_meanwhile(self):
        r"""What arrives while a mailbox is opened is \Recent in one session too."""
        claim, look = self.box.claim_recent, self.box.snapshot

        async def late(*, look=False):
            self.box.claim_recent = claim
            self.box.add(SMALL)
            return await claim(look=look)

        async def later():
            self.box.snapshot = look
            self.box.add(SMALL)
            return await look()

        self.client.ask(b"CLOSE")
        for name, hook in (("claim_recent", late), ("snapshot", later)):
            setattr(self.box, name, hook)
            self.client.ask(b"SELECT INBOX")
            other = self.talk.login(b"INBOX")
            self.assertEqual(other.ask(b"SEARCH RECENT")[0], [b"* SEARCH"], name)
            self.client.ask(b"NOOP")
            found = b"* SEARCH %d" % len(self.box.mail)
            self.assertEqual(self.client.ask(b"SEARCH RECENT")[0], [found], name)

    def test_recent_examined(self):
        r"""EXAMINE shows what is \Recent, also what comes, and takes it not."""
        one, other = self.talk.login(), self.talk.login()
        one.ask(b"EXAMINE INBOX")
        self.box.add(SMALL)
        self.assertIn(b"* 1 RECENT", one.ask(b"NOOP")[0])
        self.assertEqual(one.ask(b"SEARCH RECENT")[0], [b"* SEARCH 4"])
        self.client.ask(b"UNSELECT")
        self.assertIn(b"* 1 RECENT", other.ask(b"SELECT INBOX")[0])

    def test_full(self):
        """On a full disk a mailbox can be selected; what is recent stays so."""
        self.client.ask(b"UNSELECT")
        self.box.add(SMALL)
        self.talk.world.full = True
        self.assertIn(b"OK", self.client.ask(b"EXAMINE INBOX")[1])
        lines, answer = self.client.ask(b"SELECT INBOX")
        self.assertIn(b"OK [READ-WRITE]", answer)
        self.assertIn(b"* 1 RECENT", lines)
        self.talk.world.full = False
        other = self.talk.login(b"INBOX")
        self.assertEqual(other.ask(b"SEARCH RECENT")[0], [b"* SEARCH 4"])

    def test_recent_closed(self):
        r"""CLOSE takes nothing that it does not tell."""
        self.box.add(SMALL)
        self.client.ask(b"CLOSE")
        self.assertIn(b"* 1 RECENT", self.client.ask(b"SELECT INBOX")[0])

    def found(self, keys):
        return self.client.say(b"t SEARCH " + keys + b"\r\n").split(b"\r\n")[0][9:]

    def test_search(self):
        """Every kind of key finds what it should."""
        for keys, wanted in {
            b"ALL": b"1 2 3", b"SEEN": b"1", b"UNSEEN": b"2 3", b"NEW": b"2 3",
            b"DELETED": b"3", b"UNDELETED": b"1 2", b"KEYWORD $junk": b"3",
            b"UNKEYWORD $Junk": b"1 2", b"KEYWORD none": b"", b"2:*": b"2 3", b"UID 3": b"3",
            b"LARGER 100": b"1", b"SMALLER 100": b"2 3", b"NOT 1": b"2 3",
            b"OR 1 3": b"1 3", b"OR SEEN (DELETED KEYWORD $Junk)": b"1 3",
            b"BEFORE 1-Jan-2022": b"1", b"SINCE 15-Apr-2022": b"2 3", b"ON 15-Apr-2022": b"2",
            b"SENTON 2-Jan-2024": b"1", b"SENTBEFORE 2-Jan-2024": b"",
            b"SENTSINCE 2-Jan-2024": b"1", b"FROM ANN": b"1", b"FROM example": b"1 2 3",
            b"TO bob": b"1", b"CC bob": b"", b"BCC x": b"", b"SUBJECT SMALL": b"2 3",
            b'HEADER X-Long "one two"': b"1", b'HEADER X-Long ""': b"1",
            b"BODY plain": b"1", b"BODY inner": b"1", b"BODY small": b"", b"TEXT small": b"2 3",
            b"BODY NOTHING": b"2 3", b"TEXT qqq": b"", b"NOT TEXT nothing": b"1",
            b"OR TEXT nothing SEEN": b"1 2 3", b'BODY "a.*b"': b"", b"BODY [": b"",
            b"UNANSWERED UNDRAFT UNFLAGGED": b"1 2 3", b"ANSWERED": b"", b"DRAFT": b"",
            b"FLAGGED": b"", b"1:4294967295": b"1 2 3",
        }.items():  # fmt: skip
            self.assertEqual(self.found(keys), wanted, keys)

    def test_search_decoded(self):
        """Text is found behind its encodings, in any case."""
        for keys in (
            "SUBJECT {6+}\r\ngrüß",
            "BODY {6+}\r\nSCHÖN",
            "TEXT {6+}\r\nGRÜSSE",
        ):
            word = keys.rpartition("\n")[2]
            octets = keys.replace("{6+}", f"{{{len(word.encode())}+}}").encode()
            self.assertEqual(self.found(b"CHARSET UTF-8 " + octets), b"1", keys)

    def test_uid_search(self):
        """UID SEARCH answers UIDs, in one line also when there are none."""
        self.box.mail.pop(1)
        self.box.vanished[1] = self.box.changed()
        self.client.ask(b"NOOP")
        self.assertEqual(self.client.ask(b"UID SEARCH 1")[0], [b"* SEARCH 2"])
        self.assertEqual(self.client.ask(b"UID SEARCH TEXT qqq")[0], [b"* SEARCH"])

    def test_many_bodies(self):
        """Many bodies come in order; one that is unreadable stops no other."""
        for number in range(30):
            self.box.add(b"Subject: %d\r\n\r\nbody %d\r\n" % (number, number))
        self.client.ask(b"NOOP")
        said = self.client.say(b"t FETCH 4:33 BODY.PEEK[TEXT]\r\n")
        places = [said.index(b"body %d\r\n" % number) for number in range(30)]
        self.assertEqual(places, sorted(places))
        self.box.damaged.add(20)
        said = self.client.say(b"t FETCH 4:33 BODY.PEEK[TEXT]\r\n")
        self.assertEqual(said.count(b"FETCH ("), 29)
        self.assertIn(b"t NO [CORRUPTION]", said)

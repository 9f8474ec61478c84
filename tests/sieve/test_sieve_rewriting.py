"""Parts and messages that scripts write: RFC 5703 §5, §6, §9 and RFC 6558."""

import email
import email.policy

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import FileInto, Keep
from mailsuite.sieve.check import check
from mailsuite.sieve.limits import ENCLOSURES
from mailsuite.sieve.message import Message
from mailsuite.sieve.run import Letter, run
from tests.support.sieve import errors, octets, run_script

ALL = (
    "mime foreverypart replace enclose convert editheader body variables fileinto copy"
)
REQUIRE = f"require {ALL.split()};".replace("'", '"')

VIRUS = octets("""\
Received: from x by y; Sat, 1 Jan 2022 00:00:00 +0000
From: A <a@example.org>
To: b@example.com
Subject: Look
Message-ID: <1@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=AA

pre
--AA
Content-Type: multipart/alternative; boundary=BB

--BB
Content-Type: text/plain

Hello
--BB
Content-Type: text/html; charset=utf-8
Content-ID: <h@x>

<p>Hello</p><p>W\u00f6rld</p>
--BB--
--AA
Content-Type: application/exe; name=run.exe

MZ1
--AA
Content-Type: application/octet-stream
Content-Disposition: attachment; filename=b.com

MZ2
--AA--
post
""")
PLAIN = octets("From: a@example.org\nSubject: x\nContent-Type: text/html\n\n<b>y</b>\n")


def rewritten(script, message=VIRUS, **letter):
    """The plan, and the message as another library reads it."""
    given = {"recipient": "b@example.com", "now": 1_000_000_000.0} | letter
    plan = run_script(REQUIRE + script, message, **given)
    assert not plan.trouble, plan.trouble
    raw = plan.message.written()
    assert plan.message.size == len(raw) or plan.message.fields
    return plan, email.message_from_bytes(raw, policy=email.policy.default)


def types(message):
    return [part.get_content_type() for part in message.walk()]


class ReplaceTests(SynchronousTestCase):
    """RFC 5703 §5 and its example §9.1."""

    EXAMPLE = """
        foreverypart
        {
            if anyof (
                header :mime :contenttype :is "Content-Type" "application/exe",
                header :mime :param "filename"
                    :matches ["Content-Type", "Content-Disposition"] "*.com" )
            {
                replace "Executable attachment removed by user filter";
            }
        }"""

    def test_example(self):
        """Both executables give way to the text; nothing else changes."""
        plan, message = rewritten(self.EXAMPLE)
        self.assertEqual(plan.actions, (Keep(implicit=True),))
        leaves = [part for part in message.walk() if not part.is_multipart()]
        self.assertEqual(
            [part.get_content_type() for part in leaves],
            ["text/plain", "text/html", "text/plain", "text/plain"],
        )
        told = [part.get_content().strip() for part in leaves[2:]]
        self.assertEqual(told, ["Executable attachment removed by user filter"] * 2)
        raw = plan.message.written()
        self.assertNotIn(b"MZ", raw)
        kept = VIRUS[: VIRUS.index(b"Content-Type: application/exe")]
        self.assertTrue(raw.startswith(kept))
        self.assertTrue(raw.endswith(b"\r\n--AA--\r\npost\r\n"))

    def test_nothing_to_do(self):
        """A message without executables is not touched."""
        plan, _ = rewritten(self.EXAMPLE, PLAIN)
        self.assertFalse(plan.message.changed)
        self.assertEqual(plan.message.written(), PLAIN)

    def test_multipart(self):
        """A multipart goes with all in it, and the loop does not go into it."""
        script = """
            set "n" "";
            foreverypart {
                set "n" "${n}1";
                if header :mime :subtype "Content-Type" "alternative" { replace "gone"; }
            }
            foreverypart { set "n" "${n}2"; }
            fileinto "${n}";"""
        plan, message = rewritten(script)
        self.assertEqual(plan.actions[0].mailbox, "1111" + "2222")
        self.assertEqual(
            types(message),
            [
                "multipart/mixed",
                "text/plain",
                "application/exe",
                "application/octet-stream",
            ],
        )

    def test_seen_at_once(self):
        """Tests behind it see the new part, in the loop and after it."""
        script = """
            foreverypart {
                if header :mime :contenttype "Content-Type" "application/exe" {
                    replace "new text";
                    if header :mime :contenttype "Content-Type" "text/plain" {
                        fileinto :copy "inside";
                    }
                }
            }
            if body :contains "new text" { fileinto :copy "body"; }
            if not header :mime :anychild :subtype "Content-Type" "exe" {
                fileinto :copy "after";
            }"""
        plan, _ = rewritten(script)
        filed = [one.mailbox for one in plan.actions[:-1]]
        self.assertEqual(filed, ["inside", "body", "after"])

    def test_twice(self):
        """A part can be replaced again, in the same loop or another."""
        script = """
            foreverypart { if header :mime :subtype "Content-Type" "exe" {
                replace "one"; replace "two"; } }
            foreverypart { if header :mime :subtype "Content-Type" "html" {
                replace "three"; } }"""
        _, message = rewritten(script)
        leaves = [
            part.get_payload() for part in message.walk() if not part.is_multipart()
        ]
        self.assertEqual(leaves[:3], ["Hello", "three", "two"])

    def test_mime(self):
        """With :mime the string is an entity: header, blank line, content."""
        script = """
            foreverypart { if header :mime :subtype "Content-Type" "exe" {
                replace :mime text:
Content-Type: text/html
Content-Disposition: inline

<p>gone</p>
.
; } }"""
        _, message = rewritten(script)
        part = list(message.walk())[4]
        self.assertEqual(part.get_content_type(), "text/html")
        self.assertEqual(part["Content-Disposition"], "inline")
        self.assertEqual(part.get_content(), "<p>gone</p>\r\n")

    def test_delimiters(self):
        """No text can end the part it stands in; an entity that would is trouble."""
        text = "--AA--\r\n\r\n--AA\r\nContent-Type: application/exe\r\n\r\nMZ"
        loop = """foreverypart { if header :mime :subtype "Content-Type" "exe" {
            replace %s; break; } }"""
        _, message = rewritten(loop % f'"{text}"')
        self.assertEqual(
            len(types(message)), len(types(email.message_from_bytes(VIRUS)))
        )
        self.assertIn("--AA--", list(message.walk())[4].get_content())
        plan = run_script(REQUIRE + loop % f':mime "X: y\r\n\r\nz\r\n{text}"', VIRUS)
        self.assertIn("delimiter", plan.trouble)
        self.assertEqual(plan.message.written(), VIRUS)

    def test_whole(self):
        """Outside of loops the whole message is replaced, its header kept."""
        script = 'replace :subject "W\u00e4rnung" :from "Filter <f@example.net>" "Gr\u00fc\u00dfe";'
        _, message = rewritten(script)
        self.assertEqual(message["Subject"], "Wärnung")
        self.assertEqual(message["Original-Subject"], "Look")
        self.assertEqual(message["From"], "Filter <f@example.net>")
        self.assertEqual(message["Original-From"], "A <a@example.org>")
        self.assertEqual(message["Message-ID"], "<1@example.org>")
        self.assertEqual(message.get_all("MIME-Version"), ["1.0"])
        self.assertEqual(message.get_content_type(), "text/plain")
        self.assertEqual(message.get_content(), "Grüße")
        self.assertIn("Received", message)

    def test_whole_in_a_loop(self):
        """The first part that a loop is at is the whole message."""
        plan, message = rewritten('foreverypart { replace "x"; keep; }')
        self.assertEqual(types(message), ["text/plain"])
        self.assertEqual(message["Subject"], "Look")
        self.assertEqual(len(plan.actions), 1)

    def test_whole_mime(self):
        """An entity's MIME fields take the place of the message's."""
        entity = "Content-Type: text/html\r\nSubject: no\r\n\r\n<i>x</i>"
        _, message = rewritten(f'replace :mime "{entity}";')
        self.assertEqual(message.get_content_type(), "text/html")
        self.assertEqual(message.get_all("Subject"), ["Look"])
        self.assertEqual(message.get_content(), "<i>x</i>")
        _, message = rewritten('replace :mime "no header at all";')
        self.assertEqual(message.get_content_type(), "text/plain")
        self.assertEqual(message.get_payload(), "no header at all")

    def test_bad_author(self):
        """What is no address is told, or from a variable passed over."""
        for author in ("nobody", "<>", "", "x@y\nBcc: z", "a: b@c.example;"):
            self.assertIn("author", errors(f'{REQUIRE} replace :from "{author}" "x";'))
        script = 'set "v" "x@y\nBcc: z"; replace :from "${v}" "x";'
        _, message = rewritten(script)
        self.assertEqual(message["From"], "A <a@example.org>")
        self.assertNotIn("Bcc", message)

    def test_errors(self):
        """:mime bears neither :subject nor :from; capabilities are needed."""
        for tags in (':mime :subject "x"', ':from "a@b.example" :mime'):
            self.assertIn("beside :mime", errors(f'{REQUIRE} replace {tags} "x";'))
        self.assertIn("replace", errors('replace "x";'))
        self.assertIn("enclose", errors('enclose "x";'))

    def test_many(self):
        """Many parts are replaced in one go: a script is not charged for each."""
        part = "--a\nContent-Type: application/exe\n\n" + "M" * 70_000 + "\n"
        message = (
            "Content-Type: multipart/mixed; boundary=a\n\n" + part * 100 + "--a--\n"
        )
        plan, found = rewritten(self.EXAMPLE, octets(message))
        self.assertEqual(types(found)[1:], ["text/plain"] * 100)
        self.assertLess(len(plan.message.written()), 100_000)

    @given(st.text(max_size=100), st.booleans())
    def test_anything(self, text, whole):
        """Whatever the text is, it comes out as it went in, in a message as before."""
        quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "")
        if "${" in quoted or not quoted.isascii():
            return
        loop = 'foreverypart { if header :mime :subtype "Content-Type" "exe" { %s } }'
        command = f'replace "{quoted}";'
        _, message = rewritten(command if whole else loop % command)
        part = message if whole else list(message.walk())[4]
        told = part.get_payload(decode=True).decode().replace("\r\n", "\n")
        wanted = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
        self.assertEqual(told, wanted)


class EncloseTests(SynchronousTestCase):
    """RFC 5703 §6 and its example §9.2."""

    EXAMPLE = """
        foreverypart
        {
            if header :mime :param "filename"
                :matches ["Content-Type", "Content-Disposition"]
                ["*.com", "*.exe", "*.vbs", "*.scr",
                 "*.pif", "*.hta", "*.bat", "*.zip" ]
            {
                # these attachment types are executable
                enclose :subject "Warning" text:
WARNING! The enclosed message contains executable attachments.
These attachment types may contain a computer virus program
that can infect your computer and potentially damage your data.

Before clicking on these message attachments, you should verify
with the sender that this message was sent by them and not a
computer virus.
.
;
                break;
            }
        }"""

    def test_example(self):
        """The message comes inside of a warning, not an octet of it changed."""
        plan, message = rewritten(self.EXAMPLE)
        self.assertEqual(plan.actions, (Keep(implicit=True),))
        self.assertEqual(message["Subject"], "Warning")
        self.assertEqual(message.get_content_type(), "multipart/mixed")
        warning, inner = message.iter_parts()
        self.assertIn("WARNING!", warning.get_content())
        self.assertEqual(inner.get_content_type(), "message/rfc822")
        self.assertIn(VIRUS, plan.message.written())
        self.assertEqual(inner.get_content()["Subject"], "Look")

    def test_clean(self):
        """A message without such attachments is as it came."""
        plan, _ = rewritten(self.EXAMPLE, PLAIN)
        self.assertEqual(plan.message.written(), PLAIN)

    def test_header(self):
        """Without more the subject is that of the message, the owner the author."""
        _, message = rewritten('enclose "see";', zone=60)
        self.assertEqual(message["Subject"], "Look")
        self.assertEqual(message["From"], "b@example.com")
        self.assertEqual(
            message["Date"],
            "Sun, 09 Sep 2001 02:46:40 +0000".replace(
                "02:46:40 +0000", "02:46:40 +0100"
            ),
        )
        self.assertIn("Received", message)
        self.assertNotIn("To", message)
        self.assertRegex(message["Message-ID"], r"<[0-9a-f]{32}@example\.com>")

    def test_copied(self):
        """Headers that are named are copied."""
        script = 'enclose :headers ["to", "From", "X-None", "Content-Type"] "see";'
        _, message = rewritten(script)
        self.assertEqual(message["To"], "b@example.com")
        self.assertEqual(message.get_all("From"), ["A <a@example.org>"])
        self.assertEqual(message.get_content_type(), "multipart/mixed")

    def test_later_tests(self):
        """Tests and edits behind it are about the new message."""
        script = """
            enclose :subject "wrapped" "see attached";
            if header :is "subject" "wrapped" { fileinto :copy "subject"; }
            if body :text :contains ["Hello", "nothing"] { fileinto :copy "body"; }
            if header :mime :anychild :contenttype "Content-Type" "message/rfc822"
            { fileinto :copy "mime"; }
            addheader "X" "y";"""
        plan, message = rewritten(script)
        filed = [one.mailbox for one in plan.actions[:-1]]
        self.assertEqual(filed, ["subject", "body", "mime"])
        self.assertEqual(message["X"], "y")
        self.assertNotIn("X", message.get_payload(1).get_payload(0))

    def test_redirected_as_it_was(self):
        """§6: a redirected message is not enclosed."""
        plan, _ = rewritten('enclose "see"; redirect :copy "a@b.example"; keep;')
        sent, kept = (one.written() for one in plan.messages)
        self.assertEqual(sent, VIRUS)
        self.assertIn(VIRUS, kept)
        self.assertNotEqual(kept, VIRUS)

    def test_twice(self):
        """Enclosed twice it lies two deep; the text is never a delimiter."""
        _, message = rewritten('enclose "--=_part.0--"; enclose :subject "o" "x";')
        self.assertEqual(message["Subject"], "o")
        inner = message.get_payload(1).get_payload(0)
        self.assertEqual(inner.get_payload(0).get_content(), "--=_part.0--")
        self.assertEqual(inner.get_payload(1).get_payload(0)["Subject"], "Look")

    def test_loop_goes_on(self):
        """A loop that is not left goes on in the message that is inside now."""
        script = """
            foreverypart { set "n" "${n}1";
                if header :mime :subtype "Content-Type" "html" { enclose "x"; }
                if header :mime :param "filename" "Content-Disposition" "b.com" {
                    replace "away"; } }
            fileinto "${n}";"""
        plan, _ = rewritten(script)
        self.assertEqual(plan.actions[0].mailbox, "1" * 6)
        self.assertNotIn(b"MZ2", plan.message.written())
        self.assertIn(b"MZ1", plan.message.written())

    def test_bomb(self):
        """A message is enclosed only so often."""
        script = REQUIRE + 'enclose "x";' * (ENCLOSURES + 1)
        plan = run_script(script, VIRUS)
        self.assertIn("enclosed", plan.trouble)
        plan = run_script(REQUIRE + 'foreverypart { enclose "x"; }', VIRUS)
        self.assertIn("enclosed", plan.trouble)

    def test_no_injection(self):
        """A subject from a variable is one line."""
        _, message = rewritten('set "v" "a\r\nBcc: x@y"; enclose :subject "${v}" "t";')
        self.assertEqual(message["Subject"], "a Bcc: x@y")
        self.assertNotIn("Bcc", message)

    def test_owner_unknown(self):
        """Without a recipient, or with one beyond ASCII, there is an author still."""
        for recipient in ("", "\u00fc@\u00e4.example", "a b@c d"):
            _, message = rewritten('enclose "x";', recipient=recipient)
            self.assertTrue(message["From"])

    def test_again(self):
        """A run that begins anew gives the same octets."""
        program = check(octets(REQUIRE + 'enclose "x";' + ReplaceTests.EXAMPLE))
        letter = Letter(Message.of(VIRUS), recipient="a@b.example", now=1.0)
        first, second = (run(program, letter, {}).message.written() for _ in range(2))
        self.assertEqual(first, second)
        self.assertEqual(letter.message.written(), VIRUS)


class ConvertTests(SynchronousTestCase):
    """RFC 6558: HTML becomes plain text, nothing else is converted here."""

    HTML = 'convert "text/html" "text/plain" [];'.replace("[]", '""')

    def test_html(self):
        """Every HTML part becomes plain text, its other fields kept."""
        _, message = rewritten(self.HTML)
        part = list(message.walk())[3]
        self.assertEqual(part.get_content_type(), "text/plain")
        self.assertEqual(part["Content-ID"], "<h@x>")
        self.assertEqual(part.get_content(), "Hello\r\n\r\nWörld\r\n")

    def test_whole(self):
        """A message that is HTML becomes a plain one."""
        _, message = rewritten(self.HTML, PLAIN)
        self.assertEqual(message.get_content_type(), "text/plain")
        self.assertEqual(message["Subject"], "x")
        self.assertEqual(message.get_content(), "y\r\n")

    def test_in_a_loop(self):
        """In a loop it is about the part that the loop is at."""
        loop = """foreverypart {
            if header :mime :subtype "Content-Type" "%s" { %s } }"""
        _, message = rewritten(loop % ("html", self.HTML))
        self.assertNotIn("text/html", types(message))
        plan, _ = rewritten(loop % ("plain", self.HTML))
        self.assertFalse(plan.message.changed)

    def test_test(self):
        """As a test it is true where something was converted."""
        script = 'if convert "TEXT/html" "text/plain" ["charset=utf-8"] { discard; }'
        plan, _ = rewritten(script)
        self.assertEqual(type(plan.actions[0]).__name__, "Discard")
        plan, _ = rewritten(script, octets("Subject: x\n\ny\n"))
        self.assertEqual(plan.actions, (Keep(implicit=True),))

    PICTURES = 'require ["mime", "foreverypart", "fileinto", "convert"];'
    SECOND = """
        if header :mime :anychild :contenttype
                  "Content-Type" "image/tiff"
        {
            if convert "image/tiff" "image/jpeg" ["pix-x=320","pix-y=240"] {
                fileinto "INBOX.pics";
            }
        }"""
    THIRD = """
        foreverypart
        {
            if header :mime :param "filename" :contains
                      "Content-Disposition" "inline"
            {
                if size :over 500K
                {
                    convert "image/tiff" "image/jpeg" ["pix-x=640","pix-y=480"];
                } else {
                    convert "image/tiff" "image/jpeg" ["pix-x=320","pix-y=240"];
                }
            }
        }"""
    FOURTH = """
        if header :mime :anychild :contenttype
                  "Content-Type" "image/tiff"
        {
            convert "image/tiff" "image/jpeg" ["pix-x=640","pix-y=480"];
            fileinto "INBOX.pics";
        }
        foreverypart
        {
            if header :mime :param "filename" :contains
                      "Content-Disposition" "inline"
            {
                convert "image/jpeg" "image/jpeg" ["pix-x=320","pix-y=240"];
            }
        }
        if exists "Mobile-Link"
        {
            redirect "joe@mobile.example.com";
        }
        if header :mime :anychild :contenttype
                  "Content-Type" "image/tiff"
        {
            fileinto "Tiff";
        }"""
    TIFF = octets(
        "Mobile-Link: x\nContent-Type: image/tiff\n"
        'Content-Disposition: attachment; filename="inline.tiff"\n\nII\n'
    )

    def printed(self, script, message):
        """What a script does that is printed in the RFC."""
        plan = run_script(self.PICTURES + script, message)
        self.assertEqual(plan.trouble, "")
        done = [getattr(one, "mailbox", type(one).__name__) for one in plan.actions]
        return done, plan

    def as_html(self, script):
        """The same script for the one conversion that there is here."""
        for old, new in (
            ('"image/jpeg" "image/jpeg"', '"image/tiff" "image/jpeg"'),
            ("image/tiff", "text/html"),
            ("image/jpeg", "text/plain"),
            ('"pix-x=320","pix-y=240"', '"charset=utf-8"'),
            ('"pix-x=640","pix-y=480"', '"charset=utf-8"'),
        ):
            script = script.replace(old, new)
        return script

    PAGE = octets(
        "Mobile-Link: x\nContent-Type: multipart/mixed; boundary=a\n\n"
        "--a\nContent-Type: text/html\n"
        'Content-Disposition: attachment; filename="inline.html"\n\n<b>y</b>\n'
        "--a\nContent-Type: text/html\n\n<i>z</i>\n--a--\n"
    )

    def test_tiff_first(self):
        """RFC 6558 §4, example 1: all pictures; none can be converted here."""
        first = 'require ["convert"];\n'
        first += 'convert "image/tiff" "image/jpeg" ["pix-x=320","pix-y=240"];'
        plan = run_script(first, self.TIFF)
        self.assertEqual((plan.trouble, plan.message.written()), ("", self.TIFF))
        plan = run_script(self.as_html(first), self.PAGE)
        self.assertNotIn(b"text/html", plan.message.written())

    def test_tiff_second(self):
        """RFC 6558 §4, example 2: filed where something was converted."""
        self.assertEqual(self.printed(self.SECOND, self.TIFF)[0], ["Keep"])
        self.assertEqual(self.printed(self.SECOND, PLAIN)[0], ["Keep"])
        script = self.as_html(self.SECOND)
        done, plan = self.printed(script, self.PAGE)
        self.assertEqual(done, ["INBOX.pics"])
        self.assertNotIn(b"text/html", plan.messages[0].written())
        self.assertEqual(self.printed(script, self.TIFF)[0], ["Keep"])

    def test_tiff_third(self):
        """RFC 6558 §4, example 3: only parts whose file name tells them."""
        done, plan = self.printed(self.THIRD, self.TIFF)
        self.assertEqual((done, plan.message.written()), (["Keep"], self.TIFF))
        _, plan = self.printed(self.as_html(self.THIRD), self.PAGE)
        found = types(email.message_from_bytes(plan.message.written()))
        self.assertEqual(found, ["multipart/mixed", "text/plain", "text/html"])

    def test_tiff_fourth(self):
        """RFC 6558 §4, example 4: each block has what those before it converted.

        Tiff gets nothing once all were converted, and nothing is kept. Nobody can ask
        for ``redirect``, as the example does.
        """
        asked = self.PICTURES.replace('"convert"', '"redirect", "convert"')
        self.assertIn("no capability redirect", errors(asked + self.FOURTH))
        done, _ = self.printed(self.FOURTH, self.TIFF)
        self.assertEqual(done, ["INBOX.pics", "Redirect", "Tiff"])
        done, plan = self.printed(self.as_html(self.FOURTH), self.PAGE)
        self.assertEqual(done, ["INBOX.pics", "Redirect"])
        for one in plan.messages:
            self.assertNotIn(b"text/html", one.written())

    def test_too_large(self):
        """HTML that is too large to look through is left whole."""
        large = PLAIN + b"x" * (1 << 20)
        plan, _ = rewritten(self.HTML, large)
        self.assertFalse(plan.message.changed)

    def test_versions(self):
        """What is filed before keeps what it had."""
        plan, _ = rewritten(f'fileinto "a"; {self.HTML} keep;')
        self.assertEqual([type(one) for one in plan.actions], [FileInto, Keep])
        before, after = (one.written() for one in plan.messages)
        self.assertEqual(before, VIRUS)
        self.assertNotIn(b"<p>", after)

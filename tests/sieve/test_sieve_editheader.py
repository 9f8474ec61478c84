"""Fields that scripts add and delete: RFC 5293 by its examples, rules and attacks."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import headers, words
from mailsuite.sieve.actions import FileInto, Keep, Redirect
from mailsuite.sieve.limits import EDITED_OCTETS, FIELDS
from tests.support.sieve import LETTER, errors, octets, run_script

HEAD = 'require ["editheader", "fileinto", "variables", "copy", "relational"];\n'
THREE = "X-Hello: a\nSubject: s\nX-Hello: b\nX-hello: c\n\nbody\n"


def plan(script, message=LETTER, **more):
    found = run_script(HEAD + script, message, **more)
    assert not found.trouble, found.trouble
    return found


def written(script, message=LETTER):
    return plan(script, message).message.written()


def values(script, name, message=THREE):
    """The values of a field after a script."""
    header = written(script, message).partition(b"\r\n\r\n")[0]
    return [words.decode(one) for one in headers.values(header, name.encode())]


class AddTests(SynchronousTestCase):
    """RFC 5293 §4."""

    FILTERED = """
        if not header :contains "X-Sieve-Filtered"
            ["<kim@job.example.com>", "<kim@home.example.com>"]
        {
            addheader "X-Sieve-Filtered" "<kim@job.example.com>";
            redirect "kim@home.example.com";
        }"""

    def test_example(self):
        """It is redirected with a field that keeps it from being redirected again."""
        found = plan(self.FILTERED)
        (action,) = found.actions
        self.assertEqual(action, Redirect("kim@home.example.com", at=action.at))
        sent = found.messages[0].written()
        self.assertEqual(sent, b"X-Sieve-Filtered: <kim@job.example.com>\r\n" + LETTER)
        (action,) = plan(self.FILTERED, sent).actions
        self.assertEqual(action, Keep(implicit=True))

    def test_last(self):
        """With :last it stands at the end of the header."""
        found = written('addheader :last "X-A" "b";')
        self.assertEqual(found, LETTER.replace(b"\r\n\r\n", b"\r\nX-A: b\r\n\r\n", 1))

    def test_no_blank_line(self):
        """A header that ends without a line end gets one."""
        self.assertEqual(
            written('addheader :last "X" "y";', b"A: b"), b"A: b\r\nX: y\r\n"
        )

    def test_no_fields(self):
        """A message without a header gets one."""
        self.assertEqual(written('addheader "X" "y";', b"\r\nz"), b"X: y\r\n\r\nz")

    def test_body_stays(self):
        """Not an octet of the body changes, blank lines at its beginning least of all."""
        found = written('addheader "X" "y";', b"A: b\r\n\r\n\r\n\r\nc\r\n\xff\0")
        self.assertEqual(found, b"X: y\r\nA: b\r\n\r\n\r\n\r\nc\r\n\xff\0")

    def test_many_fields(self):
        """Fields that are not looked at are not lost."""
        header = b"".join(b"F%d: x\r\n" % number for number in range(FIELDS + 5))
        found = written('addheader "X" "y";', header + b"\r\nz")
        self.assertEqual(found, b"X: y\r\n" + header + b"\r\nz")

    def test_encoded(self):
        """Text beyond ASCII becomes encoded words, in lines that are not too long."""
        text = "Grüße, " * 60
        found = written(f'addheader "Subject" "{text}";').partition(b"Subject: I")[0]
        header = found[: found.index(b"From:")]
        self.assertTrue(header.isascii())
        self.assertTrue(all(len(line) <= 76 for line in header.split(b"\r\n")))
        self.assertEqual(headers.fields(header), [(b"subject", header)])
        self.assertEqual(words.decode(header.partition(b":")[2]), text.strip())

    def test_long(self):
        """Long values are folded at spaces; one long word is not broken up."""
        text = " ".join(["word"] * 200)
        self.assertEqual(values(f'addheader "X" "{text}";', "x")[0], text)
        word = "w" * 5_000
        found = written(f'addheader "X" "{word}";')
        self.assertTrue(all(len(line) <= 998 for line in found.split(b"\r\n")))
        self.assertEqual(values(f'addheader "X" "{word}";', "x"), [word])

    def test_no_injection(self):
        """Line ends in a value are an error, where they are known, and spaces else."""
        for value in ("a\r\nBcc: x@y", "a\n\nbody", "a\rb"):
            self.assertIn("another field", errors(HEAD + f'addheader "X" "{value}";'))
        script = """
            if header :matches "Subject" "*" { set "v" "${1}"; }
            addheader "X" "${v}\x01 z";"""
        message = b"Subject: =?utf-8?q?a=0D=0ABcc:_x=40y=0D=0A=0D=0Ab?=\r\n\r\n"
        found = written(script, message)
        self.assertEqual(found, b"X: a Bcc: x@y b  z\r\n" + message)

    def test_names(self):
        """What is no name of a field is an error, then or now."""
        for name in ("", "a b", "a:", "ü", "a\tb", "x" * 80):
            self.assertIn("no name", errors(HEAD + f'addheader "{name}" "b";'), name)
            self.assertIn("no name", errors(HEAD + f'deleteheader "{name}";'), name)
        found = run_script(HEAD + 'set "v" "a b"; addheader "${v}" "x";')
        self.assertIn("no name", found.trouble)

    def test_bomb(self):
        """What a script adds is bounded."""
        value = "x" * 16_000
        script = f'set "v" "{value}";' + 'addheader "X" "${v}";' * (
            EDITED_OCTETS // 16_000 + 1
        )
        found = run_script(HEAD + script)
        self.assertIn("header fields", found.trouble)
        self.assertEqual(found.message.written(), LETTER)

    @given(st.text(max_size=200))
    def test_anything(self, value):
        """Whatever a variable holds, the message gets one field of ASCII, no more."""
        if "${" in value:
            return
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        quoted = quoted.encode("utf-8", "replace").decode().replace("\0", "")
        found = run_script(
            HEAD + f'set "v" "{quoted}"; addheader "X-New" "${{v}}";', LETTER
        ).message.written()
        self.assertTrue(found.endswith(LETTER))
        added = found.removesuffix(LETTER)
        self.assertTrue(added.isascii())
        self.assertEqual(headers.fields(added), [(b"x-new", added)])


class DeleteTests(SynchronousTestCase):
    """RFC 5293 §5."""

    def test_example(self):
        """Only the first Delivered-To counts, if it is bob's."""
        script = 'deleteheader :index 1 :contains "Delivered-To" "bob@example.com";'
        bob, kim = "Delivered-To: bob@example.com\n", "Delivered-To: kim@example.com\n"
        found = values(script, "delivered-to", f"{bob}{kim}{bob}\nx\n")
        self.assertEqual(found, ["kim@example.com", "bob@example.com"])
        found = values(script, "delivered-to", f"{kim}{bob}\nx\n")
        self.assertEqual(found, ["kim@example.com", "bob@example.com"])

    def test_all(self):
        """Without more all fields of that name go, in any case."""
        self.assertEqual(
            written('deleteheader "x-HELLO";', THREE), b"Subject: s\r\n\r\nbody\r\n"
        )

    def test_patterns(self):
        """Values are compared as header does, spaces around them left out."""
        self.assertEqual(values('deleteheader "X-Hello" ["a", "C"];', "x-hello"), ["b"])
        script = 'deleteheader :matches "X-Hello" "?";'
        self.assertEqual(values(script, "x-hello"), [])
        script = 'deleteheader :value "gt" "X-Hello" "a";'
        self.assertEqual(values(script, "x-hello"), ["a"])
        script = 'deleteheader :comparator "i;octet" "X-Hello" "C";'
        self.assertEqual(values(script, "x-hello"), ["a", "b", "c"])

    def test_index(self):
        """Counted from the beginning, and with :last from the end."""
        for tags, left in (
            (":index 2", ["a", "c"]),
            (":index 1 :last", ["a", "b"]),
            (":index 3 :last", ["b", "c"]),
            (":index 4", ["a", "b", "c"]),
            (":last :index 4", ["a", "b", "c"]),
        ):
            self.assertEqual(values(f'deleteheader {tags} "X-Hello";', "x-hello"), left)

    def test_errors(self):
        """:last alone, counting from nothing, several names."""
        self.assertIn(":index", errors(HEAD + 'deleteheader :last "X";'))
        self.assertIn("from 1", errors(HEAD + 'deleteheader :index 0 "X";'))
        self.assertIn("one name", errors(HEAD + 'deleteheader ["X", "Y"];'))
        self.assertTrue(errors(HEAD + "deleteheader;"))
        self.assertIn("editheader", errors('deleteheader "X";'))

    def test_keeps_implicit_keep(self):
        """§4, §5: the mail is kept as it was changed."""
        found = plan('deleteheader "Subject"; addheader "X" "y";')
        self.assertEqual(found.actions, (Keep(implicit=True),))
        self.assertIs(found.messages[0], found.message)


class LimitTests(SynchronousTestCase):
    """RFC 5293 §6."""

    def test_untouched(self):
        """Received, Auto-Submitted and Authentication-Results stay, in silence."""
        fields = "Received: a\nAuto-Submitted: no\nAuthentication-Results: x; none\n\n"
        script = "".join(
            f'deleteheader "{name}"; deleteheader :index 1 :contains "{name}" "";'
            for name in ("received", "Auto-submitted", "AUTHENTICATION-RESULTS")
        )
        self.assertEqual(written(script, fields), octets(fields))
        script = 'addheader "Received" "x"; addheader "Authentication-Results" "y";'
        self.assertEqual(written(script), LETTER)

    def test_subject(self):
        """The subject can be changed both ways."""
        script = 'deleteheader "Subject"; addheader "Subject" "[spam] x";'
        self.assertEqual(values(script, "subject"), ["[spam] x"])


class InteractionTests(SynchronousTestCase):
    """RFC 5293 §7."""

    def test_unchanged(self):
        """What is added and deleted leaves the message as it was."""
        script = 'addheader "X-Hello" "World"; deleteheader :index 1 "X-Hello";'
        self.assertEqual(written(script, THREE), octets(THREE))

    def test_first_and_third(self):
        """Fields are counted anew after each deletion."""
        script = 'deleteheader :index 1 "X-Hello"; deleteheader :index 2 "X-Hello";'
        self.assertEqual(values(script, "x-hello"), ["b"])

    def test_tests_see_it(self):
        """A test behind addheader sees the field, whatever came."""
        script = """
            addheader "X-Hello" "World";
            if header :contains "X-Hello" "World" { fileinto "international"; }"""
        for message in (LETTER, THREE):
            (action,) = plan(script, message).actions
            self.assertEqual(action.mailbox, "international")
        script = 'deleteheader "Subject"; if not exists "Subject" { discard; }'
        self.assertEqual(type(plan(script).actions[0]).__name__, "Discard")

    def test_once(self):
        """A changed message is the same message: one mailbox gets one."""
        found = plan('keep; addheader "X-Flavor" "vanilla"; keep;')
        self.assertEqual(len(found.actions), 1)

    def test_each_action_has_its_message(self):
        """What is changed afterwards does not reach what was planned before."""
        found = plan("""
            fileinto :copy "a"; addheader "X" "1"; fileinto :copy "b";
            addheader "Y" "2"; redirect :copy "c@example.com"; deleteheader "X";""")
        heads = [one.written().partition(b"From:")[0] for one in found.messages]
        self.assertEqual(heads, [b"", b"X: 1\r\n", b"Y: 2\r\nX: 1\r\n", b"Y: 2\r\n"])
        kinds = [type(one) for one in found.actions]
        self.assertEqual(kinds, [FileInto, FileInto, Redirect, Keep])

    def test_trouble_keeps_the_original(self):
        """A script that fails leaves the message as it came."""
        found = run_script(
            HEAD + 'addheader "X" "y"; set "v" ""; fileinto "${v}";', LETTER
        )
        self.assertTrue(found.trouble)
        self.assertEqual([one.written() for one in found.messages], [LETTER])

    def test_again(self):
        """A run changes nothing outside: another one begins with the message as it came."""
        from mailsuite.sieve.check import check
        from mailsuite.sieve.message import Message
        from mailsuite.sieve.run import Letter, run

        program = check(octets(HEAD + 'addheader "X" "y"; deleteheader "Subject";'))
        letter = Letter(Message.of(LETTER))
        first, second = (run(program, letter, {}).message.written() for _ in range(2))
        self.assertEqual(first, second)
        self.assertEqual(letter.message.written(), LETTER)

"""Parts of a message: RFC 5703's tests, loops and extracted text."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime.limits import DEPTH
from mailsuite.sieve.actions import FileInto, Keep
from tests.support.sieve import errors, holds, octets, run_script

NAMED = """\
From: Hendrik <hendrik@example.com>
Subject: nested
Content-Type: multipart/mixed; boundary=AA
X-Test: AA

This is a multi-part message in MIME format.
--AA
Content-Type: multipart/mixed; boundary=BB
X-Test: BB

--BB
Content-Type: text/plain; charset="us-ascii"
X-Test: CC
Content-From: Tim <tim@example.com>

Hello

--BB
Content-Type: text/html; charset=utf-8
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
X-Test: DD

<p>Hello <b>again</b></p>
--BB--
This is the end of the inner one.

--AA
Content-Type: application/pdf; name="=?utf-8?q?caf=C3=A9.com?="
Content-Disposition: attachment; filename*0*=utf-8''very%20; filename*1="important.pdf"
X-Test: EE

x
--AA
Content-Type: message/rfc822
X-Test: FF

Subject: embedded
Content-Type: text/plain
X-Test: GG

And again
--AA--
"""
ALL = "mime foreverypart variables extracttext fileinto copy relational index"
REQUIRE = f"require {[*ALL.split(), 'comparator-i;ascii-numeric']};".replace("'", '"')


def acts(script, message=NAMED):
    plan = run_script(REQUIRE + script, message)
    assert not plan.trouble, plan.trouble
    return plan.actions


def mailbox(script, message=NAMED):
    """Where the message is filed, None: nowhere."""
    return getattr(acts(script, message)[0], "mailbox", None)


def visited(loop, message=NAMED):
    """The X-Test of the parts that a loop's body collects into ``seen``."""
    told = f'set "seen" "="; {loop} fileinto "${{seen}}";'
    return mailbox(told, message)[1:]


COLLECT = 'if header :mime :matches "X-Test" "*" { set "seen" "${seen}${1}"; }'


def true(test, message=NAMED):
    return holds(test, message, ALL)


class LoopTests(SynchronousTestCase):
    """RFC 5703 §3."""

    def test_order(self):
        """Every part comes once, the message itself first, depth first."""
        self.assertEqual(visited(f"foreverypart {{ {COLLECT} }}"), "AABBCCDDEEFFGG")

    def test_nested(self):
        """A loop in a loop goes through what is in the part that the outer is at."""
        loop = f"""foreverypart {{ {COLLECT}
            foreverypart {{ set "seen" "${{seen}}-"; }} set "seen" "${{seen}}."; }}"""
        told = visited(loop)
        self.assertEqual(told, "AA------.BB--.CC.DD.EE.FF-.GG.")

    def test_single_part(self):
        """A message without parts is its own only part."""
        self.assertEqual(
            visited(f"foreverypart {{ {COLLECT} }}", "X-Test: a\n\nb\n"), "a"
        )

    def test_break(self):
        """It ends the innermost loop, or the one with its name."""
        loop = """foreverypart :name "outer" { COLLECT
            foreverypart { COLLECT END } set "seen" "${seen}."; }"""
        loop = loop.replace("COLLECT", COLLECT)
        self.assertEqual(visited(loop.replace("END", "break;"))[:10], "AABB.BBCC.")
        named = 'break :name "outer";'
        self.assertEqual(visited(loop.replace("END", named)), "AABB")

    def test_break_errors(self):
        """Outside of loops, and with a name that no loop around has."""
        for script in (
            "break;",
            "if true { break; }",
            "foreverypart { } break;",
            'foreverypart { break :name "x"; }',
            'foreverypart :name "y" { break :name "x"; }',
            'foreverypart :name "x" { } foreverypart { break :name "x"; }',
            'break :name "x";',
        ):
            self.assertTrue(errors(REQUIRE + script), script)
        for script in (
            'foreverypart :name "x" { foreverypart { break :name "x"; } }',
            "foreverypart { if true { break; } else { break; } }",
        ):
            self.assertEqual(errors(REQUIRE + script), "")

    def test_loop_errors(self):
        """A block is needed, and nothing but a name may be given."""
        for script in (
            "foreverypart;",
            "foreverypart :tag { }",
            "foreverypart true { }",
            'foreverypart "frop" { }',
            "foreverypart 13 { }",
            'foreverypart :name "frop" :friep { }',
            'foreverypart :name "frop" "friep" { }',
            "foreverypart :name 13 { }",
            'foreverypart :name ["a", "b"] { }',
        ):
            self.assertTrue(errors(REQUIRE + script), script)
        self.assertIn("foreverypart", errors("foreverypart { }"))

    def test_stop(self):
        """``stop`` ends the script in the middle of loops."""
        (action,) = acts('foreverypart { fileinto "a"; stop; } fileinto "b";')
        self.assertEqual(action.mailbox, "a")

    def test_chains(self):
        """A loop between the branches of others leaves their chains alone."""
        script = """
            if true { foreverypart { if false { discard; } } }
            else { fileinto "wrong"; }
            foreverypart { if false { discard; } elsif header :mime "X-Test" "EE" {
                fileinto "right"; break; } }"""
        self.assertEqual(mailbox(script), "right")

    def test_bombs(self):
        """Many parts, and loops over them in loops, end in trouble and no sooner."""
        many = "Content-Type: multipart/mixed; boundary=a\n\n" + "--a\n\nx\n" * 9_000
        plan = run_script(
            REQUIRE + "foreverypart { keep; } foreverypart { keep; }", many
        )
        self.assertIn("commands and tests", plan.trouble)
        deep = "".join(
            f"Content-Type: multipart/mixed; boundary=b{i}x\n\n--b{i}x\n"
            for i in range(10 * DEPTH)
        )
        loop = (
            'foreverypart { set "n" "${n}1"; } set :length "l" "${n}"; fileinto "${l}";'
        )
        found = int(mailbox(loop, deep))
        self.assertGreater(found, 10)
        self.assertLessEqual(found, DEPTH + 2)
        nest = "foreverypart { " * 15 + "keep;" + "}" * 15
        run_script(REQUIRE + nest, deep)


class HeaderTests(SynchronousTestCase):
    """RFC 5703 §4.1."""

    def test_example_images(self):
        """The message itself is an image, or not."""
        script = (
            'if header :mime :type "Content-Type" "image" { fileinto "INBOX.images"; }'
        )
        image = "Content-Type: image/png; name=x\n\nx\n"
        self.assertEqual(mailbox(script, image), "INBOX.images")
        self.assertIsNone(mailbox(script))
        self.assertIsNone(mailbox(script, "Subject: x\n\n"))

    def test_example_html(self):
        """Some part is HTML."""
        script = """
            if header :mime :anychild :contenttype "Content-Type" "text/html"
            { fileinto "INBOX.html"; }"""
        self.assertEqual(mailbox(script), "INBOX.html")
        self.assertIsNone(mailbox(script, "Content-Type: text/plain\n\n<html>\n"))

    def test_example_important(self):
        """A large message with a PDF whose name holds important is filed."""
        script = """
            foreverypart
            {
                if allof (
                    header :mime :param "filename" :contains
                        "Content-Disposition" "important",
                    header :mime :subtype "Content-Type" "pdf",
                    size :over 100K)
                {
                    fileinto "INBOX.important";
                    break;
                }
            }"""
        large = NAMED.replace("\nx\n", "\n" + ("x" * 76 + "\n") * 1_500, 1)
        self.assertEqual(mailbox(script, large), "INBOX.important")
        self.assertIsNone(mailbox(script))

    def test_elements(self):
        """Types, subtypes and both, of Content-Type and of Content-Disposition."""
        message = "Content-Type: Text/HTML (x); charset=x\n"
        message += "Content-Disposition: inline; filename=y\nX-A: a/b; c=d\n\n"
        for test in (
            ':type "Content-Type" "text"',
            ':subtype "Content-Type" "html"',
            ':contenttype "Content-Type" "text/html"',
            ':type "Content-Disposition" "inline"',
            ':subtype "Content-Disposition" ""',
            ':contenttype "Content-Disposition" "inline"',
            ':type "X-A" ""',
            ':param "c" "X-A" "d"',
            ':param ["b", "CHARSET"] "Content-Type" "x"',
            ':matches "Content-Type" "Text/HTML*"',
        ):
            self.assertTrue(true(f"header :mime {test}", message), test)
        for test in (
            ':param "b" "Content-Type" ""',
            ':type "Content-Type" "html"',
            ':type "X-B" ""',
        ):
            self.assertFalse(true(f"header :mime {test}", message), test)

    def test_parameters(self):
        """Parameters are put together and decoded in all their ways."""
        self.assertTrue(
            true(
                'header :mime :anychild :param "filename" "Content-Disposition"'
                ' "very important.pdf"'
            )
        )
        self.assertTrue(
            true(
                'header :mime :anychild :param "name" :matches "Content-Type" "*\u00e9.com"'
            )
        )

    def test_anychild(self):
        """All parts of the message; in a loop those of the current part."""
        for name in ("AA", "BB", "CC", "DD", "EE", "FF", "GG"):
            test = f'header :mime :anychild "X-Test" "{name}"'
            self.assertTrue(true(test), name)
        self.assertFalse(true('header :mime "X-Test" "BB"'))
        self.assertTrue(true('header :mime "X-Test" "AA"'))
        inner = 'if header :mime :anychild "X-Test" "DD" { set "seen" "${seen}y"; }'
        self.assertEqual(
            visited(f"foreverypart {{ {COLLECT} {inner} }}"), "AAyBByCCDDyEEFFGG"
        )

    def test_without_mime(self):
        """In a loop a test without :mime is about the message."""
        self.assertEqual(
            visited(
                'foreverypart { if header "X-Test" "AA" { set "seen" "${seen}1"; } }'
            ),
            "1" * 7,
        )

    def test_count_and_index(self):
        """Values of all parts are counted, and picked by their number."""
        self.assertTrue(true('header :mime :anychild :count "eq" "X-Test" "7"'))
        self.assertTrue(true('header :mime :anychild :index 2 "X-Test" "BB"'))
        self.assertTrue(true('header :mime :anychild :index 1 :last "X-Test" "GG"'))

    def test_address(self):
        """§4.2: part-from-tim is for parts that tim wrote."""
        script = """
            if address :mime :is :all "content-from" "tim@example.com"
            { fileinto "INBOX.part-from-tim"; }"""
        self.assertIsNone(mailbox(script))
        own = "Content-From: Tim <tim@example.com>\n\n"
        self.assertEqual(mailbox(script, own), "INBOX.part-from-tim")
        anywhere = script.replace(":mime", ":mime :anychild")
        self.assertEqual(mailbox(anywhere), "INBOX.part-from-tim")
        self.assertTrue(
            true('address :mime :anychild :domain "content-from" "example.com"')
        )

    def test_exists(self):
        """§4.3: some part has a checksum."""
        script = 'if exists :mime :anychild "content-md5" { fileinto "INBOX.md5"; }'
        self.assertEqual(mailbox(script), "INBOX.md5")
        self.assertIsNone(mailbox(script, "Subject: x\n\n"))
        self.assertFalse(true('exists :mime "content-md5"'))
        self.assertTrue(
            true('exists :mime :anychild ["X-Test", "Content-MD5", "From"]')
        )

    def test_errors(self):
        """What RFC 5703 does not have together."""
        for test in (
            'header :anychild "a" "b"',
            'header :type "a" "b"',
            'header :mime :type :subtype "a" "b"',
            'header :mime :param "a" "b"',
            'address :mime :anychild :type "To" "a"',
            'address :mime :param "x" "To" "a"',
            'exists :anychild "a"',
            'exists :mime :type "a"',
            'header :mime :mime "a" "b"',
        ):
            self.assertTrue(errors(f"{REQUIRE} if {test} {{ keep; }}"), test)
        self.assertIn("mime", errors('if header :mime "a" "b" { keep; }'))

    @given(st.binary(max_size=300))
    def test_anything(self, content):
        """Whatever the message is, every test has an answer, and every loop an end."""
        head = b"Content-Type: multipart/mixed; boundary=a\r\n"
        script = """
            foreverypart {
                if header :mime :anychild :param "a" :contains "Content-Type" "x" { keep; }
                extracttext "t";
                foreverypart { if exists :mime "a" { break; } }
            }"""
        for message in (content, head + content):
            plan = run_script(REQUIRE + script, message)
            self.assertEqual(plan.trouble, "")


class ExtractTests(SynchronousTestCase):
    """RFC 5703 §7."""

    BOSS = """
        require ["mime", "variables", "extracttext", "fileinto"];
        if header :contains "from" "boss@example.org"
        {
            if header :matches "Subject" "*" { set "subject" "${1}"; }
            foreverypart
            {
                if header :mime :type :is "Content-Type" "text"
                {
                    extracttext :first 100 "msgcontent";
                    break;
                }
            }
            if not header :contains "subject" "FYI:"
            {
                fileinto "${subject}: ${msgcontent}";
            }
        }"""

    def test_example(self):
        """§9.3: the first hundred characters of the first text are at hand."""
        text = "0123456789" * 30
        message = "From: boss@example.org\nSubject: Now\nContent-Type: multipart/mixed;"
        message += f" boundary=a\n\n--a\nContent-Type: text/plain\n\n{text}\n--a--\n"
        (action,) = run_script(self.BOSS, message).actions
        self.assertEqual(action, FileInto(f"Now: {text[:100]}", at=action.at))
        fyi = message.replace("Now", "FYI: x")
        self.assertEqual(run_script(self.BOSS, fyi).actions, (Keep(implicit=True),))
        other = message.replace("boss", "chef")
        self.assertEqual(run_script(self.BOSS, other).actions, (Keep(implicit=True),))

    def extracted(self, head, content, tags=""):
        """What is extracted of a message of one part."""
        script = f'foreverypart {{ extracttext {tags} "v"; }} fileinto "=${{v}}";'
        return mailbox(script, octets(head + "\n\n") + content)[1:]

    def test_decoded(self):
        """Encodings and character sets are undone."""
        head = (
            "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding:"
        )
        self.assertEqual(
            self.extracted(f"{head} quoted-printable", b"Gr=FC=DFe"), "Grüße"
        )
        self.assertEqual(self.extracted(f"{head} base64", b"R3L832U="), "Grüße")
        self.assertEqual(self.extracted(f"{head} 8bit", b"Gr\xfc\xdfe"), "Grüße")

    def test_html(self):
        """Markup is left out."""
        self.assertEqual(
            self.extracted("Content-Type: text/html", b"<b>a&lt;b</b>"), "a<b"
        )

    def test_unknown(self):
        """Of unknown encodings, character sets and of what is no text: nothing."""
        for head in (
            "Content-Type: text/plain; charset=x-unknown",
            "Content-Type: text/plain\nContent-Transfer-Encoding: x-unknown",
            "Content-Type: image/png",
        ):
            self.assertEqual(self.extracted(head, b"abc"), "")

    def test_modifiers(self):
        """They are applied to what was extracted."""
        head = "Content-Type: text/plain"
        self.assertEqual(self.extracted(head, b"fROP", ":lower :upperfirst"), "Frop")
        self.assertEqual(self.extracted(head, b"x" * 500, ":length :first 100"), "100")
        self.assertEqual(self.extracted(head, b"abc", ":first 0"), "")

    def test_errors(self):
        """Outside of loops, without variables, with bad names."""
        self.assertIn("foreverypart", errors(REQUIRE + 'extracttext "a";'))
        told = errors('require "extracttext"; foreverypart { extracttext "a"; }')
        self.assertIn("variables", told)
        for script in (
            "extracttext;",
            "extracttext 1;",
            'extracttext ["frop", "friep"];',
            'extracttext :frop "frop";',
            'extracttext "${frop}";',
            'extracttext "0";',
            'extracttext :first "frop";',
            'extracttext :first "frop" "friep";',
            'extracttext :lower :upper "a";',
        ):
            self.assertTrue(errors(f"{REQUIRE} foreverypart {{ {script} }}"), script)
        good = r'extracttext "\n\a\m\e";'
        self.assertEqual(errors(f"{REQUIRE} foreverypart {{ {good} }}"), "")

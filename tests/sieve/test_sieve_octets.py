"""Octets that are no UTF-8 in strings (RFC 5228 §2.4.2, §2.4.2.4)."""

import base64

from attrs import fields, has
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve import octets
from mailsuite.sieve.check import check
from mailsuite.sieve.errors import BadScript, Wanted
from mailsuite.sieve.printing import render
from mailsuite.sieve.run import run
from tests.support import sievescripts
from tests.support.sieve import acts, holds, run_script
from tests.support.sievescripts import MESSAGES

SLOW = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
REQUIRE = "encoded-character variables"


def hexed(raw):
    """The octets as a script writes them."""
    return f"${{hex:{raw.hex(' ')}}}" if raw else ""


def header(kind, raw, value, comparator="i;octet"):
    """Whether a field of these octets matches a key of those."""
    test = f'header :{kind} :comparator "{comparator}" "x" "{hexed(raw)}"'
    return holds(test, b"X: " + value + b"\r\n\r\n", REQUIRE)


class StringTests(SynchronousTestCase):
    """Strings and octets are the same."""

    @given(st.binary())
    @example(b"\xed\xb2\x80")
    def test_any_octets(self, raw):
        """Octets are a string, and that is these octets; plain text is UTF-8."""
        text = octets.text(raw)
        self.assertEqual(octets.octets(text), raw)
        self.assertEqual(octets.narrow(octets.wide(text)), text)
        self.assertEqual(octets.odd(text), raw.decode("utf-8", "ignore") != text)
        octets.plain(text).encode()

    @given(st.binary(), st.binary())
    def test_joined(self, one, other):
        """What two strings make is what their octets make."""
        joined = octets.settled(octets.text(one) + octets.text(other))
        self.assertEqual(joined, octets.text(one + other))

    @given(st.text(st.characters(), max_size=20))
    def test_any_text(self, text):
        """Any text, also with surrogates of its own, has octets and is plain."""
        octets.octets(text)
        octets.plain(text).encode()


class KeyTests(SynchronousTestCase):
    """Keys are compared octet by octet."""

    def test_half_a_character(self):
        """A part of a character is in it, but is not it (RFC 5228 §2.7.2)."""
        value = "\u00e9".encode()
        for half in (b"\xc3", b"\xa9"):
            self.assertTrue(header("contains", half, value))
            self.assertFalse(header("is", half, value))
        self.assertTrue(header("is", b"\xc3\xa9", value))
        self.assertFalse(header("contains", b"\xc3", b"plain"))
        self.assertFalse(header("contains", b"\xff", "\ufffd".encode()))

    def test_as_it_came(self):
        """A field that is no UTF-8 matches the octets that it has."""
        for kind in ("is", "contains", "matches"):
            for comparator in ("i;octet", "i;ascii-casemap"):
                self.assertTrue(header(kind, b"ol\xe9", b"ol\xe9", comparator))
                self.assertFalse(header(kind, b"ol\xe8", b"ol\xe9", comparator))
        self.assertTrue(header("is", b"OL\xe9", b"ol\xe9", "i;ascii-casemap"))
        self.assertFalse(header("is", b"OL\xe9", b"ol\xe9"))
        self.assertTrue(holds('header "x" "ol\u00e9"', b"X: ol\xe9\r\n\r\n"))

    def test_one_of_some_fields(self):
        """Of numbered fields, and of fields whose names variables bring, too."""
        message = b"X: a\r\nX: \xff\r\n\r\n"
        for test, expected in (
            ('header :index 2 "x" "${hex:ff}"', True),
            ('header :index 1 "x" "${hex:ff}"', False),
            ('header "${n}x" "${hex:ff}"', True),
            ('header "x" "${n}${hex:ff}"', True),
        ):
            said = holds(test, message, f"{REQUIRE} index")
            self.assertEqual(said, expected, test)

    def test_body(self):
        """Bodies and parts without a charset have their octets."""
        picture = base64.encodebytes(b"\xff\xd8\xff\xe0 JFIF")
        head = b"Content-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        test = 'body :content "image" :matches "${hex:ff d8 ff}*"'
        self.assertTrue(holds(test, head + picture, f"{REQUIRE} body"))
        test = 'body :raw :contains "${hex:ff d8 ff}"'
        self.assertFalse(holds(test, head + picture, f"{REQUIRE} body"))
        self.assertTrue(holds(test, b"A: b\r\n\r\nx\xff\xd8\xff", f"{REQUIRE} body"))

    @SLOW
    @given(
        st.sampled_from(["is", "contains"]),
        st.binary(max_size=3),
        st.text("a\u00e9\u20ac\U0001f600", max_size=4),
    )
    def test_as_octets(self, kind, raw, value):
        """They match UTF-8 as octets match octets."""
        assume(b"$" not in raw and b"\0" not in raw)
        there = value.encode()
        expected = raw == there if kind == "is" else raw in there
        self.assertEqual(header(kind, raw, there), expected)

    @given(st.text("a\u00e9\u20ac", max_size=4), st.sampled_from([b"\xff", b"\xe2"]))
    def test_wildcards(self, value, odd):
        """``?`` is an octet, ``*`` any, beside octets that are no UTF-8."""
        raw = value.encode()
        self.assertTrue(header("matches", b"?" * len(raw) + odd, raw + odd))
        self.assertTrue(header("matches", b"*" + odd + b"*", raw + odd + raw))
        self.assertFalse(header("matches", b"?" + odd, raw + raw + odd + b"x"))


class LeavingTests(SynchronousTestCase):
    """What leaves a script is text."""

    def filed(self, script):
        head = 'require ["fileinto", "encoded-character", "variables"];'
        return [one.mailbox for one in acts(head + script)]

    def test_mailboxes(self):
        """Names hold U+FFFD where octets are no UTF-8."""
        self.assertEqual(self.filed('fileinto "a${hex:ff}";'), ["a\ufffd"])
        self.assertEqual(
            self.filed('set "v" "${hex:ff}"; fileinto "${v}";'), ["\ufffd"]
        )

    def test_put_together(self):
        """Octets that come together are the character that they make."""
        both = 'set "a" "${hex:c3}"; set "b" "${hex:a9}"; '
        self.assertEqual(self.filed(both + 'fileinto "${a}${b}";'), ["\u00e9"])
        self.assertEqual(
            self.filed('fileinto "${hex:c3}${none}${hex:a9}";'), ["\u00e9"]
        )
        script = 'if string :matches "\u00e9" "??" { fileinto "${1}${2}"; }'
        self.assertEqual(self.filed(script), ["\u00e9"])
        script = 'if string :matches "\u00e9" "??" { fileinto "${1}"; }'
        self.assertEqual(self.filed(script), ["\ufffd"])

    def test_urls(self):
        """:encodeurl writes octets."""
        script = (
            'require "enotify"; set :encodeurl "v" "${hex:ff}\u00e9"; fileinto "${v}";'
        )
        head = 'require ["fileinto", "encoded-character", "variables", "enotify"];'
        script = script.removeprefix('require "enotify"; ')
        self.assertEqual(acts(head + script)[0].mailbox, "%FF%C3%A9")

    def test_expressions(self):
        """Expressions see U+FFFD: an octet is no question mark."""
        head = 'require ["regex", "encoded-character", "variables"];'
        script = head + 'if string :regex "%s" "^a${hex:ff}$" { discard; }'
        for value, expected in (("a", False), ("", False), ("a${hex:ff}", True)):
            kinds = [type(one).__name__ for one in acts(script % value)]
            self.assertEqual(kinds == ["Discard"], expected, value)

    @SLOW
    @given(sievescripts.scripts(), MESSAGES, st.booleans())
    def test_any_script(self, script, message, yes):
        """Whatever a script does, its actions, questions and fields are text."""
        written = render(script).replace(b"hex:41", b"hex:e2 82")
        try:
            program = check(written)
        except BadScript:
            assume(False)
            raise
        answers = {}
        letter = sievescripts.letter(message)
        while True:
            try:
                plan = run(program, letter, answers)
            except Wanted as wanted:
                self.told(wanted.question)
                answers[wanted.question] = sievescripts.answered(wanted.question, yes)
            else:
                break
        self.told(plan.trouble)
        for one in plan.actions:
            self.told(one)
        plan.message.written()

    def told(self, found):
        """Every string in it can be written as UTF-8."""
        if isinstance(found, str):
            found.encode()
        elif has(type(found)):
            self.told([getattr(found, one.name) for one in fields(type(found))])
        elif isinstance(found, dict):
            self.told([*found, *found.values()])
        elif isinstance(found, (list, tuple, set, frozenset)):
            for one in found:
                self.told(one)

    def test_reasons(self):
        """What leaves a script in reasons, subjects, fields and flags is text."""
        for script in (
            'reject "${hex:ff}";', 'vacation :subject "${hex:ff}" "${hex:fe}";',
            'addheader "X" "${hex:ff}";', 'keep :flags "${hex:ff}";',
        ):  # fmt: skip
            names = [
                "reject",
                "vacation",
                "editheader",
                "imap4flags",
                "encoded-character",
            ]
            head = "require [" + ", ".join(f'"{one}"' for one in names) + "];"
            plan = run_script(head + script)
            for one in plan.actions:
                self.told(one)
            plan.message.written().decode()

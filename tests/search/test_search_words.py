"""What is a word, and what of a message is indexed."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.search import documents
from mailsuite.search.indexer import NAME_OCTETS, folder_name
from mailsuite.search.words import WORD_CHARS, asked, counted


class WordsTests(SynchronousTestCase):
    def test_case_and_marks(self):
        """Words are case-folded runs of letters and digits, each counted."""
        self.assertEqual(
            counted("Straße, STRASSE! a@b.example"),
            {"strasse": 2, "a": 1, "b": 1, "example": 1},
        )

    def test_long_runs(self):
        """A run longer than a word is cut, the same way on both sides."""
        run = "x" * 500
        self.assertEqual(list(counted(run)), ["x" * WORD_CHARS])
        self.assertEqual(asked(run), ["x" * WORD_CHARS])

    def test_wide(self):
        """CJK text has no spaces: pairs of characters are its words."""
        self.assertEqual(asked("日本語"), ["日本", "本語"])
        self.assertLessEqual({"日本", "本語", "日"}, set(counted("これは日本語です")))

    @given(st.text(max_size=80))
    def test_a_text_finds_itself(self, text):
        """Every word asked for in a text is one that it is indexed by."""
        self.assertLessEqual(set(asked(text)), set(counted(text)))

    def test_no_operators(self):
        """Signs of query languages mean nothing."""
        self.assertEqual(
            asked("* subject:x NOT [a TO b] ^2"),
            [
                "subject",
                "x",
                "not",
                "a",
                "to",
                "b",
                "2",
            ],
        )


class DocumentsTests(SynchronousTestCase):
    def test_message(self):
        """Decoded subject, people and text of every text part are indexed."""
        made = documents.make(
            b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\nTo: b@example.test\r\n"
            b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
            b"Date: Thu, 1 Jan 1970 00:01:00 +0000\r\n"
            b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
            b"--x\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\nw6RwZmVs\r\n"
            b"--x\r\nContent-Type: text/html\r\n\r\n<p class=hidden>one&amp;<b>two</b>\r\n"
            b"--x\r\nContent-Type: image/png\r\n\r\nnot text\r\n--x--\r\n"
        )
        self.assertEqual(made.subject, "Grüße")
        self.assertEqual(made.date, 60.0)
        self.assertIn("Jörg", made.sender)
        self.assertIn("b@example.test", made.people)
        words = counted(made.text)
        self.assertLessEqual({"äpfel", "one", "two"}, set(words))
        self.assertNotIn("hidden", words)
        self.assertNotIn("not", words)

    @given(st.binary(max_size=300))
    def test_garbage(self, octets):
        """Any octets make a document."""
        documents.make(octets)

    def test_folder_names(self):
        """An account's name makes a plain folder name, never a path."""
        self.assertEqual(folder_name("user1@example.test"), "user1@example.test")
        for name in ("../../etc", "a/b@c", ".hidden", "x" * 400, "a.corrupt", "\u00fc"):
            made = folder_name(name)
            self.assertNotIn("/", made)
            self.assertFalse(made.startswith("."))
            self.assertFalse(made.endswith(".corrupt"))
            self.assertLessEqual(len(made), NAME_OCTETS)

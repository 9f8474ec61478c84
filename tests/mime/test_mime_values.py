"""Words, parameters, dates, fields and charsets."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import charsets, dates, headers, limits, parameters, words


class WordsTests(SynchronousTestCase):
    """RFC 2047 §8: what is displayed for what is encoded."""

    def row(self, coded: bytes, shown: str) -> None:
        self.assertEqual(words.decode(coded), shown)

    def test_one(self):
        """A single word."""
        self.row(b"(=?ISO-8859-1?Q?a?=)", "(a)")

    def test_word_and_text(self):
        """A word and text keep the space between them."""
        self.row(b"(=?ISO-8859-1?Q?a?= b)", "(a b)")

    def test_two_words(self):
        """White space between words is not displayed."""
        self.row(b"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)")

    def test_folded_words(self):
        """Nor are a fold and many spaces."""
        self.row(b"(=?ISO-8859-1?Q?a?=  \r\n   =?ISO-8859-1?Q?b?=)", "(ab)")

    def test_underscore(self):
        """An underscore is a space."""
        self.row(b"(=?ISO-8859-1?Q?a_b?=)", "(a b)")

    def test_space_kept(self):
        """A space in a word is displayed."""
        self.row(b"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)")

    def test_names(self):
        """The names of the RFC's own examples."""
        self.row(b"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen")
        self.row(b"=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=", "םולש ןב ילטפנ")

    def test_base64_of_rfc(self):
        """Two words in different charsets."""
        self.row(
            b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n"
            b" =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
            "If you can read this you understand the example.",
        )

    def test_language(self):
        """A language tag after the charset (RFC 2231 §5)."""
        self.row(b"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore")

    def test_cut_character(self):
        """A character that is cut in two by neighbours comes out whole."""
        self.row(b"=?utf-8?q?=C3?= =?UTF-8?q?=A4?=", "ä")

    def test_raw(self):
        """Raw 8-bit is UTF-8, or else ISO 8859-1."""
        self.row("Grüße".encode(), "Grüße")
        self.row("Grüße".encode("latin-1"), "Grüße")

    def test_unknown_charset(self):
        """An unknown charset is guessed, never refused."""
        self.row(b"=?x-unheard-of?q?a=E4?=", "aä")

    def test_broken(self):
        """What is no word stays as it is."""
        for value in (b"=?utf-8?q?a", b"=??q?a?=", b"=?utf-8?x?a?=", b"=?", b"?="):
            self.row(value, value.decode())

    def test_limit(self):
        """After five thousand words the rest stays encoded."""
        text = words.decode(b"=?utf-8?q?a?= " * (limits.ENCODED_WORDS + 10))
        self.assertTrue(text.startswith("a" * limits.ENCODED_WORDS + " =?utf-8"))


class ParametersTests(SynchronousTestCase):
    def decoded(self, value: bytes) -> dict[str, str]:
        return parameters.decode(parameters.parse(value)[1])

    def test_rfc2045(self):
        """Quoted and not quoted mean the same, comments mean nothing (§5.1)."""
        plain = b"text/plain; charset=us-ascii (Plain text)"
        self.assertEqual(
            parameters.parse(plain), (b"text/plain", [(b"charset", b"us-ascii")])
        )
        self.assertEqual(
            parameters.parse(b'text/plain; charset="us-ascii"'), parameters.parse(plain)
        )

    def test_rfc2231_continued(self):
        """Segments are put together in order (§3)."""
        self.assertEqual(
            self.decoded(
                b'message/external-body; access-type=URL; URL*1="cs.utk.edu/pub/moore";'
                b' URL*0="ftp://"'
            )["url"],
            "ftp://cs.utk.edu/pub/moore",
        )

    def test_rfc2231_extended(self):
        """Charset, language and percent encoding (§4)."""
        value = b"application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"
        self.assertEqual(self.decoded(value)["title"], "This is ***fun***")

    def test_rfc2231_both(self):
        """Segments with and without encoding (§4.1)."""
        value = (
            b"application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20;"
            b' title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn\'t it!"'
        )
        self.assertEqual(
            self.decoded(value)["title"], "This is even more ***fun*** isn't it!"
        )

    def test_extended_wins(self):
        """An extended value is the better one of two."""
        value = b"attachment; filename=a.txt; filename*=utf-8''%C3%A4.txt"
        self.assertEqual(self.decoded(value)["filename"], "ä.txt")

    def test_segments_limit(self):
        """No more than a hundred segments (CVE-2026-27859)."""
        value = b"a/b" + b"".join(b"; x*%d=%d" % (n, n % 10) for n in range(999))
        self.assertEqual(len(self.decoded(value)["x"]), limits.PARAMETER_SEGMENTS)

    def test_missing_segment(self):
        """What follows a missing segment is left out."""
        self.assertEqual(self.decoded(b"a/b; x*0=a; x*2=c"), {"x": "a"})

    def test_tolerated(self):
        """Spaces without quotes, a missing quote, semicolons in quotes."""
        self.assertEqual(
            self.decoded(b"a; name=my file.txt; x=1")["name"], "my file.txt"
        )
        self.assertEqual(self.decoded(b'a; name="my file.txt')["name"], "my file.txt")
        self.assertEqual(
            self.decoded(b'a; name="a;b=c" ; d=e'), {"name": "a;b=c", "d": "e"}
        )
        self.assertEqual(self.decoded(b"a; name=scan(1).pdf")["name"], "scan(1).pdf")
        self.assertEqual(self.decoded(b'a; name="\\"q\\\\"')["name"], '"q\\')


class DatesTests(SynchronousTestCase):
    def row(self, value: bytes, seconds: int, zone: int = 0) -> None:
        self.assertEqual(dates.parse(value), (seconds, zone))

    def test_rfc5322(self):
        """The date of Appendix A.1.1."""
        self.row(b"Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360)

    def test_comments(self):
        """Appendix A.5: comments and folds between the parts."""
        self.row(
            b"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n"
            b"               -0330 (Newfoundland Time)",
            -27723480,
            -210,
        )

    def test_obsolete(self):
        """Appendix A.6.2: two digits for the year and a named zone."""
        self.row(b"21 Nov 97 09:55:06 GMT", 880106106)
        self.row(b"21 Nov 97 09:55:06 EST", 880124106, -300)

    def test_a_6_3(self):
        """Appendix A.6.3: spaces and comments inside the time."""
        self.row(b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706, -360)

    def test_years(self):
        """RFC 5322 §4.3: 49 is 2049, 50 is 1950, three digits are since 1900."""
        self.row(b"1 Jan 49 00:00 Z", 2493072000)
        self.row(b"1 Jan 50 00:00 Z", -631152000)
        self.row(b"1 Jan 100 00:00 Z", 946684800)

    def test_military(self):
        """One letter says nothing about the zone."""
        self.row(b"1 Jan 2000 00:00:00 A", 946684800)

    def test_less(self):
        """Seconds, zone, time and weekday may be missing."""
        self.row(b"1 Jan 2000 00:00", 946684800)
        self.row(b"1 Jan 2000", 946684800)
        self.row(b"Sat 01-Jan-2000 00:00:00 +0000", 946684800)

    def test_asctime(self):
        """C's form of a date."""
        self.row(b"Sat Jan  1 00:00:00 2000", 946684800)

    def test_leap_second(self):
        """The sixtieth second exists."""
        self.row(b"31 Dec 2016 23:59:60 +0000", 1483228800)

    def test_none(self):
        """What is no date is None."""
        for value in (
            b"", b"x", b"31 Feb 2000 00:00:00 +0000", b"1 Foo 2000", b"0 Jan 2000",
            b"1 Jan 2000 24:00:00", b"1 Jan 2000 00:61:00", b"1 Jan 1800", b"9" * 999,
        ):  # fmt: skip
            self.assertEqual(dates.parse(value), None, value)

    @given(st.integers(-(2**31), 2**36), st.integers(-14 * 60, 14 * 60))
    def test_round(self, seconds, zone):
        """What is rendered is read again as the same."""
        self.assertEqual(dates.parse(dates.render(seconds, zone)), (seconds, zone))


HEADER = b"From: a@b\r\nTO: c@d,\r\n\te@f\r\nX-A : 1\r\nno field\r\nto: g@h\r\n\r\n"


class HeadersTests(SynchronousTestCase):
    def test_fields(self):
        """Fields are given whole, with their folds, in order."""
        self.assertEqual(
            headers.fields(HEADER),
            [
                (b"from", b"From: a@b\r\n"),
                (b"to", b"TO: c@d,\r\n\te@f\r\n"),
                (b"x-a", b"X-A : 1\r\n"),
                (b"to", b"to: g@h\r\n"),
            ],
        )

    @given(st.text("ab:- \t\r\n", max_size=60).map(str.encode))
    def test_divided(self, header):
        """Divided fields are the same, in two pieces."""
        told = [(name.lower(), name, value) for name, value in headers.divided(header)]
        whole = headers.fields(header)
        self.assertEqual([one[0] for one in told], [name for name, _ in whole])
        for (_, name, value), (_, field) in zip(told, whole, strict=True):
            self.assertTrue(field.startswith(name))
            self.assertEqual(field.partition(b":")[2], value)

    def test_select(self):
        """HEADER.FIELDS gives the wanted ones and the blank line."""
        self.assertEqual(
            headers.select(HEADER, [b"To", b"Cc"]),
            b"TO: c@d,\r\n\te@f\r\nto: g@h\r\n\r\n",
        )
        self.assertEqual(headers.select(HEADER, [b"Cc"]), b"\r\n")

    def test_select_not(self):
        """HEADER.FIELDS.NOT gives the others."""
        self.assertEqual(
            headers.select(HEADER, [b"TO"], invert=True),
            b"From: a@b\r\nX-A : 1\r\n\r\n",
        )

    def test_no_blank_line(self):
        """A message without body and blank line is given none (RFC 3501 §6.4.5)."""
        for names in ([b"a"], [b"a", *(b"x%d" % n for n in range(99))]):
            self.assertEqual(headers.select(b"A: b\r\n", names), b"A: b\r\n")
            self.assertEqual(headers.select(b"A: b", names), b"A: b\r\n")
            self.assertEqual(headers.select(b"C: b\n", names), b"")
            self.assertEqual(headers.select(b"C: b\n\n", names), b"\n")
            self.assertEqual(headers.select(b"\r\n", names), b"\r\n")

    def test_values(self):
        """Values are unfolded and stripped."""
        self.assertEqual(headers.value(HEADER, b"to"), b"c@d,\te@f")
        self.assertEqual(headers.values(HEADER, b"To"), [b"c@d,\te@f", b"g@h"])
        self.assertEqual(headers.value(HEADER, b"x-a"), b"1")
        self.assertEqual(headers.value(HEADER, b"x"), None)
        self.assertEqual(headers.value(b"A:\n", b"a"), b"")


class CharsetsTests(SynchronousTestCase):
    def test_no_tricks(self):
        """Codecs that are no charsets are not let in."""
        for label in (
            "unicode_escape", "raw_unicode_escape", "idna", "punycode", "base64", "zlib",
            "zip", "bz2", "hex", "uu", "rot13", "quopri", "undefined", "mbcs", "oem",
            "charmap", "utf-8\0", "../x", "", "x" * 99,
        ):  # fmt: skip
            self.assertEqual(charsets.codec(label), None, label)

    def test_known(self):
        """Those of real mail are."""
        for label in (
            "us-ascii", "UTF-8", "utf8", "iso-8859-1", "ISO-8859-15", "windows-1252",
            "windows-1255", "koi8-r", "koi8-u", "iso-2022-jp", "shift_jis", "euc-jp",
            "gb2312", "gbk", "gb18030", "big5", "euc-kr", "ks_c_5601-1987", "tis-620",
            "iso-8859-8-i", "utf-7", "utf-16", "macintosh", "cp850", "hz-gb-2312",
        ):  # fmt: skip
            self.assertNotEqual(charsets.codec(label), None, label)

    def test_wrong_octets(self):
        """Wrong octets are replaced."""
        self.assertEqual(charsets.decode(b"a\xff", "utf-8"), "a\ufffd")

    @given(
        st.binary(max_size=60),
        st.sampled_from(["utf-7", "gb18030", "iso-2022-jp", "hz", "utf-16", "x"]),
    )
    def test_never_raises(self, octets, label):
        """Any octets in any charset give text."""
        self.assertIsInstance(charsets.decode(octets, label), str)

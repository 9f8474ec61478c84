"""Messages made to hurt a parser, and a reader of what IMAP would be told."""

from collections.abc import Iterator

MEBIOCTET = 1_048_576


def nested(depth: int, boundary: str = "b%d", filler: bytes = b"") -> bytes:
    """Multiparts inside of multiparts, a leaf in the middle."""
    octets = b""
    for level in range(depth):
        name = (
            boundary % level if "%" in boundary else boundary * (level + 1)
        ).encode()
        octets += b'Content-Type: multipart/mixed; boundary="%b"\r\n\r\n--%b\r\n' % (
            name,
            name,
        )
    return octets + b"\r\n" + filler


def _filled(head: bytes, unit: bytes, size: int) -> bytes:
    return head + unit * ((size - len(head)) // len(unit))


_MULTIPART = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
_A_LOT = b"".join(
    b"\n%b%b: %b" % (b"Content-", name, b"a/b;c=d")
    for name in (b"Type", b"Disposition", b"Language", b"ID", b"MD5")
)

_UNITS = {
    "parentheses in From": (b"From: ", b"("),
    "closed parentheses in From": (b"From: ", b"()"),
    "escaped parentheses in From": (b"From: (", b"\\("),
    "comments in a comment": (b"From: (", b"()"),
    "comments in comments": (b"From: (", b"(" * 9 + b")" * 9),
    "many full comments": (b"From: ", b"(" + b"()" * 400 + b")a@b,"),
    "comments and commas": (b"From: ", b"(),"),
    "angles": (b"From: ", b"<"),
    "closed angles": (b"From: ", b"<>,"),
    "quotes": (b"From: ", b'"'),
    "backslashes": (b'From: "', b"\\"),
    "brackets": (b"From: a@", b"["),
    "at signs": (b"From: ", b"@"),
    "colons": (b"From: ", b"a:"),
    "semicolons": (b"From: ", b";"),
    "groups": (b"From: ", b"a:;"),
    "routes": (b"From: <", b"@a,"),
    "addresses": (b"To: ", b"a@b,"),
    "named addresses": (b"To: ", b"a <a@b>,"),
    "bare words": (b"To: ", b"a,"),
    "words": (b"To: ", b"a "),
    "dots": (b"To: ", b"a . "),
    "commas": (b"To: ", b","),
    "quoted words": (b"To: ", b'"a"'),
    "address fields": (b"", b"To:a@b\r\n"),
    "slow address fields": (b"", b'Cc:"a"@b\r\n'),
    "short fields": (b"", b"To:\n"),
    "fields": (b"", b"a:\n"),
    "folds": (b"Subject:", b"\r\n "),
    "white space": (b"From:", b" "),
    "tabs before the colon": (b"From", b"\t"),
    "subject": (b"Subject: ", b"a"),
    "quotes in the subject": (b"Subject: ", b'"'),
    "NUL": (b"", b"\0"),
    "NUL in the subject": (b"Subject: ", b"\0"),
    "8-bit": (b"From: ", b"\xff"),
    "carriage returns": (b"", b"\r"),
    "line feeds": (b"Subject: x\r\n\r\n", b"\n"),
    "encoded words": (b"Subject: ", b"=?a?q?b?= "),
    "encoded words unclosed": (b"Subject: ", b"=?a?q?"),
    "parameters": (b"Content-Type: text/plain", b";a=b"),
    "parameters without value": (b"Content-Type: text/plain", b";a"),
    "parameters unclosed": (b"Content-Type: text/plain", b';a="\\'),
    "parameter semicolons": (b"Content-Type: text/plain", b";"),
    "parameter white space": (b"Content-Type: text/plain;", b" "),
    "parameter comments": (b"Content-Type: text/plain", b";(a)"),
    "parameter nesting": (b"Content-Type: text/plain; ", b"("),
    "segments": (b"Content-Type: text/plain", b";a*0=b"),
    "languages": (b"Content-Language: a", b",a"),
    "language comments": (b"Content-Language: a", b" (a),"),
    "slashes": (b"Content-Type: ", b"/"),
    "type without slash": (b"Content-Type: ", b"a"),
    "look-alikes": (_MULTIPART, b"--bb\r\n"),
    "hyphens": (_MULTIPART, b"--\r\n"),
    "other delimiters": (_MULTIPART, b"--a\n"),
    "delimiters": (_MULTIPART, b"--b\n"),
    "parts": (_MULTIPART, b"--b\r\n\r\n"),
    "parts of one field": (_MULTIPART, b"--b\nContent-Type: a/b\n\n"),
    "parts described": (_MULTIPART, b"--b" + _A_LOT + b"\n\n"),
    "parts with comments": (_MULTIPART, b"--b\nContent-Type: a/b ((()))();()\n\n"),
    "parts with addresses": (
        _MULTIPART,
        b"--b\nContent-Type:message/rfc822\n\nFrom:(a)b,c,<d>\nCc:e@f\n\n",
    ),
    "messages": (_MULTIPART, b"--b\nContent-Type:message/rfc822\n\n\n"),
    "digest": (b"Content-Type: multipart/digest; boundary=b\n\n", b"--b\n\nTo:a\n\n"),
    "parts of many fields": (_MULTIPART, b"--b\n" + b"Content-a:\n" * 200 + b"\n"),
    "multiparts": (
        _MULTIPART,
        b"--b\nContent-Type:multipart/a;boundary=c\n\n--c\n\n--c--\n",
    ),
    "messages in messages": (b"", b"Content-Type: message/rfc822\n\n"),
    "encodings with comments": (
        _MULTIPART,
        b"--b\nContent-Transfer-Encoding: ((())) 7bit ((()))\n\n",
    ),
    "start of a boundary": (
        b"Content-Type: multipart/x; boundary=" + b"-" * 60 + b"\n\n",
        b"\n" + b"-" * 61,
    ),
}


def hostile(size: int = MEBIOCTET) -> Iterator[tuple[str, bytes]]:
    """Name and octets of each attack, of about ``size`` octets."""
    for name, (head, unit) in _UNITS.items():
        yield name, _filled(head, unit, size)
    yield "nested multiparts", nested(size // 60)
    yield "nested and then large", nested(200, filler=b"a\n" * (size // 2))
    yield "nested prefixes", nested(120, "a", (b"\n--" + b"a" * 130) * (size // 140))
    yield "nested hyphens", nested(120, "-", (b"\n" + b"-" * 60) * (size // 70))
    yield (
        "nested, long subjects",
        (b"Content-Type: message/rfc822\n\n" * 99 + b"Subject: " + b"a" * size),
    )
    yield (
        "nested subjects",
        (b"Content-Type: message/rfc822\nSubject: " + b"a" * (size // 100) + b"\n\n")
        * 99,
    )
    yield "nested, many parts", nested(98, filler=b"\n--b97\n\n" * (size // 10))

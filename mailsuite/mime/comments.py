"""Comments of structured fields (RFC 5322 §3.2.2), read without recursion."""

import re

from mailsuite.mime.limits import COMMENT_MARKS, COMMENT_NESTING, Budget

_MARK = re.compile(rb"[^()\\]*+(?:\\.[^()\\]*+)*+([()])", re.DOTALL)
_OUTSIDE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|(?<![^ \t;])\(', re.DOTALL)


def end(value: bytes, opening: int) -> int:
    """Find the offset after the comment that opens at ``opening``.

    An unclosed comment reaches to the end, and so does one that is nested deeper
    or holds more parentheses than the limits allow.
    """
    depth = 0
    at = opening
    for _ in range(COMMENT_MARKS):
        mark = _MARK.match(value, at)
        if mark is None:
            break
        at = mark.end()
        if mark[1] == b")":
            depth -= 1
            if not depth:
                return at
        else:
            depth += 1
            if depth > COMMENT_NESTING:
                break
    return len(value)


def dropped(value: bytes, budget: Budget) -> bytes:
    """Put a space where a comment stands outside of quoted strings.

    A parenthesis inside of a word, as in ``name=scan(1).pdf``, opens none. When
    too much of a message is such values, the rest is left as it is.
    """
    budget.commented -= len(value)
    if budget.commented < 0:
        return value
    kept = []
    at = passed = 0
    while found := _OUTSIDE.search(value, passed):
        passed = found.end()
        if found[0] == b"(":
            kept += [value[at : found.start()], b" "]
            at = passed = end(value, found.start())
    kept.append(value[at:])
    return b"".join(kept)


def unescaped(text: bytes) -> bytes:
    """Undo quoted pairs (RFC 5322 §3.2.1) and drop NUL."""
    if b"\\" not in text:
        return text
    text = text.replace(b"\0", b"").replace(rb"\\", b"\0")
    return text.replace(b"\\", b"").replace(b"\0", b"\\")

"""``${hex:...}`` and ``${unicode:...}`` in strings (RFC 5228 §2.4.2.4).

Octets that do not make UTF-8 stay what they are in keys and variables, see
:mod:`mailsuite.sieve.octets`.
"""

import re

from mailsuite.sieve import octets
from mailsuite.sieve.shapes import Extension

_BLANK = r"[ \t\r\n]"
_ENCODED = re.compile(
    rf"\$\{{(?:hex:({_BLANK}*+[0-9a-f]{{1,2}}(?:{_BLANK}++[0-9a-f]{{1,2}})*+{_BLANK}*+)"
    rf"|unicode:({_BLANK}*+[0-9a-f]++(?:{_BLANK}++[0-9a-f]++)*+{_BLANK}*+))\}}",
    re.IGNORECASE | re.ASCII,
)
_CHARACTERS = 0x110000
_SURROGATES = range(0xD800, 0xE000)


def decoded(text: str) -> str:
    """The string that is meant. :raises ValueError: no character has that number."""
    if "${" not in text:
        return text
    parts = []
    at = 0
    for one in _ENCODED.finditer(text):
        pairs, characters = one.groups()
        parts.append(text[at : one.start()].encode())
        if pairs is not None:
            parts.append(bytes(int(code, 16) for code in pairs.split()))
        else:
            parts.append("".join(map(_character, characters.split())).encode())
        at = one.end()
    parts.append(text[at:].encode())
    return octets.text(b"".join(parts))


def _character(digits: str) -> str:
    code = int(digits, 16)
    if code >= _CHARACTERS or code in _SURROGATES:
        raise ValueError(f"there is no character {digits[:40]} in Unicode")
    return chr(code)


EXTENSION = Extension("encoded-character", interpret=decoded)

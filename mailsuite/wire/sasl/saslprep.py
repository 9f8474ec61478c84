"""SASLprep (RFC 4013): one form of names and passwords that look the same.

Code points that Unicode 3.2 did not know are let through, as RFC 3454 §7 has it of
queries: clients prepare passwords that way, and a password may hold an emoji.
"""

import stringprep
import unicodedata

_PROHIBITED = (  # RFC 4013 §2.3; the ASCII space is allowed
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)
_normalized = unicodedata.ucd_3_2_0.normalize


def saslprep(text: str) -> str:
    """Prepare ``text``. :raises ValueError: it holds what RFC 4013 prohibits."""
    if text.isascii():
        if text.isprintable():
            return text
        raise ValueError("a control character")
    mapped = "".join(map(_mapped, text))
    prepared = _normalized("NFKC", mapped)
    found = set(prepared)  # each is looked at once: one may stand for 18
    for one in found:
        if any(prohibits(one) for prohibits in _PROHIBITED):
            raise ValueError("a character that RFC 4013 prohibits")
    _directed(prepared, found)
    return prepared


def prepared(text: str) -> str:
    """Prepare what can be; what cannot, or would vanish, stays as it is."""
    try:
        return saslprep(text) or text
    except ValueError:
        return text


def _mapped(one: str) -> str:
    """RFC 4013 §2.1."""
    if stringprep.in_table_c12(one):
        return " "
    return "" if stringprep.in_table_b1(one) else one


def _directed(text: str, found: set[str]) -> None:
    """RFC 3454 §6. :raises ValueError: it runs both ways."""
    if not any(map(stringprep.in_table_d1, found)):
        return
    if any(map(stringprep.in_table_d2, found)):
        raise ValueError("text in both directions")
    if not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise ValueError("text that does not end as it begins")

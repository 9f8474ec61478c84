"""From octets to text by the names of RFC 2978, with Python's codecs.

Only codecs for text are let in: Python also has codecs that unpack archives or
interpret escapes, and a label comes from a stranger.
"""

import codecs
import re

_NAMES = re.compile(
    r"ascii|utf-(?:7|8|8-sig|16|16-be|16-le|32|32-be|32-le)|"
    r"iso8859-\d{1,2}|cp\d{3,4}|koi8-[rtu]|kz1048|ptcp154|tis-620|"
    r"mac-(?:cyrillic|greek|iceland|latin2|roman|turkish)|hp-roman8|"
    r"gb2312|gbk|gb18030|hz|big5|big5hkscs|"
    r"euc_(?:jp|jis_2004|jisx0213|kr)|shift_jis(?:_2004|x0213)?|johab|"
    r"iso2022_(?:jp|jp_1|jp_2|jp_2004|jp_3|jp_ext|kr)"
)
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:()+-]{0,39}")
_WIDER = {  # what writers mean, and what holds more than they said
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "unicode-1-1-utf-7": "utf-7",
    "x-gbk": "gb18030",
    "x-mac-roman": "mac-roman",
}
_known: dict[str, codecs.CodecInfo | None] = {}
_KNOWN_LABELS = 500


def codec(label: str) -> codecs.CodecInfo | None:
    """Find the codec of a charset's label, None when it is no charset we decode."""
    label = label.strip().strip('"').lower()
    if label in _known:
        return _known[label]
    found = _looked_up(_WIDER.get(label, label))
    if len(_known) < _KNOWN_LABELS:
        _known[label] = found
    return found


def _looked_up(label: str) -> codecs.CodecInfo | None:
    if not _LABEL.fullmatch(label):
        return None
    try:
        found = codecs.lookup(label)
    except (LookupError, ValueError):
        return None
    return found if _NAMES.fullmatch(found.name) else None


def decode(octets: bytes, label: str) -> str:
    """Give text; an unknown charset is guessed, wrong octets are replaced."""
    found = codec(label)
    if found is None:
        return guess(octets)
    text, _ = found.decode(octets, "replace")
    return text


def guess(octets: bytes) -> str:
    """Take unlabelled octets for UTF-8, or else for ISO 8859-1."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")

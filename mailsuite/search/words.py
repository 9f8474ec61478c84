"""Words of a text, the same for what is indexed and for what is asked."""

import re
from collections import Counter
from collections.abc import Iterator

WORD_CHARS = 64  # longer runs are no words (base64, hashes); cut there
TEXT_CHARS = 512 * 1024  # of one field that are looked at

_WORD = re.compile(r"\w+")
_WIDE = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
)


def counted(text: str) -> "Counter[str]":
    """Count the words of a text, CJK characters alone and in pairs."""
    folded = text[:TEXT_CHARS].casefold()
    words = Counter(word[:WORD_CHARS] for word in _WORD.findall(folded))
    for run in _WIDE.findall(folded):
        words.update(run)
        words.update(_pairs(run))
    return words


def asked(text: str) -> list[str]:
    """Words to look for, each once: all of them must be there."""
    found: dict[str, None] = {}
    for word in _WORD.findall(text[:TEXT_CHARS].casefold()):
        wide = _WIDE.fullmatch(word)
        parts = _pairs(word) if wide and len(word) > 1 else [word[:WORD_CHARS]]
        found.update(dict.fromkeys(parts))
    return list(found)


def _pairs(run: str) -> Iterator[str]:
    return (run[at : at + 2] for at in range(len(run) - 1))

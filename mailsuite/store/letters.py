"""Flags as the letters of a Maildir file's name.

The five of Maildir, and ``a`` to ``z`` for the first 26 keywords of a mailbox in
the order of its ``dovecot-keywords`` file. Letters that we do not know stay.
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress

from mailsuite.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flags
from mailsuite.store import maildir

LETTERS = {"D": DRAFT, "F": FLAGGED, "R": ANSWERED, "S": SEEN, "T": DELETED}
LETTERED = 26  # keywords that have a letter
FILE = "dovecot-keywords"

_LETTER = {flag: letter for letter, flag in LETTERS.items()}
_LINE = re.compile(r"([0-9]{1,4}) ([\x21\x23-\x27\x2b-\x5b\x5e-\x7a|}~]{1,100})")


def flags_of(letters: str, keywords: Sequence[str]) -> Flags:
    """The flags that letters stand for, in a mailbox with these keywords."""
    flags = set()
    for letter in letters:
        if letter in LETTERS:
            flags.add(LETTERS[letter])
        elif "a" <= letter <= "z" and ord(letter) - 97 < len(keywords):
            flags.add(keywords[ord(letter) - 97])
    return frozenset(flags)


def letters_of(flags: Flags, keywords: Sequence[str], before: str = "") -> str:
    """The letters for flags, in order; unknown ones of ``before`` stay."""
    letters = {_LETTER[flag] for flag in flags if flag in _LETTER}
    for number, name in enumerate(keywords[:LETTERED]):
        if name in flags:
            letters.add(chr(97 + number))
    for letter in before:
        known = letter in LETTERS or (
            "a" <= letter <= "z" and ord(letter) - 97 < len(keywords)
        )
        if not known and letter not in "/:,":
            letters.add(letter)
    return "".join(sorted(letters))


def read(path: str) -> list[str]:
    """Keywords of a mailbox's ``dovecot-keywords``, by number; gaps are empty."""
    names: dict[int, str] = {}
    with suppress(FileNotFoundError), open(os.path.join(path, FILE), "rb") as file:
        for line in file.read().decode("ascii", "replace").split("\n"):
            match = _LINE.fullmatch(line)
            if match and int(match.group(1)) < 1_000:
                names[int(match.group(1))] = match.group(2)
    return [names.get(n, "") for n in range(max(names, default=-1) + 1)]


def write(path: str, keywords: Sequence[str]) -> None:
    """Replace the file; only keywords that have a letter are told to others."""
    text = "".join(f"{n} {name}\n" for n, name in enumerate(keywords[:LETTERED]))
    target = os.path.join(path, FILE)
    maildir.discard(f"{target}.tmp")
    maildir.write(f"{target}.tmp", [text.encode("ascii")])
    os.rename(f"{target}.tmp", target)

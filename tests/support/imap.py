r"""Transcripts of IMAP: ``C:`` lines are said, ``S:`` lines must be answered.

``...`` in an ``S:`` line stands for anything. A ``C:`` line that ends in ``\`` has
no line end of its own. Lines with neither mark are comments.
"""

import re
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "transcripts" / "imap"


def steps(name):
    """The dialogue as (what the client says, lines that the server answers)."""
    found = []
    for line in (FOLDER / name).read_text("utf-8").splitlines():
        mark, text = line[:3], line[3:]
        if mark == "C: ":
            octets = text.encode()
            octets = octets[:-1] if octets.endswith(b"\\") else octets + b"\r\n"
            found.append((octets, []))
        elif mark == "S: ":
            found[-1][1].append(text)
    return found


def fits(wanted, line):
    """Whether an answered line is what the transcript has."""
    parts = map(re.escape, wanted.split("..."))
    return re.fullmatch(".*".join(parts), line, re.DOTALL) is not None


def play(case, name, say):
    """Run a whole transcript, step by step."""
    for said, wanted in steps(name):
        answered = say(said).decode("utf-8", "replace").split("\r\n")
        case.assertEqual(answered.pop(), "", said)
        for line, expected in zip(answered, wanted, strict=False):
            case.assertTrue(
                fits(expected, line), f"{said}: {line!r} is not {expected!r}"
            )
        case.assertEqual(len(answered), len(wanted), f"{said}: {answered}")


def play_at_once(case, name, say):
    """Say everything of a transcript in one go; all answers come in order."""
    dialogue = steps(name)
    answered = say(b"".join(said for said, _ in dialogue)).decode("utf-8", "replace")
    wanted = [line for _, lines in dialogue for line in lines]
    lines = answered.split("\r\n")[:-1]
    for line, expected in zip(lines, wanted, strict=False):
        case.assertTrue(fits(expected, line), f"{line!r} is not {expected!r}")
    case.assertEqual(len(lines), len(wanted))

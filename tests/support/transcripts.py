r"""Runs transcripts: files of ``C:`` and ``S:`` lines against a server's machine.

::

    # a comment
    S: 220 mx.example.test ...
    C: EHLO client
    S: 250-mx.example.test
    C> raw octets with \r\n and \x00 escapes, no CRLF of their own
    S! closed

``C:`` sends a line with CRLF, ``C>`` exact octets in the syntax of a Python bytes
literal. ``S:`` is one line of the answer; ``...`` at its end matches any rest, and
``S: ...`` alone any line. ``S! closed`` says that the server has ended the
connection. ``C:`` lines that follow each other are sent at once (pipelined).
"""

import ast
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parent.parent / "transcripts"


class Server(Protocol):
    """What a transcript talks to."""

    closed: bool

    def feed(self, octets: bytes) -> bytes:
        """Take octets from the client; give all that the server says to them.

        Called first with nothing, for the greeting.
        """


Cut = Callable[[bytes], Iterator[bytes]]


def whole(octets: bytes) -> Iterator[bytes]:
    """Everything in one read."""
    yield octets


def each_octet(octets: bytes) -> Iterator[bytes]:
    """One octet a read."""
    for at in range(len(octets)):
        yield octets[at : at + 1]


def random_cuts(seed: int) -> Cut:
    """Reads of random sizes, the same for the same seed."""
    dice = random.Random(seed)

    def cut(octets: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(octets):
            size = dice.choice((1, 2, 3, 7, 19, 64))
            yield octets[at : at + size]
            at += size

    return cut


CUTS: tuple[Cut, ...] = (whole, each_octet, *map(random_cuts, range(5)))


def files(folder: str) -> list[Path]:
    """Every transcript of a protocol."""
    return sorted((ROOT / folder).glob("*.txt"))


def play(path: Path, server: Server, cut: Cut) -> None:
    """Run one transcript. :raises AssertionError: the server said otherwise."""
    said = server.feed(b"")
    asked = b""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        kind, _, rest = line.partition(" ")
        where = f"{path.name}:{number}"
        if kind == "C:":
            asked += rest.encode("utf-8") + b"\r\n"
        elif kind == "C>":
            asked += ast.literal_eval("b'" + rest.replace("'", "\\'") + "'")
        elif kind in {"S:", "S!"}:
            for piece in cut(asked):
                said += server.feed(piece)
            asked = b""
            said = _expect(kind, rest, said, server, where)
        elif line.strip() and not line.startswith("#"):
            raise AssertionError(f"{where}: no transcript line: {line!r}")
    for piece in cut(asked):
        said += server.feed(piece)
    assert said == b"", f"{path.name}: the server also said {said!r}"


def _expect(kind: str, wanted: str, said: bytes, server: Server, where: str) -> bytes:
    if kind == "S!":
        assert wanted == "closed", f"{where}: only 'S! closed' is known"
        assert said == b"", f"{where}: before the end the server said {said!r}"
        assert server.closed, f"{where}: the connection is still open"
        return b""
    line, end, rest = said.partition(b"\r\n")
    text = line.decode("utf-8", "backslashreplace")
    assert end, f"{where}: wanted {wanted!r}, the server said {said!r}"
    good = text.startswith(wanted[:-3]) if wanted.endswith("...") else text == wanted
    assert good, f"{where}: wanted {wanted!r}, the server said {text!r}"
    return rest

"""The child process: ``python -m mailsuite.reports.reader UNPACKED_OCTETS``.

Reads what strangers sent and writes what may be large, one request at a time
(:mod:`mailsuite.net.child`); a poisonous report harms this process and no other.
``read`` gives what was found and its rows; ``write`` gives a gzipped report of ours.

Rows cross as lines of JSON, each an array of up to :data:`BATCH` rows, which the parent
hands to SQLite without looking at them.
"""

import gzip
import json
import os
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Any

from attrs import asdict, define, field

from mailsuite.model.errors import Damaged
from mailsuite.net import child
from mailsuite.reports import aggregate, document, feedback, letter, tls
from mailsuite.reports.texts import clipped
from mailsuite.reports.unpack import Blocks

BATCH = 500  # rows in one array
MEMORY_OCTETS = 1 << 30  # address space of this process
MESSAGE_OCTETS = 64 << 20  # of a message file that is read
REPORTS = 50  # of one message

Found = dict[str, Any]
Gathered = tuple[Found, list[str]]
"""What a report says of itself, and its lines."""


@define(eq=False)
class Lines:
    """Rows on their way to the parent."""

    lines: list[str] = field(factory=list)
    _rows: list[Sequence[Any]] = field(factory=list)
    count: int = 0

    def add(self, row: Sequence[Any]) -> None:
        """One more row."""
        self._rows.append(row)
        self.count += 1
        if len(self._rows) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Put the rows so far into a line."""
        if self._rows:
            self.lines.append(json.dumps(self._rows, separators=(",", ":")))
            self._rows.clear()


@define(eq=False)
class Reader:
    """Answers the parent."""

    limit: int

    def answer(self, request: Mapping[str, Any], octets: bytes) -> tuple[Found, bytes]:
        """Do what is asked: ``read`` or ``write``."""
        if request["do"] == "write":
            return {}, _written(request, octets)
        if "path" in request:
            octets = _file(request["path"])
        gathered: list[Gathered] = []
        trouble: list[str] = []
        with noted(trouble):
            self._read(octets, gathered, trouble)
        found = [one | {"lines": len(lines)} for one, lines in gathered]
        body = "\n".join(line for _, lines in gathered for line in lines)
        return {"found": found, "trouble": "; ".join(trouble[:3])}, body.encode()

    def _read(
        self, octets: bytes, found: list[Gathered], trouble: list[str], depth: int = 0
    ) -> None:
        """Read a file or a message; what was found before trouble is kept."""
        if letter.kind(octets[: letter.START_OCTETS]):
            self._opened(octets, found, trouble, depth)
            return
        told = letter.feedback(octets)
        if told is not None:
            found.append(_feedback(told, octets))
            return
        for content in letter.attachments(octets):
            with noted(trouble):
                self._opened(content, found, trouble, depth)

    def _opened(
        self, octets: bytes, found: list[Gathered], trouble: list[str], depth: int
    ) -> None:
        for what, content in letter.inside(octets, self.limit):
            if len(found) >= REPORTS:
                raise Damaged(f"more than {REPORTS} reports in one message")
            if what == "xml":
                found.append(_dmarc(content))
            elif what == "json":
                found.append(_tls(content))
            elif not depth:  # a whole message in an archive
                self._read(b"".join(content), found, trouble, depth=1)


@contextmanager
def noted(trouble: list[str]) -> Iterator[None]:
    """Note what is damaged, and go on after it."""
    try:
        yield
    except Damaged as error:
        trouble.append(str(error))


def _dmarc(blocks: Blocks) -> Gathered:
    rows = Lines()
    head = aggregate.read(blocks, rows.add)
    rows.flush()
    return asdict(head) | {"kind": "dmarc"}, rows.lines


def _tls(blocks: Blocks) -> Gathered:
    report = tls.read(blocks)
    sessions, problems = Lines(), Lines()
    for session in report.sessions:
        sessions.add((0, *session))
    for problem in report.problems:
        problems.add((1, *problem))
    sessions.flush()
    problems.flush()
    head = {name: getattr(report, name) for name in _HEAD} | {
        "kind": "tls",
        "policy": "",
        "rows": sessions.count,
        "messages": sum(one[3] + one[4] for one in report.sessions),
    }
    return head, sessions.lines + problems.lines


_HEAD = ("org", "contact", "id", "begins", "ends", "domain")


def _feedback(told: tuple[bytes, bytes], octets: bytes) -> Gathered:
    """One row; the id is a hash of the fields, which have none (RFC 5965 §3)."""
    report = feedback.read(*told, letter.sender(octets))
    if not report.domain:
        raise Damaged("a feedback report that names no domain")
    row = (report.kind, report.ip, report.sender, report.detail)
    head = {
        "kind": "feedback",
        "org": report.org,
        "contact": clipped(letter.sender(octets), 250),
        "id": sha256(b"\0".join(told)).hexdigest()[:32],
        "begins": report.arrived,
        "ends": report.arrived,
        "domain": report.domain,
        "policy": "",
        "rows": 1,
        "messages": report.incidents,
    }
    return head, [json.dumps([row])]


def _written(request: Mapping[str, Any], octets: bytes) -> bytes:
    """Write a report of ours: the body is one line of JSON for each row."""
    rows = map(json.loads, octets.splitlines())
    blocks = document.blocks(request["meta"], request["published"], rows)
    return gzip.compress(b"".join(blocks), mtime=0)


def _file(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        octets = file.read(MESSAGE_OCTETS + 1)
    if len(octets) > MESSAGE_OCTETS:
        raise Damaged(f"the message has more than {MESSAGE_OCTETS} octets")
    return octets


def main(limit: str) -> None:
    """Serve until the parent is gone."""
    os.umask(0o077)
    with suppress(ValueError, OSError):  # a smaller limit stands already
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_OCTETS, MEMORY_OCTETS))
    os.nice(child.NICENESS)
    child.serve(Reader(int(limit)).answer)


if __name__ == "__main__":
    main(*sys.argv[1:])

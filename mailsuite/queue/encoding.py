"""How messages and outcomes lie in the journal and in spool files.

Both are a length, a head in JSON, and raw octets. Values that a reader of a later
version does not know are passed over; ``FORMAT`` rises when that is not enough.
"""

import json
import struct
from collections.abc import Sequence
from itertools import chain
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from attrs import evolve, field, frozen

from mailsuite.model.address import Address
from mailsuite.model.envelope import FILED, Blob, Envelope, Once, Recipient, Submission
from mailsuite.model.errors import Damaged
from mailsuite.model.ids import BlobKey, QueueId
from mailsuite.queue.jobs import Job, Slot

FORMAT = 1
_LENGTH = struct.Struct("<I")
_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

Json = Any
"""What JSON gives; a border of this module."""


def _address(address: Address | None) -> Json:
    return None if address is None else (address.local, address.domain)


def _to_address(data: Json) -> Address | None:
    return None if data is None else Address(data[0], data[1])


def recipient(each: Recipient) -> Json:
    """A recipient as JSON; short when it has nothing but an address."""
    address = each.address
    plain = (each.n, address.local, address.domain)
    if not (each.sender or each.origin or each.orcpt or each.notify or each.marks):
        return plain
    return (
        *plain,
        _address(each.sender),
        _address(each.origin),
        each.orcpt,
        each.notify,
        dict(each.marks),
    )


def to_recipient(data: Json) -> Recipient:
    """Read what :func:`recipient` made."""
    n, local, domain, *rest = data
    if not rest:
        return Recipient(n, Address(local, domain))
    sender, origin, orcpt, notify, marks = rest[:5]
    return Recipient(
        n,
        Address(local, domain),
        _to_address(sender),
        _to_address(origin),
        orcpt,
        notify,
        marks,
    )


def head(
    submission: Submission, accepted: float, expires: float, path: str = ""
) -> str:
    """The head of a message; ``path`` is its file, relative to the folder.

    Every message pays for it, so what is the same in all of them is written out
    here: a tenth of what the general encoder takes.
    """
    envelope, blob, once = submission.envelope, submission.blob, submission.once
    sender, marks, rows = envelope.sender, "", ""
    for each in envelope.recipients:
        rows += _row(each) if not rows else "," + _row(each)
    for name, value in envelope.marks.items():
        marks += f"{',' if marks else ''}{_quoted(name)}:{_quoted(value)}"
    by = "null"
    if sender is not None:
        by = f"[{_quoted(sender.local)},{_quoted(sender.domain)}]"
    times = f"{accepted},{expires},{submission.after}".replace("inf", "Infinity")
    made = "null"
    if once is not None:
        made = f"[{_quoted(once.source)},{once.recipient},{once.action}]"
    return (
        f'{{"v":{FORMAT},"s":{by},"r":[{rows}],"m":{{{marks}}},"b":[{_quoted(blob.key)}'
        f",{blob.size},{len(blob.prefix)},{_quoted(path)}]"
        f',"t":[{times}],"o":{made}}}'
    )


def _row(each: Recipient) -> str:
    """What :func:`recipient` gives, as text."""
    if each.sender or each.origin or each.orcpt or each.notify or each.marks:
        return _dumps(recipient(each))
    address = each.address
    return f"[{each.n},{_quoted(address.local)},{_quoted(address.domain)}]"


def head_of(job: Job, path: str) -> str:
    """The head of a job's spool file: as accepted, with who is open now."""
    envelope = Envelope(
        job.envelope.sender,
        tuple(slot.recipient for slot in job.slots.values()),
        job.envelope.marks,
    )
    submission = Submission(envelope, job.blob, job.once)
    return head(submission, job.accepted, job.expires, path)


def blocks(made: str, blob: Blob) -> tuple[bytes, ...]:
    """A message's record or file: head, prefix and content."""
    first = _LENGTH.pack(len(made)) + made.encode("ascii")
    if blob.octets is None:
        return first, blob.prefix
    return first, blob.prefix, blob.octets


@frozen
class Opened:
    """A message's record or file, taken apart.

    ``start`` is where prefix and content begin.
    """

    head: Json
    start: int
    prefix: bytes = field(repr=False)


def opened(body: bytes, at: int = 0) -> Opened:
    """Read the head and the prefix. :raises Damaged: it is none."""
    try:
        (length,) = _LENGTH.unpack_from(body, at)
        start = at + _LENGTH.size + length
        data = json.loads(body[at + _LENGTH.size : start])
        if data["v"] != FORMAT:
            raise Damaged(f"a message of format {data['v']}")
        return Opened(data, start, body[start : start + data["b"][2]])
    except (ValueError, TypeError, LookupError, struct.error) as error:
        raise Damaged(f"no message: {error}") from error


def to_once(data: Json) -> Once | None:
    """Read the action that made a message."""
    return None if data is None else Once(QueueId(data[0]), data[1], data[2])


def job(name: QueueId, found: Opened, folder: str) -> Job:
    """Make the job of a record; its content stays where it is."""
    try:
        data = found.head
        recipients = tuple(map(to_recipient, data["r"]))
        key, size, _, path = data["b"]
        accepted, expires, after = data["t"]
        envelope = Envelope(_to_address(data["s"]), recipients, data["m"])
        return Job(
            name,
            envelope,
            Blob(
                BlobKey(key),
                size,
                None,
                found.prefix,
                f"{folder}/{path}" if path else "",
            ),
            accepted,
            expires,
            {each.n: Slot(each, max(accepted, after)) for each in recipients},
            max((each.n for each in recipients), default=0) + 1,
            to_once(data["o"]),
            start=found.start,
        )
    except (ValueError, TypeError, LookupError) as error:
        raise Damaged(f"no message: {error}") from error


# What happened to one recipient: [number, code, ...].
LOCAL = "L"  # [number, code, filed]: safe while the message's segment stands
DONE = "D"  # delivered elsewhere, failed, expanded or removed: no longer open
EXPANDED = "E"  # new recipients: [number, code, depth, [recipient...]]
DEFERRED = "T"  # [number, code, attempts, due, status, text, host]
HOLD = "H"
DUE = "Y"  # [number, code, due]: released, or to be tried at that time
WARNED = "W"

Change = tuple[QueueId, int, list[Json]]
"""A job, the version that the change gives it, and what happened."""


def outcome(
    changes: Sequence[Change], children: Sequence[tuple[str, Blob]] = ()
) -> tuple[tuple[bytes, ...], list[int]]:
    """An outcome's record, with the messages that it brings about.

    Every child is laid down as a record of a message is, one after another. Also
    gives where prefix and content of each child begin.
    """
    laid = [blocks(made, blob) for made, blob in children]
    sizes = [sum(map(len, parts)) for parts in laid]
    text = _dumps({"v": FORMAT, "c": changes, "k": sizes}).encode("ascii")
    starts = []
    at = _LENGTH.size + len(text)
    for parts, size in zip(laid, sizes, strict=True):
        starts.append(at + len(parts[0]))
        at += size
    first = _LENGTH.pack(len(text)) + text
    return (first, *chain.from_iterable(laid)), starts


def to_outcome(body: bytes) -> tuple[list[Change], list[int]]:
    """The changes, and where each child begins. :raises Damaged: it is none."""
    try:
        (length,) = _LENGTH.unpack_from(body)
        at = _LENGTH.size + length
        data = json.loads(body[_LENGTH.size : at])
        if data["v"] != FORMAT:
            raise Damaged(f"an outcome of format {data['v']}")
        changes = [(QueueId(c[0]), int(c[1]), list(c[2])) for c in data["c"]]
        starts = []
        for size in data["k"]:
            starts.append(at)
            at += size
    except (ValueError, TypeError, LookupError, struct.error) as error:
        raise Damaged(f"no outcome: {error}") from error
    return changes, starts


def delivered(each: Recipient, filed: str) -> Recipient:
    """A recipient that has its copies, should it be asked about again."""
    return evolve(each, marks={**each.marks, FILED: filed})


def apply(target: Job, change: list[Json], *, keep_local: bool) -> None:
    """Do to a job what a change says; one that came before does no harm.

    ``keep_local``: a local delivery stays open, to be asked again of the store,
    which knows the message if it is safe.
    """
    n, code = change[0], change[1]
    slot = target.slots.get(n)
    if code == WARNED:
        target.warned = True
    if slot is None:
        return
    if code == LOCAL and keep_local:
        target.done.append(n)
        filed = str(change[2]) if len(change) > 2 else ""
        slot.recipient = delivered(slot.recipient, filed)
    elif code in (LOCAL, DONE):
        del target.slots[n]
    elif code == EXPANDED:
        del target.slots[n]
        for each in map(to_recipient, change[3]):
            target.slots[each.n] = Slot(each, slot.due, depth=change[2])
            target.number(str(each.address).casefold())
            target.next = max(target.next, each.n + 1)
    elif code == DEFERRED:
        slot.attempts, slot.due, slot.status, slot.text, slot.host = change[2:7]
    elif code == HOLD:
        slot.held = True
    elif code == DUE:
        slot.held, slot.due = False, change[2]

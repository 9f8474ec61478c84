"""Journal records of APPEND: what was promised to a client before its files exist.

A line of JSON (account, mailbox, messages with UID, flags, date and name), then
the octets of those that lie in memory; large ones lie in the mailbox's ``tmp`` under
the name that the record tells.
"""

import json
from collections.abc import Sequence

from attrs import frozen

from mailsuite.interfaces.journal import Kind, Record
from mailsuite.model.changes import Draft
from mailsuite.model.envelope import Blob
from mailsuite.model.ids import AccountName, BlobKey, MailboxId
from mailsuite.store.pieces import Piece


@frozen
class Kept:
    """A record read back; ``withdrawn`` says that the client was told NO."""

    account: AccountName
    mailbox: MailboxId
    pieces: tuple[Piece, ...]
    withdrawn: str = ""


def record(
    account: AccountName, mailbox: MailboxId, pieces: Sequence[Piece], modseq: int
) -> Record:
    """What to commit before an APPEND is carried out."""
    told = {
        "account": account,
        "mailbox": mailbox,
        "modseq": modseq,
        "messages": [
            {
                "uid": piece.uid,
                "stem": piece.stem,
                "date": piece.date,
                "given": piece.draft.date,
                "flags": sorted(piece.draft.flags),
                "size": piece.draft.blob.size,
                "here": piece.draft.blob.octets is not None,
            }
            for piece in pieces
        ],
    }
    blocks = [json.dumps(told).encode() + b"\n"]
    for piece in pieces:
        blob = piece.draft.blob
        if blob.octets is not None:
            blocks += [blob.prefix, blob.octets]
    return Record(Kind.APPEND, tuple(block for block in blocks if block))


def withdrawal(account: AccountName, mailbox: MailboxId, base: str) -> Record:
    """What to note when an APPEND failed after its record."""
    told = {"account": account, "mailbox": mailbox, "withdrawn": base}
    return Record(Kind.APPEND, (json.dumps(told).encode() + b"\n",))


def read(record: Record) -> Kept:
    """Read one back. :raises ValueError: it is none of ours."""
    body = b"".join(record.body)
    line, _, octets = body.partition(b"\n")
    told = json.loads(line)
    pieces = []
    at = 0
    for message in told.get("messages", ()):
        size = message["size"]
        content = None
        if message["here"]:
            content = octets[at : at + size]
            at += size
            if len(content) != size:
                raise ValueError("a message is cut short")
        blob = Blob(BlobKey(""), size, content)
        draft = Draft(blob, frozenset(message["flags"]), message["given"])
        pieces.append(
            Piece(draft, message["stem"], message["date"], None, message["uid"])
        )
    return Kept(
        AccountName(told["account"]),
        MailboxId(told["mailbox"]),
        tuple(pieces),
        told.get("withdrawn", ""),
    )

"""Ids are NewTypes, so that a UID is never taken for a sequence number."""

from typing import NewType

AccountName = NewType("AccountName", str)
"""Canonical ``local@domain`` of an account, lower case; its stable name."""

MailboxId = NewType("MailboxId", int)
"""Stable within an account, never reused; keys every row of the mailbox."""

Uid = NewType("Uid", int)
"""RFC 3501 §2.3.1.1: 1 to 2**32 - 1, rising, never reused in a mailbox."""

ModSeq = NewType("ModSeq", int)
"""RFC 7162 §3.1: rising within an account; 0 stands before all changes."""

EmailId = NewType("EmailId", int)
"""One message's octets within an account; copies of it share the id."""

QueueId = NewType("QueueId", str)
"""Of one accepted message: upper case letters and digits, unique for ever."""

BlobKey = NewType("BlobKey", str)
"""Names octets: equal keys mean equal octets. Letters, digits, ``-``."""

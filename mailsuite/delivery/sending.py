"""Mail that scripts send: children of the outcome, recorded together with it.

What a script may send in an hour is bounded for each account; mail that came back is
recognized by a field of ours and not sent on again.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from attrs import define, evolve, field, frozen

from mailsuite.delivery.letters import Case
from mailsuite.delivery.written import without_path
from mailsuite.mime import addresses, dates
from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob, Envelope, Recipient, Submission
from mailsuite.sieve.actions import Redirect
from mailsuite.sieve.message import Message

REDIRECTED = "X-Sieve-Redirected-From"
"""Field of ours that names who sent a message on."""
HOPS = 20  # such fields in one message, whoever wrote them
HOUR = 3600.0
ACCOUNTS = 10_000  # whose mail is counted at once
_LOCAL_MARKS = frozenset(("notice",))
"""Marks that say something of the message that came, and not of its copy."""


@define(eq=False)
class Rate:
    """So many an hour for each account; 0: no limit.

    Each thing counts once, however often it is tried: a message, or a recipient.
    """

    limit: int
    _seconds: Callable[[], float]
    _counted: "OrderedDict[str, tuple[float, set[str]]]" = field(factory=OrderedDict)

    def allows(self, account: str, *what: str) -> bool:
        """Count all of it if there is room for all of it."""
        if not self.limit:
            return True
        now = self._seconds()
        since, seen = self._counted.get(account, (now, set[str]()))
        if now - since >= HOUR:
            since, seen = now, set[str]()
        fresh = {one for one in what if one not in seen}
        if fresh and len(seen) + len(fresh) > self.limit:
            return False
        seen |= fresh
        self._counted[account] = since, seen
        self._counted.move_to_end(account)
        if len(self._counted) > ACCOUNTS:
            self._counted.popitem(last=False)
        return True


@frozen(eq=False)
class Refused(Exception):  # noqa: N818 - a finding: the message is kept instead
    """A script may not send this; ``why`` is told."""

    why: str


def checked_loop(case: Case, message: Message) -> None:
    """:raises Refused: the message was sent on from here, or too often."""
    seen = [one.strip().lower() for one in message.values(REDIRECTED.lower())]
    if str(case.recipient.address).lower() in seen or case.account.name in seen:
        raise Refused("the message came back")
    if len(seen) >= HOPS:
        raise Refused(f"the message was sent on {HOPS} times")


def completed(case: Case, message: Message, hostname: str) -> bytes:
    """Fields that a stored message lacks to be sent (RFC 6785 §3.4, RFC 6409 §8).

    What came by mail lacks none; a draft or a note may.
    """
    if case.event is None:
        return b""
    lacking = b""
    if not message.values("from"):
        lacking += f"From: <{case.account.name}>\r\n".encode()
    if not message.values("date"):
        lacking += b"Date: %b\r\n" % dates.render(case.date or case.lease.accepted)
    if not message.values("message-id"):
        ident = f"{case.lease.id}.{case.recipient.n}.event@{hostname}"
        lacking += f"Message-ID: <{ident}>\r\n".encode()
    return lacking


def redirected(
    case: Case, action: Redirect, blob: Blob, lacking: bytes = b""
) -> Submission:
    """The copy for another address (RFC 5228 §4.2); ``lacking`` fields are added.

    Its sender stays who wrote it, who learns of failures (RFC 5321 §3.9.1).

    :raises Refused: there is no such address.
    """
    to = address(action.address)
    came = case.recipient
    named = f"{REDIRECTED}: {came.address}\r\n".encode()
    prefix = named + lacking + without_path(blob.prefix)
    size = blob.size - len(blob.prefix) + len(prefix)
    copy = evolve(blob, prefix=prefix, size=size)
    marks = {
        name: value
        for name, value in case.lease.envelope.marks.items()
        if name not in _LOCAL_MARKS
    }
    sender = _sender(case, action)
    if not (to.ascii and (sender is None or sender.ascii)):
        marks["smtputf8"] = "yes"
    expires = _limited(case, action, marks)
    notify = action.notify or came.notify
    recipient = Recipient(0, to, notify=notify, orcpt=came.orcpt)
    return Submission(Envelope(sender, (recipient,), marks), copy, expires=expires)


def together(children: Sequence[Submission]) -> Sequence[Submission]:
    """One message for all who get the same: its octets are recorded once."""
    found: dict[object, list[Submission]] = {}
    for one in children:
        to, blob = one.envelope, one.blob
        marks = tuple(sorted(to.marks.items()))
        key = str(to.sender or ""), marks, one.expires, blob.key, blob.prefix
        found.setdefault(key, []).append(one)
    return [_for_all(some) for some in found.values()]


def _for_all(children: Sequence[Submission]) -> Submission:
    every = (one for child in children for one in child.envelope.recipients)
    recipients = tuple(evolve(one, n=n) for n, one in enumerate(every))
    first = children[0]
    return evolve(first, envelope=evolve(first.envelope, recipients=recipients))


def _sender(case: Case, action: Redirect) -> Address | None:
    """Who learns what becomes of it: the owner, if the script says what to tell.

    RFC 6009 §6.1, §7.1.
    """
    if case.sender is not None and (action.notify or action.ret or action.by):
        return case.recipient.address
    return case.sender


def _limited(case: Case, action: Redirect, marks: dict[str, str]) -> float:
    """Put what the copy's parameters are into its marks; gives when it expires.

    The mark ``by`` has a wall time where BY has the seconds until then (RFC 2852).
    """
    if action.ret:
        marks["ret"] = action.ret
    if not action.by:
        return 0.0
    seconds, _, mode = action.by.partition(";")
    until = int(case.lease.accepted) + int(seconds)
    marks["by"] = f"{until};{mode}"
    return float(until) if mode.startswith("R") else 0.0


def address(text: str) -> Address:
    """An address as a script has it. :raises Refused: it is none."""
    found = addresses.parse(f"<{text.strip().strip('<>')}>".encode("utf-8", "replace"))
    if len(found) != 1 or not (found[0].local and found[0].domain):
        raise Refused(f"{text[:100]!r} is no address")
    return Address(found[0].local, found[0].domain)

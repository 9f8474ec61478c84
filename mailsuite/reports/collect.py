"""What was seen of other domains, counted in memory until it is written down.

Messages alike in everything that a report tells are one row. Bounded: above
:data:`ROWS` different ones between two writes the rest is counted as dropped.
"""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

from attrs import asdict, define, field, frozen

from mailsuite.interfaces.reporting import Judged
from mailsuite.model.proofs import DMARC, Policy, Proofs, Result, Signature
from mailsuite.reports.texts import clipped

DAY = 86_400  # seconds
ROWS = 20_000  # different rows in memory
SIGNATURES = 100  # of one row (RFC 9990 §3.1.3)
NAME_CHARACTERS = 255  # of a domain or selector (RFC 1035 §2.3.4)
COMMENT_CHARACTERS = 200

OVERRIDES = frozenset(
    ("local_policy", "mailing_list", "other", "policy_test_mode", "trusted_forwarder")
)
"""RFC 9990 §3.1.6."""
_ACTIONS = frozenset(("none", "quarantine", "reject"))
_SPF = {Result.POLICY: "neutral"}
_DKIM = {Result.SOFTFAIL: "fail"}
"""Words of RFC 8601 that a report does not know, and the nearest one."""

Names = tuple[str, str, str]
Row = tuple[
    *tuple[str, str, str, str, str, str],
    *tuple[Names, tuple[tuple[str, str, str, str], ...], tuple[str, str]],
]
"""ip, disposition, whether DKIM and SPF aligned, override and its comment; domains of
author, reverse-path and recipients; signatures; SPF's domain and result."""
Key = tuple[int, str, Row]


@frozen
class Published:
    """A policy and the organizational domain that it belongs to.

    ``discovery`` says how it was found: ``treewalk`` or ``psl``.
    """

    policy: Policy
    organizational: str
    discovery: str = ""


@frozen
class Batch:
    """What was counted: rows by day (since 1970) and policy domain, and policies."""

    rows: dict[Key, int] = field(factory=dict)
    published: dict[tuple[int, str], Published] = field(factory=dict)

    def pieces(self, size: int) -> Iterator[Sequence[tuple[int, str, str, int]]]:
        """Give rows as the database keeps them, ``size`` at a time.

        Those given leave the batch when the next are asked for: they are written.
        """
        while self.rows:
            keys = list(islice(self.rows, size))
            yield [(*key[:2], _text(key[2]), self.rows[key]) for key in keys]
            for key in keys:
                del self.rows[key]

    def policies(self) -> Sequence[tuple[int, str, str]]:
        """Give the policies likewise."""
        return [
            (day, domain, json.dumps(asdict(published)))
            for (day, domain), published in self.published.items()
        ]


def _text(what: Row) -> str:
    return json.dumps(what, separators=(",", ":"))


@define(eq=False)
class Collector:
    """Counts; ``add`` is on the path of every message."""

    _batch: Batch = field(factory=Batch)
    dropped: int = 0

    def __len__(self) -> int:
        return len(self._batch.rows)

    def add(self, what: Judged) -> None:
        """Count a message if the domain's owner wants a report."""
        dmarc = what.proofs.dmarc
        policy = dmarc.policy
        if policy is None or not policy.rua or not what.proofs.ip:
            return
        rows = self._batch.rows
        day = int(what.when // DAY)
        key = (day, policy.domain, row(what, policy))
        known = rows.get(key)
        if known is None and len(rows) >= ROWS:
            self.dropped += 1
            return
        rows[key] = (known or 0) + 1
        self._batch.published[day, policy.domain] = published(dmarc, policy)

    def take(self) -> Batch:
        """Give what was counted, and begin anew."""
        batch, self._batch = self._batch, Batch()
        return batch

    def restore(self, batch: Batch) -> None:
        """Take back what could not be written, within the bound."""
        rows = self._batch.rows
        for key, messages in batch.rows.items():
            if key in rows or len(rows) < ROWS:
                rows[key] = rows.get(key, 0) + messages
            else:
                self.dropped += messages
        for at, one in batch.published.items():
            self._batch.published.setdefault(at, one)


def published(dmarc: DMARC, policy: Policy) -> Published:
    """Give a policy with whose it is; a public suffix is its own (RFC 9989 §4.10.2)."""
    own = dmarc.organizational
    within = policy.domain == own or policy.domain.endswith("." + own)
    whose = own if own and within and policy.psd != "y" else policy.domain
    return Published(policy, whose, dmarc.discovery)


def row(what: Judged, policy: Policy) -> Row:
    """Give what a report tells of a message (RFC 9990 §3.1.1.7)."""
    proofs = what.proofs
    dmarc, spf = proofs.dmarc, proofs.mailfrom
    override = what.override if what.override in OVERRIDES else ""
    comment = clipped(what.comment, COMMENT_CHARACTERS) if override else ""
    envelope = proofs.sender.rpartition("@")[2].lower()
    names = (_name(dmarc.domain), _name(envelope), _name(what.to))
    return (
        proofs.ip,
        _action(what, dmarc, policy),
        "pass" if dmarc.dkim else "fail",
        "pass" if dmarc.spf else "fail",
        override,
        comment,
        names,
        _signatures(proofs),
        (_name(spf.domain), _SPF.get(spf.result, spf.result.value)),
    )


def _action(what: Judged, dmarc: DMARC, policy: Policy) -> str:
    """``pass`` is a pass under a policy that would have acted (RFC 9990 §3.1.1.9)."""
    if dmarc.dkim or dmarc.spf:
        asked = policy.p if dmarc.domain == policy.domain else policy.sp or policy.p
        return "none" if asked == "none" else "pass"
    return what.disposition if what.disposition in _ACTIONS else "none"


def _signatures(proofs: Proofs) -> tuple[tuple[str, str, str, str], ...]:
    """Aligned and good ones first, as RFC 9990 §3.1.3 wants them."""
    if not proofs.signatures:
        return ()
    dmarc = proofs.dmarc

    def rank(one: Signature) -> int:
        if one.result is not Result.PASS:
            return 3
        if one.domain == dmarc.domain:
            return 0
        own = dmarc.organizational
        near = one.domain == own or one.domain.endswith("." + own)
        return 1 if own and near else 2

    ranked = sorted(proofs.signatures, key=rank)
    return tuple([_signature(one) for one in ranked[:SIGNATURES]])


def _signature(one: Signature) -> tuple[str, str, str, str]:
    good = one.result is Result.PASS
    human = "" if good else clipped(one.reason, COMMENT_CHARACTERS)
    word = _DKIM.get(one.result, one.result.value)
    return _name(one.domain), _name(one.selector), word, human


@lru_cache(10_000)
def _name(text: str) -> str:
    return clipped(text, NAME_CHARACTERS)

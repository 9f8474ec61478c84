"""One message's case: what is seen of it, found out, judged, and told."""

from collections.abc import Sequence

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.receiving import IView, IWatch
from mailsuite.interfaces.reporting import Judged
from mailsuite.mailauth import author, bimi, results
from mailsuite.model.ids import QueueId
from mailsuite.model.proofs import DMARC, Proofs, Result
from mailsuite.policy.authentication.examiner import Client, Examiner, Letter
from mailsuite.policy.authentication.explain import compact, summary
from mailsuite.policy.authentication.hashing import Hashing
from mailsuite.policy.authentication.sentence import Book, Sentence, passed
from mailsuite.policy.authentication.settings import NO_LOGO
from mailsuite.policy.authentication.verdict import Judgement, Measure


@implementer(IWatch)
@define(eq=False, repr=False)
class Case:
    """Made when the content begins; ``name`` is ours in Authentication-Results."""

    _examiner: Examiner
    _book: Book
    _name: str
    _client: Client
    _view: IView
    _header: bytes = b""
    _hashing: Hashing | None = None
    proofs: Proofs | None = field(default=None, init=False)
    sentence: Sentence | None = field(default=None, init=False)

    def header(self, header: bytes) -> bytes:
        """Begin with the signatures; give the header without forged results.

        Where we look for logos ourselves, nobody else's stay either.
        """
        self._header = header
        lanes = self._examiner.ground.lanes
        self._hashing = Hashing.of(header, lanes.lane(id(self)))
        forged = results.forged(header, self._name)
        if self._examiner.settings.bimi != NO_LOGO:
            forged = sorted([*forged, *bimi.foreign(header)])
        return without(header, forged)

    def body(self, block: bytes) -> None:
        """Hash it."""
        if self._hashing is not None:
            self._hashing.feed(block)

    async def judged(self) -> Sentence:
        """Find everything out and give the sentence."""
        if self._hashing is None:
            self.header(self._view.header)
        assert self._hashing is not None
        await self._hashing.ended()
        authors = author.read(self._header)
        letter = Letter(self._header, authors, self._hashing.bodies)
        examiner = self._examiner
        proofs = self.proofs = await examiner.proofs(self._client, letter)
        facts = examiner.facts(proofs, letter)
        recipients = self._view.recipients
        self.sentence = passed(proofs, facts, recipients, self._book)
        if self.sentence.refused:
            self.accepted(QueueId(""))
        return self.sentence

    def marks(self) -> dict[str, str]:
        """Give what travels with the envelope."""
        assert self.proofs is not None
        assert self.sentence is not None
        judgement = self.sentence.judgement
        return {
            **summary(self.proofs),
            "disposition": judgement.measure.word,
            "auth.steps": compact(self.proofs, judgement),
        }

    def fields(self) -> bytes:
        """Give the fields that we put before the message."""
        assert self.proofs is not None
        made = results.render(self.proofs, self._name)
        if self.proofs.bimi is not None:
            made += bimi.fields(self.proofs.bimi)
        if not self.proofs.ip:
            return made
        found = self.proofs.mailfrom if self.proofs.sender else self.proofs.helo
        return made + results.received_spf(found, self.proofs, self._name)

    def accepted(self, ident: QueueId) -> None:
        """Tell operators and the writer of reports; no id: it was refused."""
        proofs, sentence = self.proofs, self.sentence
        if proofs is None or sentence is None:
            return
        judgement, ground = sentence.judgement, self._examiner.ground
        ground.events.happened(
            "policy.judged",
            sid=self._view.peer.session,
            qid=ident,
            **summary(proofs),
            author=",".join(proofs.authors),
            measure="defer" if judgement.later else judgement.measure.word,
            wanted=judgement.wanted.word,
            override=judgement.override,
            reason=judgement.reason or judgement.comment,
        )
        if ground.reports is not None and not judgement.later:
            self._report(proofs, sentence)

    def _report(self, proofs: Proofs, sentence: Sentence) -> None:
        """Tell what became of mail whose author's domain has a DMARC policy."""
        reports = self._examiner.ground.reports
        if reports is None or proofs.dmarc.policy is None:
            return
        disposition = _DONE.get(sentence.judgement.measure, "none")
        why, comment = overridden(proofs.dmarc, sentence.judgement, disposition)
        recipients = self._view.recipients
        to = recipients[0].domain if recipients else ""
        wall = self._examiner.ground.wall
        reports.judged(
            Judged(proofs, to, wall(), disposition, why, comment, self._header)
        )


_DONE = {Measure.QUARANTINE: "quarantine", Measure.REJECT: "reject"}


def overridden(dmarc: DMARC, judgement: Judgement, disposition: str) -> tuple[str, str]:
    """Say why the owner's policy was not followed, as RFC 9990 names it."""
    if judgement.override:
        return judgement.override, judgement.comment
    failed = dmarc.result is Result.FAIL
    if disposition != (dmarc.disposition if failed else "none"):
        return "local_policy", judgement.reason
    policy = dmarc.policy
    if failed and policy is not None and policy.testing and policy.p != "none":
        return "policy_test_mode", "t=y"
    return "", ""


def without(header: bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    """Give a header without some spans, which stand in their order."""
    if not spans:
        return header
    kept, at = [], 0
    for start, end in spans:
        kept.append(header[at:start])
        at = end
    return b"".join([*kept, header[at:]])

"""The verdict alone: what holds for every finding and every setting."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.address import Address
from mailsuite.model.proofs import (
    DMARC,
    SPF,
    Chain,
    Policy,
    Proofs,
    Result,
    Reverse,
    Signature,
)
from mailsuite.policy.authentication.explain import (
    TRACE_CHARACTERS,
    compact,
    explained,
)
from mailsuite.policy.authentication.sentence import Book, passed
from mailsuite.policy.authentication.verdict import (
    Excuse,
    Facts,
    Measure,
    Rules,
    judge,
)

RESULTS = st.sampled_from(list(Result))
MEASURES = st.sampled_from(list(Measure))
RULES = st.builds(
    Rules, MEASURES, MEASURES, MEASURES, MEASURES, st.booleans(), st.booleans()
)
FACTS = st.builds(
    Facts,
    st.integers(0, 3),
    st.sampled_from(["", "2 From fields"]),
    st.sampled_from([None, Excuse("local_policy", "known")]),
)
DOMAINS = st.sampled_from(["a.test", "sub.a.test", "b.test", ""])
TEXTS = st.lists(st.text(max_size=300), max_size=20).map(tuple)
PROOFS = st.builds(
    Proofs,
    st.just("192.0.2.1"),
    st.just("mail.a.test"),
    st.sampled_from(["", "x@a.test"]),
    st.builds(Reverse, RESULTS, DOMAINS, TEXTS),
    st.builds(SPF, RESULTS, st.just("helo"), DOMAINS, steps=TEXTS),
    st.builds(SPF, RESULTS, st.just("mailfrom"), DOMAINS, steps=TEXTS),
    st.lists(
        st.builds(Signature, RESULTS, DOMAINS, st.just("s"), steps=TEXTS), max_size=3
    ).map(tuple),
    st.builds(Chain, RESULTS, steps=TEXTS),
    st.builds(
        DMARC,
        RESULTS,
        DOMAINS,
        st.just("a.test"),
        st.sampled_from([None, Policy("a.test", "v=DMARC1; p=reject", "reject")]),
        st.sampled_from(["none", "quarantine", "reject"]),
        steps=TEXTS,
    ),
    st.sampled_from([(), ("a.test",), ("a.test", "b.test")]),
)


class VerdictTests(SynchronousTestCase):
    @given(PROOFS, FACTS, RULES)
    def test_reply(self, proofs, facts, rules):
        """Who is refused gets a reply, and nobody else; 451 only where wanted."""
        made = judge(proofs, facts, rules)
        refused = made.measure is Measure.REJECT
        self.assertEqual(made.reply is not None, refused or made.later)
        if made.reply is not None:
            self.assertEqual(made.reply.code < 500, made.later)
        self.assertTrue(rules.defer or not made.later)
        self.assertTrue(made.steps)

    @given(PROOFS, FACTS, RULES)
    def test_bound(self, proofs, facts, rules):
        """No measure is harder than the hardest of the settings."""
        most = max(rules.dmarc, rules.spf_fail, rules.several_from, rules.missing_from)
        self.assertLessEqual(judge(proofs, facts, rules).wanted, most)

    @given(PROOFS, FACTS, RULES)
    def test_dry(self, proofs, facts, rules):
        """A dry run does nothing, and wants what would have been done."""
        if rules.dry:
            made = judge(proofs, facts, rules)
            self.assertLessEqual(made.measure, Measure.TAG)
            self.assertIsNone(made.reply)

    @given(PROOFS, RULES)
    def test_right(self, proofs, rules):
        """Mail that passes DMARC, with one clear author, is left alone."""
        if proofs.dmarc.result is Result.PASS and proofs.authors:
            self.assertEqual(judge(proofs, Facts(), rules).measure, Measure.IGNORE)

    @given(PROOFS, RULES)
    def test_excuse_lifts(self, proofs, rules):
        """An excuse never makes it worse."""
        excuse = Excuse("mailing_list", "a list")
        without = judge(proofs, Facts(), rules)
        held = judge(proofs, Facts(excuse=excuse), rules)
        self.assertLessEqual(held.measure, without.measure)

    @given(PROOFS, FACTS, RULES, RULES)
    def test_sentence(self, proofs, facts, rules, other):
        """Mail is refused if all want that; else it is nobody's loss."""
        one, two = Address("u", "one.test"), Address("u", "two.test")
        book = Book(rules, {"two.test": other})
        made = passed(proofs, facts, (one, two), book)
        each = [judge(proofs, facts, rules), judge(proofs, facts, other)]
        if any(one.later for one in each):
            self.assertTrue(made.judgement.later)
        elif made.refused:
            self.assertTrue(all(one.measure is Measure.REJECT for one in each))
        else:
            wanted = [one.measure >= Measure.QUARANTINE for one in each]
            self.assertEqual([who in made.junk for who in (one, two)], wanted)

    @given(PROOFS, FACTS, RULES)
    def test_explained(self, proofs, facts, rules):
        """Peers' text makes no lines of its own, and the trace has its bound."""
        made = judge(proofs, facts, rules)
        for line in explained(proofs, made):
            self.assertTrue(line.isprintable(), line)
        text = compact(proofs, made)
        self.assertLessEqual(len(text), TRACE_CHARACTERS + 1)
        self.assertTrue(text.replace("\n", "").isprintable())
        self.assertIn("verdict: ", text)

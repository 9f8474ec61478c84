"""Which ways in have the stage that judges who sent a message."""

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailsuite.dns.memory import Table
from mailsuite.events.memory import Events
from mailsuite.house.judging import Judging
from mailsuite.house.tree import Tree
from mailsuite.interfaces.receiving import IContentStage, IWatch
from mailsuite.model.errors import UsageError
from mailsuite.model.principals import Peer
from mailsuite.policy.authentication.ground import Ground
from mailsuite.policy.authentication.settings import Authentication
from mailsuite.policy.authentication.verdict import Measure
from mailsuite.policy.reception import Purpose
from mailsuite.policy.settings import Settings as Policy
from mailsuite.policy.stages.authentication import Authentication as Stage
from mailsuite.policy.view import View


class JudgingTests(SynchronousTestCase):
    def setUp(self):
        ground = Ground(Clock(), lambda: 0.0, Table(), Events(), "mx.example.test")
        self.judging = Judging(ground, {"strict.test": {"dmarc": "reject"}})

    def having(self, policy=None, **settings):
        tree = Tree(
            authentication=Authentication(**settings), policy=policy or Policy()
        )
        stages = {one: self.judging.stages(one, tree) for one in Purpose}
        judged = {
            one
            for one, made in stages.items()
            if any(isinstance(stage, Stage) for stage in made)
        }
        return judged, stages

    def test_default(self):
        """Mail on port 25 is judged; what users submit and LMTP brings is not."""
        self.assertEqual(self.having()[0], {Purpose.RECEPTION})

    def test_off(self):
        """Switched off there is no stage at all, and the road is as it was."""
        _, stages = self.having(enabled=False, lmtp=True)
        self.assertEqual(set(stages.values()), {()})

    def test_submission(self):
        """Users' mail is not judged; results in our name go all the same."""
        (stage,) = self.having()[1][Purpose.SUBMISSION]
        verifyObject(IContentStage, stage)
        watch = stage.watch(View(Peer("192.0.2.9", 1, "S"), "submission"))
        verifyObject(IWatch, watch)
        kept = b"Subject: x\r\nAuthentication-Results: other.test; spf=pass\r\n"
        lie = b"Authentication-Results: mx.example.test; dmarc=pass\r\n"
        self.assertEqual(watch.header(lie + kept), kept)

    def test_lmtp(self):
        """LMTP too, where wanted."""
        wanted = {Purpose.RECEPTION, Purpose.LMTP}
        self.assertEqual(self.having(lmtp=True)[0], wanted)

    def test_relay_networks(self):
        """Who may relay without a password is not judged."""
        policy = Policy(relay_networks=("192.0.2.0/24",))
        _, stages = self.having(policy, exempt=("198.51.100.0/24",))
        (stage,) = stages[Purpose.RECEPTION]
        for host, judged in (
            ("192.0.2.9", False),
            ("198.51.100.9", False),
            ("203.0.113.9", True),
        ):
            view = View(Peer(host, 1, "S"), "smtp")
            self.assertEqual(stage.watch(view) is not None, judged, host)

    def test_own(self):
        """A domain's settings stand above the suite's, key by key."""
        _, stages = self.having(spf_fail="reject", dmarc="tag")
        (stage,) = stages[Purpose.RECEPTION]
        rules = stage._domains["strict.test"]
        self.assertEqual(rules.dmarc, Measure.REJECT)
        self.assertEqual(rules.spf_fail, Measure.REJECT)

    def test_wrong(self):
        """Settings that cannot be used are told before anything changes."""
        with self.assertRaisesRegex(UsageError, "exempt"):
            Authentication(exempt=("nowhere",))
        with self.assertRaisesRegex(UsageError, "one of treewalk, psl"):
            evolve(Authentication(), organizational="other")

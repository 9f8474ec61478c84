"""How deliveries are gathered for the lane, and what goes behind what it has."""

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.net.tasks import Tasks
from mailsuite.store.append import Shared
from mailsuite.store.intake import FEW, GATHER_SECONDS, Intake
from mailsuite.store.shelf import Turn


@define(eq=False)
class Held:
    """A lane that ends its work, the oldest first, when a test says so."""

    handed: list = field(factory=list)
    _going: list = field(factory=list)

    def run(self, _call, groups, _shared):
        work = Deferred()
        parcels = [parcel for _, some in groups for parcel in some]
        self.handed.append(parcels)
        self._going.append((work, [list(some) for _, some in groups]))
        return work

    def end(self):
        work, results = self._going.pop(0)
        work.callback(results)


@define(eq=False)
class Account:
    """What the intake needs of a shelf."""

    index: str
    turn: Turn = field(factory=Turn)
    busy: int = 0

    def changed(self):
        pass


class IntakeTests(SynchronousTestCase):
    def setUp(self):
        self.clock, self.lane = Clock(), Held()
        self.intake = Intake(self.clock, self.lane, Tasks(), Shared())
        self.accounts = {}

    def put(self, *names, awaited=True):
        """Deliveries of one turn, each named after its account and a number."""
        told = []
        for name in names:
            account = self.accounts.setdefault(name[0], Account(name[0]))
            told.append(self.intake.put(account, name, awaited=awaited))
        self.clock.advance(0)
        return told

    def test_behind_few(self):
        """What somebody waits for goes to the lane behind a few others at once."""
        self.put("a1")
        self.put("b1")
        self.assertEqual(self.lane.handed, [["a1"], ["b1"]])

    def test_gathered_behind_many(self):
        """Behind more it is gathered until few are left."""
        many = [f"{account}1" for account in "abcdefghij"[:FEW]]
        (first, *_) = self.put(*many)
        self.put("x1")
        (second,) = self.put("y1")
        self.assertEqual(self.lane.handed, [many])
        self.lane.end()
        self.assertEqual(self.successResultOf(first), "a1")
        self.clock.advance(0)
        self.assertEqual(self.lane.handed, [many, ["x1", "y1"]])
        self.lane.end()
        self.assertEqual(self.successResultOf(second), "y1")

    def test_one_account(self):
        """An account's deliveries stand behind each other; another's passes them."""
        self.put("a1")
        self.put("a2")
        self.put("b1")
        self.assertEqual(self.lane.handed, [["a1"], ["b1"]])
        self.lane.end()
        self.clock.advance(0)
        self.assertEqual(self.lane.handed, [["a1"], ["b1"], ["a2"]])
        self.lane.end()
        self.lane.end()
        self.assertEqual([one.busy for one in self.accounts.values()], [0, 0])

    def test_nobody_waits(self):
        """For what nobody waits the lane comes back first, and time passes."""
        self.put("a1")
        self.put("b1", awaited=False)
        self.clock.advance(GATHER_SECONDS / 2)
        self.assertEqual(self.lane.handed, [["a1"]])
        self.lane.end()
        self.clock.advance(0)
        self.assertEqual(self.lane.handed, [["a1"]])
        self.clock.advance(GATHER_SECONDS / 2)
        self.assertEqual(self.lane.handed, [["a1"], ["b1"]])

    def test_taken_along(self):
        """It goes with what somebody waits for."""
        self.put("a1")
        self.put("b1", awaited=False)
        self.put("c1")
        self.assertEqual(self.lane.handed, [["a1"], ["b1", "c1"]])

"""A load's way: by a kept connection, or from host to host until all is settled."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import define, field, frozen

from mailsuite.model.address import Address
from mailsuite.model.envelope import Recipient
from mailsuite.model.outcomes import Deferred, Delivered
from mailsuite.relay import classify
from mailsuite.relay.candidates import Candidates, Target, Unroutable
from mailsuite.relay.classify import Fate
from mailsuite.relay.dialing import Dialer, Unreachable
from mailsuite.relay.dialogue import Dialogue
from mailsuite.relay.errand import Carried, Errand, Message
from mailsuite.relay.routes import Route
from mailsuite.relay.sessions import Destination, Sessions
from mailsuite.relay.settings import Relay

TRIES = 20  # addresses tried in one attempt
ASKED = 2  # servers that may put somebody off in one attempt (RFC 5321 §5.1)


@frozen
class Means:
    """What every journey uses."""

    candidates: Candidates
    dialer: Dialer
    sessions: Sessions
    settings: Relay


@frozen
class Load:
    """Recipients that go in one transaction: one domain, one sender."""

    domain: str
    sender: Address | None
    recipients: tuple[Recipient, ...]


@define(eq=False)
class Journey:
    """One load's way over kept connections and hosts until all is settled.

    Who is put off by one server may be taken by the next. Who has the message by then
    is settled before: he does not get it twice where the others' way is cut off.
    """

    _means: Means
    _destination: Destination
    _route: Route
    _message: Message
    _load: Load
    _settle: Callable[[Mapping[int, Fate]], Awaitable[object]]
    _outcomes: dict[int, Fate] = field(factory=dict, init=False)
    _put_off: dict[int, Fate] = field(factory=dict, init=False)
    _asked: set[Target] = field(factory=set, init=False)
    """Servers that put somebody off."""
    _problems: list[Fate] = field(factory=list, init=False)
    _tries: int = field(default=0, init=False)
    _settled: set[int] = field(factory=set, init=False)

    async def travel(self, hosts: Sequence[str]) -> dict[int, Fate]:
        """Give an outcome for every recipient who is not settled yet."""
        kept = self._means.sessions.idle(self._destination)
        if kept is None or not await self._by(kept):
            for host in hosts:
                if self._tries >= TRIES or await self._to(host):
                    break
        rest = dict.fromkeys((r.n for r in self._load.recipients), self._worst())
        fates = rest | self._put_off | self._outcomes
        return {n: fate for n, fate in fates.items() if n not in self._settled}

    async def _to(self, host: str) -> bool:
        """Try a host's addresses; True: no other host is to be tried."""
        candidates, dialer = self._means.candidates, self._means.dialer
        try:
            targets = await candidates.targets(host, self._route)
        except Unroutable as error:
            self._problems.append(error.outcome)
            return False
        fresh = [target for target in targets if target not in self._asked]
        for target in fresh[: TRIES - self._tries]:
            self._tries += 1
            try:
                dialogue = await dialer.dial(target, self._route)
            except Unreachable as error:
                self._problems.append(error.outcome)
                continue
            if await self._by(dialogue):
                return True
        return False

    async def _by(self, dialogue: Dialogue) -> bool:
        """Go by one connection; True: no other is to be tried."""
        means, carried = self._means, await self._carried(dialogue)
        while carried.too_many and dialogue.usable:  # RFC 5321 §4.5.3.1.10
            carried = await self._carried(dialogue)
        answered = self._outcomes.keys() | carried.put_off.keys()
        if any(r.n not in answered for r in self._load.recipients):
            self._problems.append(carried.problem)
            dialogue.hang_up()
            return False
        if any(isinstance(fate, Delivered) for fate in carried.outcomes.values()):
            means.sessions.keep(self._destination, dialogue)
        else:  # servers count refusals, and slow a connection down for them
            dialogue.leave()
        if carried.put_off:
            self._asked.add(dialogue.target)
        return not carried.put_off or len(self._asked) >= ASKED

    async def _carried(self, dialogue: Dialogue) -> Carried:
        """Carry the message to who is left."""
        load, whole = self._load, False
        left = [r for r in load.recipients if r.n not in self._outcomes]
        errand = Errand(dialogue, self._message, load.sender, self._means.settings)
        dialogue.served += 1
        try:
            carried = await errand.run(left)
            self._outcomes |= carried.outcomes
            self._put_off |= carried.put_off
            await self._settle_delivered(carried.outcomes)
            whole = True
        finally:
            if not whole:  # fenced, cancelled: nothing may follow
                dialogue.abort()
        return carried

    async def _settle_delivered(self, outcomes: Mapping[int, Fate]) -> None:
        """Settle who has the message, if there are others who have a way to go."""
        if all(r.n in self._outcomes for r in self._load.recipients):
            return
        fates = {n: o for n, o in outcomes.items() if isinstance(o, Delivered)}
        if fates:
            await self._settle(fates)
            self._settled |= fates.keys()

    def _worst(self) -> Fate:
        """What those get whom no host took: a hope, if any host left one."""
        silent = Deferred(classify.NO_CONNECTION, "no host could be tried")
        hopes = [problem for problem in self._problems if isinstance(problem, Deferred)]
        return (hopes or self._problems or [silent])[-1]

"""Open questions: asked once for all who want to know, of one server after another."""

from collections.abc import Sequence
from functools import partial

from attrs import define, field
from twisted.internet.defer import Deferred

from mailsuite.dns.cache import Cache, Question
from mailsuite.dns.findings import FAILED, LIMITED, SILENT, Fate, Finding
from mailsuite.dns.ground import Ground
from mailsuite.dns.kinds import Kind
from mailsuite.dns.messages import CHAIN
from mailsuite.dns.names import canonical
from mailsuite.dns.servers import Server
from mailsuite.dns.upstream import Upstream
from mailsuite.net.tasks import Tasks


@define(eq=False)
class Asking:
    """Asks ``servers`` and puts what they say into ``cache``."""

    _ground: Ground
    _servers: Sequence[Server]
    _cache: Cache
    _tasks: Tasks
    waiting: int = field(default=0, init=False)
    """Callers who have no answer yet."""
    _upstreams: list[Upstream] = field(init=False)
    _asked: dict[Question, list[Deferred[Finding]]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._upstreams = [Upstream(server, self._ground) for server in self._servers]

    def begin(self, question: Question) -> Deferred[Finding]:
        """Ask, or wait with those who asked; the result is never a failure."""
        result: Deferred[Finding] = Deferred()
        if self.waiting >= self._ground.settings.questions:
            self._ground.counters.limited += 1
            result.callback(LIMITED)
            return result
        self.waiting += 1
        others = self._asked.get(question)
        if others is not None:
            self._ground.counters.joined += 1
            others.append(result)
            return result
        self._asked[question] = [result]
        self._tasks.launch("DNS question", self._answer(question))
        return result

    async def _answer(self, question: Question) -> None:
        finding = SILENT
        try:
            finding = await self._chase(question)
            self._cache.put(question, finding)
        finally:
            if not finding.settled:
                self._ground.counters.failures += 1
            self._tell(self._asked.pop(question), finding)

    def _tell(self, waiting: list[Deferred[Finding]], finding: Finding) -> None:
        """Give it to those who wait: each goes on at once, so not to all in a turn."""
        for result in waiting[1:]:
            self._ground.soon.add(partial(self._one, result, finding))
        self._one(waiting[0], finding)

    def _one(self, result: Deferred[Finding], finding: Finding) -> None:
        self.waiting -= 1
        if not result.called:
            result.callback(finding)

    async def _chase(self, question: Question) -> Finding:
        """Ask for the name, and for where a CNAME leads outside of its answer."""
        settings, (name, kind) = self._ground.settings, question
        until = self._ground.reactor.seconds() + settings.total_seconds
        ttl, secure = float("inf"), True
        for _ in range(CHAIN):
            finding = await self._everywhere(name, kind, until)
            ttl, secure = min(ttl, finding.ttl), secure and finding.secure
            if not finding.onward:
                return Finding(finding.fate, finding.values, ttl, secure=secure)
            onward = canonical(finding.onward)
            if onward is None:
                return FAILED
            name = onward
        return FAILED

    async def _everywhere(self, name: str, kind: Kind, until: float) -> Finding:
        """Ask the servers in turn; one that failed is not asked again, others are."""
        left = sorted(self._upstreams, key=lambda one: not one.lively())
        now = self._ground.reactor.seconds
        finding = SILENT
        for _ in range(max(1, self._ground.settings.rounds)):
            for upstream in tuple(left):
                if now() >= until:
                    return finding
                finding = await upstream.ask(name, kind, until)
                if finding.settled:
                    if finding.secure and not upstream.trusted:
                        return Finding(
                            finding.fate, finding.values, finding.ttl, finding.onward
                        )
                    return finding
                if finding.fate is Fate.FAILED:
                    left.remove(upstream)
            if not left:
                return FAILED
        return finding

"""The site: routes on klein, answers as JSON, and bounded requests."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from attrs import define, field, frozen
from klein import Klein
from twisted.logger import Logger
from twisted.web.http import Request as Received
from twisted.web.iweb import IRequest
from twisted.web.server import Request, Site
from typing_extensions import override

from mailsuite.http.asked import BODY_OCTETS, Asked, parsed
from mailsuite.http.problems import MEDIA_TYPE, Problem
from mailsuite.http.routes import PREFIX, Route, judged
from mailsuite.interfaces.events import IEvents

IDLE_SECONDS = 60.0
JSON = "application/json"
METRICS = "text/plain; version=0.0.4; charset=utf-8"


@frozen
class Watched:
    """What monitoring asks: metrics as text, and whether ports answer."""

    metrics: Callable[[], Awaitable[bytes]]
    ready: Callable[[], bool]


class Bounded(Request):
    """Refuses bodies above the limit before they are held (RFC 9110 §15.5.14)."""

    _taken = 0

    @override
    def gotLength(self, length: int | None) -> None:
        if length is not None and length > BODY_OCTETS:
            self._refuse()
            length = 0
        Request.gotLength(self, length)

    @override
    def handleContentChunk(self, data: bytes) -> None:
        before, self._taken = self._taken, self._taken + len(data)
        if before > BODY_OCTETS:
            return
        if self._taken > BODY_OCTETS:
            self._refuse()
        else:
            Request.handleContentChunk(self, data)

    def _refuse(self) -> None:
        channel: Any = self.channel
        channel.transport.write(
            b"HTTP/1.1 413 Content Too Large\r\n"
            b"Connection: close\r\nContent-Length: 0\r\n\r\n"
        )
        channel.forceAbortClient()
        if self.content is not None:
            self.content.close()  # Twisted keeps a file for a body of unknown length


class Quiet(Site):
    """Without an access log: each answer is an event."""

    noisy = False

    @override
    def log(self, request: object) -> None:
        pass


@define(eq=False, repr=False)
class API:
    """Serves routes; knows nothing of what they do."""

    _routes: Sequence[Route]
    _watched: Watched
    _events: IEvents
    _log: Logger = field(factory=lambda: Logger(namespace="mailsuite.http"))

    def site(self, reactor: Any) -> Site:
        """The factory for listening."""
        app = Klein()
        for route in self._routes:
            self._register(app, route)
        for path, look in (
            ("/metrics", self._metrics),
            ("/healthz/live", self._live),
            ("/healthz/ready", self._ready),
        ):
            app.route(path, methods=["GET"], endpoint=path)(look)
        app.route("/", branch=True, endpoint="other")(self._other)
        make: Any = Quiet
        site: Site = make(
            app.resource(), Bounded, timeout=IDLE_SECONDS, reactor=reactor
        )
        site.displayTracebacks = False
        return site

    def _register(self, app: Klein, route: Route) -> None:
        async def serve(request: IRequest, **named: str) -> bytes:
            return await self._answer(
                request, lambda: judged(route.call(_asked(request), **named))
            )

        name = f"{route.method} {route.path}"
        app.route(PREFIX + route.path, methods=[route.method], endpoint=name)(serve)

    async def _answer(
        self, request: Any, work: Callable[[], Awaitable[dict[str, object]]]
    ) -> bytes:
        """Do the work and write its answer or its problem."""
        try:
            document, status, media = await work(), 200, JSON
        except Problem as problem:
            document, status, media = problem.document(), problem.status, MEDIA_TYPE
        except Exception:
            self._log.failure("{path} failed", path=request.path)
            unforeseen = Problem(500, "the log says more")
            document, status, media = unforeseen.document(), 500, MEDIA_TYPE
        request.setResponseCode(status)
        request.setHeader(b"content-type", media.encode())
        request.setHeader(b"cache-control", b"no-store")
        self._events.happened(
            "http.answered",
            method=request.method.decode("ascii", "replace"),
            path=request.path.decode("ascii", "replace"),
            status=status,
        )
        return json.dumps(document).encode()

    async def _other(self, request: IRequest, **_: str) -> bytes:
        async def missing() -> dict[str, object]:
            raise Problem(404, "there is no such thing")

        return await self._answer(request, missing)

    async def _metrics(self, request: Received) -> bytes:
        text = await self._watched.metrics()
        request.setHeader(b"content-type", METRICS.encode())
        return text

    def _live(self, request: Received) -> bytes:
        request.setHeader(b"content-type", JSON.encode())
        return b'{"live": true}'

    def _ready(self, request: Received) -> bytes:
        ready = self._watched.ready()
        request.setResponseCode(200 if ready else 503)
        request.setHeader(b"content-type", JSON.encode())
        return json.dumps({"ready": ready}).encode()


def _asked(request: Any) -> Asked:
    """:raises Problem: the body is not what it should be."""
    query = {
        name.decode("utf-8", "replace"): values[-1].decode("utf-8", "replace")
        for name, values in request.args.items()
    }
    body: bytes = request.content.read(BODY_OCTETS + 1)
    return Asked(query, parsed(body))

"""Routes as values: the socket serves them, and commands may call them directly."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from mailsuite.http.asked import Asked
from mailsuite.http.problems import Problem
from mailsuite.model.errors import NoSpace, Taken, UsageError

Answer = dict[str, object]
Call = Callable[..., Awaitable[Answer]]

PREFIX = "/api/v1"


@frozen
class Route:
    """``path`` below :data:`PREFIX`; a part ``<name>`` is given to ``call``."""

    method: str
    path: str
    call: Call

    def match(self, method: str, parts: Sequence[str]) -> dict[str, str] | None:
        """Give the named parts if the route is meant."""
        own = self.path.strip("/").split("/")
        if method != self.method or len(own) != len(parts):
            return None
        named: dict[str, str] = {}
        for mine, theirs in zip(own, parts, strict=True):
            if mine.startswith("<"):
                named[mine[1:-1]] = theirs
            elif mine != theirs:
                return None
        return named


async def judged(work: Awaitable[Answer]) -> Answer:
    """Await a route's answer; what operators did wrong becomes a problem."""
    try:
        return await work
    except UsageError as error:
        raise Problem(409, str(error)) from error
    except Taken as error:
        raise Problem(503, str(error)) from error
    except NoSpace as error:
        raise Problem(507, "the disk is full") from error


async def direct(
    routes: Sequence[Route], method: str, parts: Sequence[str], asked: Asked
) -> Answer:
    """Call the route that is meant, without a socket."""
    for route in routes:
        named = route.match(method, parts)
        if named is not None:
            return await judged(route.call(asked, **named))
    raise Problem(404, "there is no such thing")

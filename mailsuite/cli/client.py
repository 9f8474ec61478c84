"""Talking to a running suite over its control socket, or to its files."""

import json
import os
import socket
from collections.abc import Mapping
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote, urlencode

from attrs import define
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from typing_extensions import override

from mailsuite.house.config import Loaded, load
from mailsuite.house.paths import Places, absolute, places
from mailsuite.http.asked import Asked
from mailsuite.http.problems import Problem
from mailsuite.http.routes import PREFIX, direct
from mailsuite.model.errors import UsageError

TIMEOUT_SECONDS = 60.0

NOT_RUNNING = "the suite is not running: start it, then try again"


class Unix(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(self._path)


@define(eq=False, slots=False, repr=False)
class Client:
    """One command's access to the suite whose configuration is ``path``."""

    path: str

    @cached_property
    def loaded(self) -> Loaded:
        """The configuration. :raises UsageError: it is wrong."""
        return load(self.path)

    @cached_property
    def places(self) -> Places:
        """Where things lie."""
        return places(self.loaded)

    @property
    def tree(self) -> Any:
        """Settings with absolute paths."""
        return absolute(self.loaded.tree, self.places.etc)

    def ask(
        self,
        method: str,
        *parts: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Ask the running suite. :raises UsageError: what it said, or no suite."""
        path = PREFIX + "".join("/" + quote(part, safe="@") for part in parts)
        if query:
            path += "?" + urlencode(query)
        return self._send(method, path, body)

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        connection = Unix(self.places.control)
        try:
            connection.request(
                method,
                path,
                json.dumps(body) if body is not None else None,
                {"Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            document = json.loads(answer.read() or b"{}")
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NotRunning(NOT_RUNNING) from error
        except OSError as error:
            why = error.strerror or error
            raise UsageError(f"{self.places.control}: {why}") from error
        except (HTTPException, ValueError) as error:
            raise UsageError(f"{self.places.control}: {error}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise UsageError(str(document.get("detail", answer.reason)))
        return dict(document)

    def ask_or_do(
        self,
        method: str,
        *parts: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Ask the running suite, or do it to the files of a stopped one."""
        try:
            return self.ask(method, *parts, query=query, body=body)
        except NotRunning:
            return self._do(method, parts, Asked(query or {}, body or {}))

    def _do(self, method: str, parts: tuple[str, ...], asked: Asked) -> dict[str, Any]:
        if not os.path.isdir(self.places.data):
            raise UsageError(
                f"{self.places.data} does not exist: run mailsuite init ADDRESS first"
            )
        # Only here: loading it takes as long as all that a running suite is asked with.
        from mailsuite.cli import offline  # noqa: PLC0415 - see above

        work = offline.routes(self.loaded.tree, self.places)
        return dict(finished(self._direct(work, method, parts, asked)))

    async def _direct(
        self, work: Any, method: str, parts: tuple[str, ...], asked: Asked
    ) -> dict[str, object]:
        stopped = await work
        try:
            return await direct(stopped.routes, method, parts, asked)
        except Problem as problem:
            raise UsageError(problem.detail) from problem
        finally:
            await stopped.close()


class NotRunning(UsageError):  # noqa: N818 - a state of the suite
    """Nobody listens on the control socket."""


def finished(work: Any) -> Any:
    """Run a coroutine that never waits to its end."""
    results: list[Any] = []
    _ = Deferred.fromCoroutine(work).addBoth(results.append)
    (result,) = results
    if isinstance(result, Failure):
        result.raiseException()
    return result

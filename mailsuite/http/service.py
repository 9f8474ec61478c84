"""The service of the control socket."""

import os
from typing import Any

from attrs import define
from twisted.application.service import Service
from twisted.web.server import Site
from typing_extensions import override

from mailsuite.net.endpoints import Bound, Listening

MODE = 0o600
"""Whoever may open the socket may do everything: only the suite's own user."""


@define(eq=False, slots=False, repr=False)
class ControlService(Service):
    """Serves the API on a bound Unix socket."""

    _reactor: Any
    _bound: Bound
    _site: Site
    _listening: Listening | None = None

    @override
    def startService(self) -> None:
        Service.startService(self)
        os.chmod(self._bound.place.path, MODE)
        self._listening = self._bound.listen(self._reactor, self._site)

    @override
    def stopService(self) -> None:
        Service.stopService(self)
        if self._listening is not None:
            self._listening.stop()

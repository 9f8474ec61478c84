"""Diagnostics of ``twisted.logger`` as lines of the same log."""

from attrs import define, field
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.events.lines import Value
from mailsuite.events.record import Events

TRACEBACK_CHARACTERS = 1_900
"""The end of a traceback, where the reason stands."""

LEVELS = {level.name: n for n, level in enumerate(LogLevel.iterconstants())}


@implementer(ILogObserver)
@define(eq=False, repr=False)
class Diagnostics:
    """Writes what is at least of the level ``least``."""

    _events: Events
    _least: str = "info"
    _busy: bool = field(default=False, init=False)

    def __call__(self, event: LogEvent) -> None:
        """Write one diagnostic; what the log itself reports meanwhile is left out."""
        level = event.get("log_level") or LogLevel.info
        if LEVELS[level.name] < LEVELS[self._least] or self._busy:
            return
        self._busy = True
        try:
            self._events.happened(f"log.{level.name}", **self._fields(event))
        finally:
            self._busy = False

    def least(self, level: str) -> None:
        """Write from now on what is at least of this level."""
        self._least = level

    @staticmethod
    def _fields(event: LogEvent) -> dict[str, Value]:
        fields: dict[str, Value] = {
            "from": str(event.get("log_namespace", "")),
            "text": formatEvent(event),
        }
        failure = event.get("log_failure")
        if isinstance(failure, Failure):
            fields["error"] = failure.getErrorMessage()
            fields["trace"] = failure.getTraceback()[-TRACEBACK_CHARACTERS:]
        return fields

"""What ``twistd mailsuite`` runs: options, guards, and the house as a service."""

import os
from contextlib import suppress

from twisted.application.service import IService
from twisted.python import usage
from typing_extensions import override

from mailsuite.house import config, guards
from mailsuite.model.errors import UsageError

DEFAULT_CONFIG = "etc/mailsuite.toml"


class Options(usage.Options):
    """Options of ``twistd mailsuite``."""

    synopsis = "[options]"
    longdesc = "A mail suite: SMTP, IMAP, POP3, queue, store and search in one process."
    optParameters = (  # noqa: N815 - Twisted's name
        ["config", "c", DEFAULT_CONFIG, "The configuration file."],
    )

    @override
    def postOptions(self) -> None:
        """Say what is wrong before twistd forks; nothing is changed here."""
        try:
            self.loaded = config.load(os.path.abspath(str(self["config"])))
            guards.start(self.loaded)
        except UsageError as error:
            raise SystemExit(f"Error: {error}") from error  # and no page of options


def makeService(options: Options) -> IService:
    """Give what opens everything once it is started; the options were checked.

    twistd forks after this: databases, threads and children open in
    ``startService``.
    """
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - the doorstep

    from mailsuite.house.daemon import Daemon  # noqa: PLC0415 - a start that is refused needs no parts
    from mailsuite.house.house import made  # noqa: PLC0415 - same

    house = made(options.loaded, reactor, Daemon)
    assert isinstance(house, Daemon)
    if options.parent is not None:
        house.twistd = options.parent
    house.on_failure(_tell)
    return house


def _tell(text: str) -> None:
    """Tell whoever typed ``twistd -n``: ``sys.stderr`` leads to the log by now."""
    with suppress(OSError):  # nobody listens
        os.write(2, f"Error: {text}\n".encode())

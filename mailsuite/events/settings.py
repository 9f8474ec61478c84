"""Settings of the log."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class Settings:
    """Where events and diagnostics are written, one line each."""

    target: str = setting(
        "stdout",
        "stdout, stderr or the path of a file; a daemon without a standard output"
        " writes mailsuite.log in its data folder",
        restart=True,
    )
    style: str = setting("logfmt", "logfmt or json")
    level: str = setting(
        "info", "least diagnostic level: debug, info, warn, error or critical"
    )

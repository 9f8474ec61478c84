"""The manual of settings, ``docs/configuration.rst``, made from their classes."""

import inspect
from collections.abc import Iterator

from mailsuite.house.config import variable
from mailsuite.house.sample import explained, rendered
from mailsuite.house.tree import SECTIONS, waits
from mailsuite.model.settings import described

_HEAD = """\
Configuration
=============

.. Made by "mailsuite config manual"; a test compares. Change the settings classes.

``etc/mailsuite.toml`` holds one section for each room, ``etc/domains.d/DOMAIN.toml`` the
domains that people write by hand. ``mailsuite config check`` names every error with its
file, line and the nearest known key; ``show`` tells what is in force and where it came
from, ``explain KEY`` what it means. Paths are relative to the folder of the file.

The environment wins over the file: ``MAILSUITE_<SECTION>_<KEY>``, lists with commas. A
text ``file:/path`` is replaced by that file's content, for secrets.

``mailsuite reload`` or SIGHUP takes over changes; if anything is wrong, nothing changes.
A key marked *restart* waits for one.
"""


def main() -> str:
    """Give the whole page."""
    parts = [_HEAD]
    for name, kind in SECTIONS.items():
        parts.append("\n".join(_section(name, kind)))
    return "\n".join(parts) + "\n"


def _section(name: str, kind: type) -> Iterator[str]:
    title = f"[{name}]"
    yield title
    yield "-" * len(title)
    yield ""
    yield inspect.getdoc(kind) or ""
    yield ""
    for one in described(kind):
        restart = ", *restart*" if waits(name, one) else ""
        yield f"``{one.key} = {rendered(one.default)}``{restart}"
        yield f"    {_literal(explained(one, restart=False))}"
        yield f"    (``{variable(name, one.key)}``)"
        yield ""


def _literal(text: str) -> str:
    """Keep a star or backslash from meaning something to reST."""
    return text.replace("\\", "\\\\").replace("*", "\\*")

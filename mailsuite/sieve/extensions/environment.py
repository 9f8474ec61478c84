"""Where a script runs (RFC 5183), and Dovecot's items and ``${env.name}`` for them.

Whoever runs a script tells the items in its letter; a few have a value anyway.
"""

from mailsuite.sieve import matching
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.extensions import imapsieve
from mailsuite.sieve.program import Condition, Expand, text
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import Extension, Kind, Namespace, TestShape

VENDOR = "vnd.dovecot."
ITEMS = {
    "location": "MDA",
    "phase": "during",
    "name": "mailsuite",
    "remote-host": "",
    "remote-ip": "",
    f"{VENDOR}default-mailbox": "INBOX",
    **dict.fromkeys(imapsieve.OWNERS, ""),
}
"""RFC 5183 §4.1: what cannot be found out about a client is empty.

RFC 6785 §4: at a delivery there is no IMAP user and nothing that one did.
"""


def item(run: Run, name: str) -> str | None:
    """An item by its name in lower case, None: there is none."""
    found = run.letter.environment.get(name)
    return ITEMS.get(name) if found is None else found


def _environment(bound: Bound) -> Condition:
    name = bound.value(0)
    match = matching.compiled(bound, 1)
    counted = bound.chosen("match", "is") == "count"
    asked = bound.requires

    def environment(run: Run) -> bool:
        run.step()
        wanted = text(run, name).lower()
        if not _visible(wanted, asked):
            return False
        found = item(run, wanted)
        if found is None:
            return False
        return match(run, [found] if found or not counted else [])

    return environment


def _visible(name: str, asked: frozenset[str]) -> bool:
    """Whether a script asked for the capability that an item belongs to."""
    owner = imapsieve.OWNERS.get(name)
    if owner is None and name.startswith(VENDOR):
        owner = f"{VENDOR}environment"
    return owner is None or owner in asked


def _read(name: str) -> Expand:
    """``${env.vnd.dovecot.default_mailbox}``: names of variables have no hyphens."""
    known = name.replace("_", "-")

    def read(run: Run) -> str:
        found = item(run, known)
        return (item(run, name) if found is None else found) or ""

    return read


EXTENSION = Extension(
    "environment",
    tests=(
        TestShape(
            "environment",
            _environment,
            (Kind.STRING, Kind.STRINGS),
            families=("match", "comparator"),
        ),
    ),
)
DOVECOT = Extension(
    f"{VENDOR}environment",
    implies=("environment",),
    namespaces={"env": Namespace(_read)},
)

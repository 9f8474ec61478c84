"""The commented sample files, made from the settings classes.

``etc/mailsuite.toml`` and ``etc/domains.d/example.test.toml`` of the repository are
this module's output; a test compares them. ``init`` and ``demo`` write the same
text with some values set.
"""

import inspect
from collections.abc import Iterator, Mapping
from textwrap import wrap

from mailsuite.house.config import variable
from mailsuite.house.tree import SECTIONS, waits
from mailsuite.model.settings import Described, described

Values = Mapping[str, Mapping[str, object]]

COLUMNS = 78

_HEAD = """\
# Configuration of mailsuite. Every key is shown with its default; remove the
# leading "#" to change one. "mailsuite config check" reads this file and says
# what is wrong with it, "mailsuite config explain KEY" tells about one key.
# A key is overridden by the environment, {variable} for instance;
# a value "file:/path" is replaced by that file's content.
"""

DOMAIN = """\
# A domain of ours, named by this file: example.test.toml means example.test.
# What stands here wins over what was made with "mailsuite domain" and
# "mailsuite alias"; the suite never writes to this folder.

# Gets all mail for names that do not exist. Empty: such mail is refused.
# catch_all = ""

# What is done with mail to this domain that fails the checks of its sender; see
# [authentication] in mailsuite.toml.
[authentication]
# dmarc = "reject"
# spf_fail = "quarantine"

# Scripts that run before and after those of the domain's users: files, or folders
# with files that end with .sieve; see [sieve] in mailsuite.toml.
[sieve]
# before = ["sieve/example.test/before"]
# after = []

# Names that stand for others. A name without @ belongs to this domain.
[aliases]
# info = ["user1", "user2"]
# sales = ["someone@elsewhere.example"]
"""


def rendered(value: object) -> str:
    """Write a value as TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case int() | float():
            return str(value)
        case tuple() | list():
            return "[" + ", ".join(map(rendered, value)) + "]"
        case _:
            raise TypeError(f"no setting has values such as {value!r}")


def main(values: Values | None = None) -> str:
    """Give the text of ``mailsuite.toml``; ``values`` stand uncommented."""
    blocks = [_HEAD.format(variable=variable("server", "hostname"))]
    for name, kind in SECTIONS.items():
        given = (values or {}).get(name, {})
        blocks.append("\n".join(_section(name, kind, given)) + "\n")
    return "\n".join(blocks)


def _section(name: str, kind: type, given: Mapping[str, object]) -> Iterator[str]:
    yield from _comment(inspect.getdoc(kind) or "")
    yield f"[{name}]"
    for one in described(kind):
        yield ""
        yield from _comment(explained(one, restart=waits(name, one)))
        if one.key in given:
            yield f"{one.key} = {rendered(given[one.key])}"
        else:
            yield f"# {one.key} = {rendered(one.default)}"


def explained(one: Described, *, restart: bool) -> str:
    """Say in one or two sentences what a setting means."""
    unit = f" ({one.unit})" if one.unit else ""
    wait = " A change needs a restart." if restart else ""
    meaning = one.meaning[:1].upper() + one.meaning[1:]
    return f"{meaning}{unit}.{wait}"


def _comment(text: str) -> Iterator[str]:
    for paragraph in text.replace("``", "").split("\n\n"):
        for line in wrap(" ".join(paragraph.split()), COLUMNS - 2):
            yield f"# {line}"

"""Where in a TOML text a key stands, for errors that name file and line.

``tomllib`` parses; this only looks for lines that open a table or a key, and
passes over strings of several lines.
"""

import re

from attrs import define, field

_TABLE = re.compile(r"\s*\[\[?\s*([^\]#]+?)\s*\]")
_KEY = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_.-]+)\s*=""")
_LONG = re.compile(r'"""|' + "'''")


@define
class KeyLines:
    """Lines, counted from 1, of tables and of keys within them."""

    _lines: dict[tuple[str, str], int] = field(factory=dict)

    @classmethod
    def of(cls, text: str) -> "KeyLines":
        """Scan a text."""
        found = cls()
        table, inside = "", False
        for number, line in enumerate(text.splitlines(), 1):
            quotes = len(_LONG.findall(line))
            if not inside:
                table = found._look(line, number, table)
            inside ^= quotes % 2 == 1
        return found

    def _look(self, line: str, number: int, table: str) -> str:
        if (opened := _TABLE.match(line)) is not None and "=" not in opened.group():
            table = _bare(opened.group(1))
            self._lines.setdefault((table, ""), number)
        elif (key := _KEY.match(line)) is not None:
            self._lines.setdefault((table, _bare(key.group(1))), number)
        return table

    def line(self, table: str, key: str = "") -> int:
        """Line of a key, else of its table, else 1."""
        return self._lines.get((table, key)) or self._lines.get((table, ""), 1)


def _bare(name: str) -> str:
    return name.strip().strip("\"'")

"""What commands print: tables for people, JSON for programs."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Give a command its ``--json``."""
    option = click.option(
        "--json", "as_json", is_flag=True, help="Print JSON instead of tables."
    )
    return option(command)


def document(value: object) -> None:
    """Print JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def plain(value: object) -> str:
    """Give a cell's text; what a peer sent cannot move the cursor."""
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    if isinstance(value, bool):
        return "yes" if value else ""
    text = str(value)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def moment(seconds: object) -> str:
    """Give a time of the wall clock, UTC."""
    if not isinstance(seconds, int | float) or not seconds:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def table(
    columns: Sequence[str], rows: Iterable[Mapping[str, object]], empty: str
) -> None:
    """Print rows under their columns, or the sentence ``empty``."""
    rows = list(rows)
    if not rows:
        click.echo(empty)
        return
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        made.add_row(*(Text(plain(row.get(column, ""))) for column in columns))
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, 200))
    with console.capture() as printed:
        console.print(made)
    for line in printed.get().splitlines():
        click.echo(line.rstrip())

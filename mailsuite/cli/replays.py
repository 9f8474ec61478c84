"""``mailsuite sieve replay``: what a script would have done with mail that is there."""

from collections.abc import Iterator, Sequence
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from mailsuite.cli.client import Client
from mailsuite.cli.offline import wall
from mailsuite.cli.shown import document, json_option, moment, plain, table
from mailsuite.model.errors import UsageError

DAY = 86_400
AT_ONCE = 20  # messages of one request
COLUMNS = ("date", "from", "subject", "goes_to")


@click.command()
@click.argument("account")
@click.argument("script", default="")
@click.option("--days", default=30, show_default=True, help="How far to look back.")
@click.option("--mailbox", default="INBOX", show_default=True, help="Where to look.")
@click.option("--file", type=click.File("rb"), help="A script that is not kept yet.")
@click.option("--all", "everything", is_flag=True, help="Show what stays, too.")
@json_option
@click.pass_obj
def replay(
    client: Client,
    account: str,
    script: str,
    days: int,
    mailbox: str,
    file: Any,
    everything: bool,
    as_json: bool,
) -> None:
    """Show what SCRIPT (else the active one) would have done with mail that came.

    It is run with the operator's scripts around it, as at delivery, over the last
    days of one mailbox. Nothing is moved, sent or remembered.
    """
    if file and script:
        raise UsageError("name a script of the account, or give --file")
    body: dict[str, Any] = {"mailbox": mailbox, "script": script}
    if file:
        body["content"] = file.read().decode("utf-8", "replace")
    since = str(max(0, int(wall()) - days * DAY))
    query = {"mailbox": mailbox, "since": since}
    uids = client.ask("GET", "replay", account, query=query)["uids"]
    rows = list(_replayed(client, account, body, uids))
    moved = [one for one in rows if _elsewhere(one, mailbox)]
    if as_json:
        document({"mailbox": mailbox, "messages": rows, "changed": len(moved)})
        return
    shown = rows if everything else moved
    told = f"Nothing in {mailbox} would have gone another way."
    table(COLUMNS, map(_row, shown), told if rows else f"No mail in {days} days.")
    if rows:
        click.echo(
            f"{len(rows)} messages of {days} days in {mailbox};"
            f" {len(moved)} would have gone another way."
        )


def _replayed(
    client: Client, account: str, body: dict[str, Any], uids: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Ask for a few at a time, so that progress is seen and the suite not held up."""
    parts = [uids[at : at + AT_ONCE] for at in range(0, len(uids), AT_ONCE)]
    console = Console(stderr=True)
    for part in track(
        parts, "Replaying", console=console, disable=not console.is_terminal
    ):
        answer = client.ask("POST", "replay", account, body=body | {"uids": part})
        yield from answer["messages"]


def _elsewhere(row: dict[str, Any], mailbox: str) -> bool:
    """Whether something else becomes of it than to lie where it is."""
    return bool(row["places"] != [mailbox] or row["deeds"] or row["trouble"])


def _row(row: dict[str, Any]) -> dict[str, object]:
    told = [*row["places"], *row["deeds"]]
    if row["trouble"]:
        told.append(f"fails: {row['trouble']}")
    return {
        "date": moment(row["date"]),
        "from": plain(row["sender"]),
        "subject": plain(row["subject"]),
        "goes_to": "; ".join(told) or "nowhere",
    }

"""``mailsuite calendar``: what scripts put into the calendars of accounts."""

from typing import Any

import click

from mailsuite.cli.client import Client
from mailsuite.cli.shown import document, json_option, plain, table

COLUMNS = ("begins", "title", "status", "calendar", "uid")


@click.group()
def calendar() -> None:
    """Events in the calendars of accounts.

    A calendar is a mailbox in which each message is an event. Scripts with
    processcalendar put invitations there.
    """


@calendar.command("list")
@click.argument("account")
@json_option
@click.pass_obj
def listed(client: Client, account: str, as_json: bool) -> None:
    """List the events of ACCOUNT, by their beginning."""
    answer = client.ask("GET", "calendars", account)
    if as_json:
        document(answer)
        return
    table(COLUMNS, answer["entries"], f"{account} has no events.")


@calendar.command()
@click.argument("account")
@click.argument("uid")
@json_option
@click.pass_obj
def show(client: Client, account: str, uid: str, as_json: bool) -> None:
    """Show the event of ACCOUNT that has the UID, as iCalendar."""
    answer = client.ask("GET", "calendars", account, "entry", query={"uid": uid})
    if as_json:
        document(answer)
        return
    for line in answer["content"].splitlines():
        click.echo(plain(line))


@calendar.command()
@click.argument("account")
@click.option(
    "--output",
    type=click.File("wb"),
    default="-",
    help="The file to write; else standard output.",
)
@click.pass_obj
def export(client: Client, account: str, output: Any) -> None:
    """Write all events of ACCOUNT into one iCalendar file."""
    answer = client.ask("GET", "calendars", account, "export")
    output.write(answer["content"].encode())

"""``mailsuite vacation``: replies for somebody who is away."""

from datetime import datetime
from typing import Any

import click

from mailsuite.cli.client import Client
from mailsuite.cli.offline import wall
from mailsuite.cli.shown import document, json_option, plain
from mailsuite.model.errors import UsageError

SECONDS_OF_A_DAY = 86_400
DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def vacation() -> None:
    """Replies for somebody who is away.

    A vacation is a Sieve script named vacation, which goes on to include the script
    that was active; clients of ManageSieve show both.
    """


@vacation.command("set")
@click.argument("account")
@click.option("--text", help="What the reply says.")
@click.option("--file", type=click.File("r", encoding="utf-8"), help="A file with it.")
@click.option("--from", "begin", type=DAY, help="First day, as 2026-08-01.")
@click.option("--until", "end", type=DAY, help="Last day.")
@click.option("--subject", default="", help="Of the reply; else made of the mail's.")
@click.option("--address", "addresses", multiple=True, help="Another of the owner's.")
@click.option("--days", default=7, show_default=True, help="Before the next reply.")
@json_option
@click.pass_obj
def set_vacation(
    client: Client,
    account: str,
    text: str | None,
    file: Any,
    begin: datetime | None,
    end: datetime | None,
    subject: str,
    addresses: tuple[str, ...],
    days: int,
    as_json: bool,
) -> None:
    """Answer mail for ACCOUNT, once in some days to each sender."""
    if (text is None) == (file is None):
        raise UsageError("give the reply with --text or with --file")
    body = {
        "text": text if text is not None else file.read(),
        "subject": subject,
        "begin": _day(begin),
        "end": _day(end),
        "addresses": list(addresses),
        "days": days,
    }
    answer = client.ask("PUT", "vacation", account, body=body)
    if as_json:
        document(answer)
        return
    for warning in answer["warnings"]:
        click.echo(f"Warning: {plain(warning)}")
    click.echo(f"Mail for {account} is answered{_span(body)}.")
    if end is not None and end.timestamp() + SECONDS_OF_A_DAY < wall():
        click.echo("Warning: that day has passed.")


def _day(given: datetime | None) -> str:
    return given.date().isoformat() if given else ""


def _span(told: dict[str, Any]) -> str:
    begin = f" from {told['begin']}" if told["begin"] else ""
    end = f" until {told['end']}" if told["end"] else ""
    return begin + end


@vacation.command()
@click.argument("account")
@json_option
@click.pass_obj
def show(client: Client, account: str, as_json: bool) -> None:
    """Show the vacation of ACCOUNT."""
    answer = client.ask("GET", "vacation", account)
    if as_json:
        document(answer)
        return
    told = answer["vacation"]
    if told is None:
        click.echo(f"{account} has no vacation.")
        return
    if told["active"]:
        click.echo(f"Mail for {account} is answered{_span(told)}:")
    else:
        click.echo(f"{account} has a vacation, but another script is active:")
    rows = {
        "Subject": told["subject"],
        "Addresses": ", ".join(told["addresses"]),
        "Again after": f"{told['days']} days",
        "Then runs": told["includes"],
    }
    for name, value in rows.items():
        if value:
            click.echo(f"  {name}: {plain(value)}")
    click.echo()
    for line in told["text"].splitlines():
        click.echo(f"  {plain(line)}")


@vacation.command()
@click.argument("account")
@json_option
@click.pass_obj
def clear(client: Client, account: str, as_json: bool) -> None:
    """End the vacation; the script that was active before counts again."""
    answer = client.ask("DELETE", "vacation", account)
    if as_json:
        document(answer)
    elif answer["active"]:
        click.echo(f"The vacation is over; {plain(answer['active'])} is active.")
    else:
        click.echo("The vacation is over; no script is active.")

"""``mailsuite dns`` and ``doctor``: what the world sees of us, and what it should."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click

from mailsuite.cli.client import Client, NotRunning
from mailsuite.cli.offline import routes, wall
from mailsuite.cli.shown import document, json_option, plain, table
from mailsuite.cli.waiting import waited
from mailsuite.dns.resolver import Resolver
from mailsuite.dns.zonefile import data
from mailsuite.house.doctor.examination import Doctor, Practice
from mailsuite.house.publishing import Publishing
from mailsuite.http.api.dns import told
from mailsuite.interfaces.publishing import NOTE, RIGHT, WRONG, Row

SIGNS = {RIGHT: "ok", NOTE: "hint", WRONG: "WRONG"}


@click.group()
def dns() -> None:
    """Records of our domains in DNS."""


@dns.command()
@click.argument("domain")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "zone", "json"]),
    default="table",
    show_default=True,
    help="A table for people, a piece of a zone file, or JSON.",
)
@json_option
@click.pass_obj
def records(client: Client, domain: str, form: str, as_json: bool) -> None:
    """Show the records that DNS should have for DOMAIN."""
    answer = client.ask_or_do("GET", "dns", domain)
    if as_json or form == "json":
        document(answer)
    elif form == "zone":
        click.echo(answer["zone"], nl=False)
    else:
        _shown(domain, answer)


def _shown(domain: str, answer: Mapping[str, Any]) -> None:
    rows = [
        {
            "name": row["name"],
            "type": row["type"],
            "value": data(Row(**row)),
            "for": row["why"],
            "needed": row["required"],
        }
        for row in answer["records"]
    ]
    table(("name", "type", "value", "for", "needed"), rows, "There are none.")
    if answer["policy"]:
        click.echo()
        click.echo(f"To be served at https://mta-sts.{domain}/.well-known/mta-sts.txt:")
        for line in answer["policy"].splitlines():
            click.echo(f"  {line}")


@dns.command()
@click.argument("domain")
@json_option
@click.pass_obj
def check(client: Client, domain: str, as_json: bool) -> None:
    """Compare what DNS says of DOMAIN with what it should; status 1 if it is wrong."""
    try:
        answer = client.ask("GET", "dns", domain, "check")
    except NotRunning:
        answer = waited(lambda reactor: _checked(client, reactor, domain))
    _ended(answer, as_json)


@click.command()
@json_option
@click.pass_obj
def doctor(client: Client, as_json: bool) -> None:
    """Look whether machine, network and DNS are fit for mail; status 1 if not."""
    try:
        answer = client.ask("GET", "doctor")
    except NotRunning:
        answer = waited(lambda reactor: _examined(client, reactor))
    _ended(answer, as_json)


def _ended(answer: Mapping[str, Any], as_json: bool) -> None:
    """Print findings and leave with their status."""
    if as_json:
        document(answer)
    else:
        for line in lines(answer["findings"]):
            click.echo(line)
    sys.exit(0 if answer["well"] else 1)


def lines(findings: Iterable[Mapping[str, str]]) -> Iterable[str]:
    """Give one line for each finding, and one for its hint."""
    for one in findings:
        sign = SIGNS.get(one["state"], one["state"])
        yield plain(f"{sign:5} {one['subject']}: {one['said']}")
        if one["hint"]:
            yield plain(f"      {one['hint']}")


async def _checked(client: Client, reactor: Any, domain: str) -> dict[str, Any]:
    stopped = await routes(client.tree, client.places)
    resolver = Resolver.of(reactor, client.tree.dns)
    publishing = Publishing(client.tree, stopped.admin, stopped.ring, resolver)
    try:
        return told(await publishing.compared(domain))
    finally:
        await resolver.stop()
        await stopped.close()


async def _examined(client: Client, reactor: Any) -> dict[str, Any]:
    stopped = await routes(client.tree, client.places)
    resolver = Resolver.of(reactor, client.tree.dns)
    publishing = Publishing(client.tree, stopped.admin, stopped.ring, resolver)
    practice = Practice(
        reactor, wall, client.places, resolver, stopped.admin, publishing
    )
    try:
        return told(await Doctor(client.tree, practice).examined())
    finally:
        await resolver.stop()
        await stopped.close()

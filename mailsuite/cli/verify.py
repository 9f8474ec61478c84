"""``mailsuite verify``: whether everything is as it must be."""

import sys

import click
from rich.console import Console
from rich.progress import track

from mailsuite.cli.client import Client
from mailsuite.cli.offline import wall
from mailsuite.cli.shown import document, json_option, plain
from mailsuite.house import verify as checking


@click.command()
@json_option
@click.pass_obj
def verify(client: Client, as_json: bool) -> None:
    """Check every invariant of a stopped suite's data; status 1 if one is broken."""
    places = client.places
    with checking.held(places.data):
        checks = checking.checks(client.tree, places, wall)
        bar = track(
            checks,
            "Looking",
            console=Console(stderr=True),
            disable=as_json or not sys.stderr.isatty(),
            transient=True,
        )
        done = [check.run() for check in bar]
    findings = [text for one in done for text in one.findings]
    messages = sum(one.messages for one in done)
    if as_json:
        document({"messages": messages, "checks": len(done), "findings": findings})
    else:
        for text in findings:
            click.echo(plain(text))
        click.echo(
            f"{messages} messages, {len(done)} parts looked at:"
            f" {len(findings)} findings"
        )
    sys.exit(1 if findings else 0)

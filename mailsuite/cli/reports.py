"""``mailsuite report``: what others say of us, and what we tell them."""

import gzip
import os
from base64 import b64encode
from typing import Any

import click

from mailsuite.cli.client import Client, NotRunning
from mailsuite.cli.shown import document, json_option, moment, plain, table
from mailsuite.model.errors import UsageError

SENT_OCTETS = 700_000  # packed, of one file to the control socket
FILE_OCTETS = 64 << 20
ROUNDS = 1_000  # of sending, a hundred reports each
_PACKED = (b"\x1f\x8b", b"PK")

days_option = click.option(
    "--days", default=30, show_default=True, help="How many days to look back."
)


@click.group()
def report() -> None:
    """Reports about mail: DMARC and TLS."""


@report.command()
@click.argument("domain", default="")
@days_option
@json_option
@click.pass_obj
def dmarc(client: Client, domain: str, days: int, as_json: bool) -> None:
    """Show who sends as DOMAIN (or any of ours), and what fails and why."""
    query = {"domain": domain, "days": str(days)}
    answer = client.ask("GET", "reports", "dmarc", query=query)
    if as_json:
        document(answer)
        return
    if not answer["reports"] and not answer["failures"]:
        click.echo(f"No reports {_about(answer)}.")
        return
    click.echo(
        f"{_some(answer['reports'], 'report')} {_about(answer)}:"
        f" {_some(answer['messages'], 'message')},"
        f" {_share(answer['passed'], answer['messages'])} passed,"
        f" {answer['stopped']} put into quarantine or refused."
    )
    _dmarc_tables(answer)


def _about(answer: dict[str, Any]) -> str:
    whose = f"about {plain(answer['domain'])}" if answer["domain"] else "about us"
    return f"{whose} in {answer['days']} days"


def _some(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def _share(some: int, of: int) -> str:
    return f"{some} ({100 * some / of:.1f} %)" if of else str(some)


def _dmarc_tables(answer: dict[str, Any]) -> None:
    _headed("Days", ("day", "messages", "passed", "stopped"), answer["by_day"])
    sources = [
        one | {"failed": one["messages"] - one["passed"], "signed by": one["dkim"]}
        for one in answer["sources"]
    ]
    columns = ("ip", "name", "messages", "passed", "failed", "stopped")
    _headed("Who sends", (*columns, "signed by", "spf"), sources)
    failing = [one for one in sources if one["why"]]
    _headed("What fails", ("ip", "name", "failed", "why"), failing)
    _headed(
        "Who reports", ("org", "reports", "messages", "proven"), answer["reporters"]
    )
    failures = [one | {"at": moment(one["arrived"])} for one in answer["failures"]]
    columns = ("at", "kind", "org", "domain", "ip", "sender")
    _headed("Failure reports", (*columns, "detail"), failures)


def _headed(
    title: str, columns: tuple[str, ...], rows: list[dict[str, object]]
) -> None:
    if rows:
        click.echo(f"\n{title}")
        table(columns, rows, "")


@report.command()
@click.argument("domain", default="")
@days_option
@json_option
@click.pass_obj
def tls(client: Client, domain: str, days: int, as_json: bool) -> None:
    """Show whether others reach DOMAIN (or any of ours) with TLS."""
    query = {"domain": domain, "days": str(days)}
    answer = client.ask("GET", "reports", "tls", query=query)
    if as_json:
        document(answer)
        return
    if not answer["reports"]:
        click.echo(f"No TLS reports {_about(answer)}.")
        return
    click.echo(
        f"{_some(answer['reports'], 'TLS report')} {_about(answer)}:"
        f" {_some(answer['sessions'], 'session')}, {_share(answer['failed'], answer['sessions'])} failed."
    )
    by_day = [
        {"day": one["day"], "sessions": one["messages"], "failed": one["stopped"]}
        for one in answer["by_day"]
    ]
    _headed("Days", ("day", "sessions", "failed"), by_day)
    columns = ("result", "domain", "mx", "sessions", "policy", "detail")
    _headed("What fails", columns, answer["problems"])
    reporters = [one | {"sessions": one["messages"]} for one in answer["reporters"]]
    _headed("Who reports", ("org", "reports", "sessions", "proven"), reporters)


@report.command()
@click.option("--now", is_flag=True, help="Send reports of days that ended.")
@click.option("--dry-run", "dry", is_flag=True, help="Show what would be sent.")
@json_option
@click.pass_obj
def send(client: Client, now: bool, dry: bool, as_json: bool) -> None:
    """Send our aggregate reports, which happens each night by itself.

    A day of a domain is told once for ever; today is not over and never sent.
    """
    if now == dry:
        raise UsageError("say which: mailsuite report send --now or --dry-run")
    if dry:
        reports = client.ask("GET", "reports", "outgoing")["reports"]
    else:
        reports = _sent(client)
    if as_json:
        document({"reports": reports})
        return
    columns = ("domain", "day", "state", "to", "rows", "messages", "reason")
    empty = "Nothing is collected." if dry else "Nothing is due."
    table(columns, reports, empty)


def _sent(client: Client) -> list[dict[str, Any]]:
    """Ask until nothing more is sent."""
    reports: list[dict[str, Any]] = []
    for _ in range(ROUNDS):
        some = client.ask("POST", "reports", "send", body={})["reports"]
        reports += some
        if not any(one["state"] in {"sent", "nobody"} for one in some):
            break
    return reports


@report.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@json_option
@click.pass_obj
def load(client: Client, files: tuple[str, ...], as_json: bool) -> None:
    """Read reports saved elsewhere: messages, archives, XML or JSON."""
    rows: list[dict[str, Any]] = []
    for path in files:
        body = {"content": b64encode(_packed(path)).decode()}
        try:
            answer = client.ask("POST", "reports", "import", body=body)
        except NotRunning:
            raise
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from error
        rows += [{"file": path} | one for one in answer["reports"]]
    if as_json:
        document({"reports": rows})
        return
    columns = ("file", "kind", "org", "domain", "id", "rows", "fresh")
    table(columns, rows, "There was no report.")


def _packed(path: str) -> bytes:
    """Give a file's content, packed unless it is. :raises UsageError: unusable."""
    try:
        if os.path.getsize(path) > FILE_OCTETS:
            raise UsageError(f"{path} has more than {FILE_OCTETS} octets")
        with open(path, "rb") as file:
            octets = file.read()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if not octets.startswith(_PACKED):
        octets = gzip.compress(octets)
    if len(octets) > SENT_OCTETS:
        raise UsageError(
            f"{path} is too large for the control socket: mail it to the report address"
        )
    return octets

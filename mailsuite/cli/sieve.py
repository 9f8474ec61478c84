"""``mailsuite sieve``: scripts are checked, tried, kept and replayed."""

from typing import Any

import click

from mailsuite.cli.client import Client
from mailsuite.cli.lists import addresses
from mailsuite.cli.replays import replay
from mailsuite.cli.shown import document, json_option, moment, plain, table
from mailsuite.cli.trying import operators_option, title, try_script, vocabulary_of
from mailsuite.model.errors import UsageError
from mailsuite.model.lines import printable
from mailsuite.sieve.check import check as checked
from mailsuite.sieve.errors import BadScript


@click.group()
def sieve() -> None:
    """Scripts that say what becomes of mail (Sieve)."""


sieve.add_command(replay)
sieve.add_command(try_script)
sieve.add_command(addresses)


@sieve.command()
@click.argument("file", type=click.File("rb"))
@operators_option
@json_option
@click.pass_obj
def check(client: Client, file: Any, operator: bool, as_json: bool) -> None:
    """Say whether the script in FILE ("-": standard input) is right.

    If it is not, the first thing that is wrong is told with its line and column and,
    where it can be known, what to write instead.
    """
    octets = file.read()
    try:
        program = checked(octets, vocabulary_of(client, operator=operator))
    except BadScript as error:
        told = {
            "right": False,
            "line": error.line,
            "column": error.column,
            "message": error.message,
            "fix": error.hint,
        }
        if as_json:
            document(told)
        else:
            _explain(title(file), octets, error)
        raise SystemExit(1) from None
    if as_json:
        document({"right": True, "requires": sorted(program.requires)})
        return
    asked = ", ".join(sorted(program.requires))
    click.echo(f"{title(file)} is right" + (f"; it uses {asked}." if asked else "."))


def _explain(name: str, octets: bytes, error: BadScript) -> None:
    """Print where it is wrong, with the line itself."""
    click.echo(f"{name}:{error.line}:{error.column}: {printable(error.message)}")
    lines = octets.decode("utf-8", "replace").splitlines()
    if error.line <= len(lines):
        before = lines[error.line - 1][: error.column - 1]
        click.echo(f"    {plain(lines[error.line - 1].replace(chr(9), ' '))}")
        click.echo(f"    {' ' * len(before)}^")
    if error.hint:
        click.echo(f"  {printable(error.hint)}")


@sieve.command()
@click.argument("account")
@click.argument("file", type=click.File("rb"))
@click.option("--name", default="main", show_default=True, help="Name of the script.")
@click.option("--activate/--keep", default=True, help="Let it count for new mail.")
@json_option
@click.pass_obj
def put(
    client: Client, account: str, file: Any, name: str, activate: bool, as_json: bool
) -> None:
    """Keep the script in FILE ("-": standard input), and let it count."""
    body = {"name": name, "content": _text(file.read())}
    answer = client.ask("PUT", "scripts", account, "script", body=body)
    if activate:
        answer |= client.ask("PUT", "scripts", account, body={"active": name})
    if as_json:
        document(answer)
        return
    for warning in answer["warnings"]:
        click.echo(f"Warning: {plain(warning)}")
    if activate:
        _tell(answer)
    else:
        click.echo(f"The script {name} of {account} is kept.")


def _tell(answer: dict[str, Any]) -> None:
    """Say which script counts."""
    account, name = answer["account"], answer["active"]
    told = f"The script {name} counts" if name else "No script counts"
    behind = ", after the vacation" if answer["vacation"] else ""
    click.echo(plain(f"{told} for new mail of {account}{behind}."))


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the script is not UTF-8 (octet {error.start})") from error


@sieve.command("list")
@click.argument("account")
@json_option
@click.pass_obj
def list_scripts(client: Client, account: str, as_json: bool) -> None:
    """Show an account's scripts and which one is active."""
    answer = client.ask("GET", "scripts", account)
    if as_json:
        document(answer)
        return
    rows = [
        one | {"script": one["name"], "changed": moment(one["changed"])}
        for one in answer["scripts"]
    ]
    table(("script", "active", "octets", "changed"), rows, f"{account} has no scripts.")


@sieve.command()
@click.argument("account")
@click.argument("script")
@json_option
@click.pass_obj
def get(client: Client, account: str, script: str, as_json: bool) -> None:
    """Print a script."""
    answer = client.ask("GET", "scripts", account, "script", query={"name": script})
    if as_json:
        document(answer)
    else:
        click.echo(answer["content"].replace("\r\n", "\n"), nl=False)


@sieve.command()
@click.argument("account")
@click.argument("script", default="")
@click.option("--none", "nothing", is_flag=True, help="Let no script count.")
@json_option
@click.pass_obj
def activate(
    client: Client, account: str, script: str, nothing: bool, as_json: bool
) -> None:
    """Let SCRIPT count for new mail, and no other."""
    if bool(script) == nothing:
        raise UsageError("name the script, or give --none")
    answer = client.ask("PUT", "scripts", account, body={"active": script})
    if as_json:
        document(answer)
    else:
        _tell(answer)


@sieve.command()
@click.argument("account")
@click.argument("script")
@json_option
@click.pass_obj
def remove(client: Client, account: str, script: str, as_json: bool) -> None:
    """Forget a script that is not active."""
    query = {"name": script}
    answer = client.ask("DELETE", "scripts", account, "script", query=query)
    if as_json:
        document(answer)
    else:
        click.echo(f"{script} is gone.")

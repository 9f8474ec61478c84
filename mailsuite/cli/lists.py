"""``mailsuite sieve addresses``: lists that scripts of an account ask about."""

from typing import Any

import click

from mailsuite.cli.client import Client
from mailsuite.cli.shown import document, json_option, plain, table
from mailsuite.model.errors import UsageError
from mailsuite.sieve.members import DEFAULT


@click.command()
@click.argument("account")
@click.argument("name", default="")
@click.option("--put", "file", type=click.File("rb"), help="Keep what FILE says.")
@click.option("--remove", is_flag=True, help="Forget the list.")
@json_option
@click.pass_obj
def addresses(
    client: Client, account: str, name: str, file: Any, remove: bool, as_json: bool
) -> None:
    """Show or keep lists of addresses that scripts ask for as :addrbook:NAME.

    Without NAME the lists are named; --put and --remove then mean "default". A list
    has one address a line, or *@example.org for everybody there.
    """
    if file is not None and remove:
        raise UsageError("give --put or --remove, not both")
    where, called = ("lists", account, "list"), {"name": name or DEFAULT}
    if file is not None:
        body = called | {"content": _text(file.read())}
        answer = client.ask("PUT", *where, body=body)
        said = f":addrbook:{answer['name']} of {account} has {answer['entries']} lines."
    elif remove:
        answer = client.ask("DELETE", *where, query=called)
        said = f":addrbook:{answer['removed']} of {account} is gone."
    elif name:
        answer = client.ask("GET", *where, query=called)
        said = "\n".join(map(plain, answer["content"].splitlines()))
    else:
        answer = client.ask("GET", "lists", account)
        said = ""
    if as_json:
        document(answer)
    elif said:
        click.echo(said)
    elif not name:
        rows = [{"list": f":addrbook:{one['name']}"} | one for one in answer["lists"]]
        table(("list", "entries"), rows, f"{account} has no lists.")


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the list is not UTF-8 (octet {error.start})") from error

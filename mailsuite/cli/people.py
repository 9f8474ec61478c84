"""``mailsuite user``, ``domain`` and ``alias``."""

import re
import secrets
import sys

import click

from mailsuite.cli.client import Client
from mailsuite.cli.shown import document, json_option, moment, table

GENERATED_OCTETS = 12
"""Randomness in a password that we make: 96 bits."""


def new_password() -> str:
    """Make a password for a person to type once."""
    return secrets.token_urlsafe(GENERATED_OCTETS)


def asked_password(given: str | None, *, generate: bool) -> str:
    """Take the option, a new one, the terminal's, or a line of standard input."""
    if given is not None:
        return given
    if generate:
        return new_password()
    if sys.stdin.isatty():
        answer = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return str(answer)
    return sys.stdin.readline().rstrip("\r\n")


_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?)([KMGTkmgt]?)(?:i?B)?")


def octets(text: str) -> int:
    """Read ``2000000``, ``500M``, ``1.5G``; K is 1024."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is no size: write 2000000, 500M or 1.5G")
    number, unit = found.groups()
    return int(float(number) * 1024 ** " KMGT".index(unit.upper() or " "))


password_option = click.option(
    "--password", help="Its password; seen by others of this machine while it runs."
)
generate_option = click.option(
    "--generate", is_flag=True, help="Make a password and print it once."
)


@click.group()
def user() -> None:
    """People who have mail and log in."""


@user.command("add")
@click.argument("address")
@password_option
@generate_option
@click.option(
    "--quota",
    type=octets,
    default="0",
    help="What the mailbox may hold, such as 500M; 0: what the settings say.",
)
@json_option
@click.pass_obj
def add_user(
    client: Client,
    address: str,
    password: str | None,
    generate: bool,
    quota: int,
    as_json: bool,
) -> None:
    """Make a user. The password is asked for, or read from standard input."""
    secret = asked_password(password, generate=generate)
    body = {"address": address, "password": secret, "quota_octets": quota}
    made = client.ask_or_do("POST", "users", body=body)
    if generate:
        made["password"] = secret
    if as_json:
        document(made)
        return
    click.echo(f"{made['account']} is there.")
    if generate:
        click.echo(f"Password: {secret}")


@user.command("list")
@click.argument("domain", default="")
@json_option
@click.pass_obj
def list_users(client: Client, domain: str, as_json: bool) -> None:
    """Show users, all or those of DOMAIN."""
    query = {"domain": domain} if domain else {}
    answer = client.ask_or_do("GET", "users", query=query)
    if as_json:
        document(answer)
        return
    rows = [
        one | {"user": one["account"], "made": moment(one["created"])}
        for one in answer["users"]
    ]
    table(
        ("user", "quota_octets", "disabled", "scram", "made"),
        rows,
        "There are no users.",
    )


@user.command("password")
@click.argument("address")
@password_option
@generate_option
@json_option
@click.pass_obj
def set_password(
    client: Client, address: str, password: str | None, generate: bool, as_json: bool
) -> None:
    """Change a user's password; the old one fails at once."""
    secret = asked_password(password, generate=generate)
    body = {"password": secret}
    answer = client.ask_or_do("PUT", "users", address, "password", body=body)
    if generate:
        answer["password"] = secret
    if as_json:
        document(answer)
        return
    click.echo(f"The password of {address} was changed.")
    if generate:
        click.echo(f"Password: {secret}")


@user.command("quota")
@click.argument("address")
@click.argument("size", type=octets)
@json_option
@click.pass_obj
def set_quota(client: Client, address: str, size: int, as_json: bool) -> None:
    """Change what a mailbox may hold: SIZE is 500M or so; 0: what the settings say."""
    body = {"quota_octets": size}
    answer = client.ask_or_do("PUT", "users", address, "quota", body=body)
    limit = f"may hold {size} octets" if size else "has the quota of the settings"
    told(answer, f"{address} {limit}.", as_json)


@user.command("disable")
@click.argument("address")
@json_option
@click.pass_obj
def disable_user(client: Client, address: str, as_json: bool) -> None:
    """Refuse a user's logins from now on; mail is still taken."""
    body = {"disabled": True}
    answer = client.ask_or_do("PUT", "users", address, "disabled", body=body)
    told(answer, f"{address} cannot log in; mail still comes.", as_json)


@user.command("enable")
@click.argument("address")
@json_option
@click.pass_obj
def enable_user(client: Client, address: str, as_json: bool) -> None:
    """Let a user log in again."""
    body = {"disabled": False}
    answer = client.ask_or_do("PUT", "users", address, "disabled", body=body)
    told(answer, f"{address} can log in.", as_json)


@user.command("remove")
@click.argument("address")
@json_option
@click.pass_obj
def remove_user(client: Client, address: str, as_json: bool) -> None:
    """Forget a user to whom no alias leads; the mail stays on the disk."""
    answer = client.ask_or_do("DELETE", "users", address)
    told(answer, f"{address} is gone; the mail stays on the disk.", as_json)


def told(answer: dict[str, object], sentence: str, as_json: bool) -> None:
    """Print the answer, or a sentence for people."""
    if as_json:
        document(answer)
    else:
        click.echo(sentence)


NEXT = "What DNS should say of it: mailsuite dns records"


@click.group()
def domain() -> None:
    """Domains whose mail is ours."""


@domain.command("add")
@click.argument("name")
@click.option("--catch-all", default="", help="Gets mail for names not known.")
@json_option
@click.pass_obj
def add_domain(client: Client, name: str, catch_all: str, as_json: bool) -> None:
    """Make a domain ours."""
    body = {"name": name, "catch_all": catch_all}
    made = client.ask_or_do("POST", "domains", body=body)
    told(made, f"{made['name']} is ours. {NEXT} {made['name']}", as_json)


@domain.command("list")
@json_option
@click.pass_obj
def list_domains(client: Client, as_json: bool) -> None:
    """Show our domains and where each is defined."""
    answer = client.ask_or_do("GET", "domains")
    if as_json:
        document(answer)
        return
    table(("name", "catch_all", "source"), answer["domains"], "There are no domains.")


@domain.command("remove")
@click.argument("name")
@json_option
@click.pass_obj
def remove_domain(client: Client, name: str, as_json: bool) -> None:
    """Give a domain up; its users and aliases must be gone."""
    answer = client.ask_or_do("DELETE", "domains", name)
    told(answer, f"{name} is not ours any more.", as_json)


@click.group()
def alias() -> None:
    """Addresses that stand for others."""


@alias.command("add")
@click.argument("address")
@click.argument("targets", nargs=-1, required=True)
@json_option
@click.pass_obj
def add_alias(
    client: Client, address: str, targets: tuple[str, ...], as_json: bool
) -> None:
    """Let ADDRESS stand for TARGETS."""
    body = {"address": address, "targets": list(targets)}
    made = client.ask_or_do("POST", "aliases", body=body)
    told(made, f"{made['address']} leads to {', '.join(made['targets'])}.", as_json)


@alias.command("list")
@click.argument("domain", default="")
@json_option
@click.pass_obj
def list_aliases(client: Client, domain: str, as_json: bool) -> None:
    """Show aliases, all or those of DOMAIN."""
    query = {"domain": domain} if domain else {}
    answer = client.ask_or_do("GET", "aliases", query=query)
    if as_json:
        document(answer)
        return
    table(("address", "targets", "source"), answer["aliases"], "There are no aliases.")


@alias.command("remove")
@click.argument("address")
@json_option
@click.pass_obj
def remove_alias(client: Client, address: str, as_json: bool) -> None:
    """Forget an alias."""
    answer = client.ask_or_do("DELETE", "aliases", address)
    told(answer, f"{address} is gone.", as_json)

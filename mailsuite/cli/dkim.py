"""``mailsuite dkim``: signing keys of our domains, and their records in DNS."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from mailsuite.cli.client import Client
from mailsuite.cli.shown import document, json_option, moment, table

STRING_OCTETS = 255
"""Of one character string in a TXT record (RFC 1035 §3.3)."""


def zone_line(name: str, record: str) -> str:
    """Give a TXT record as a line of a zone file."""
    return f"{name}. IN TXT {strings(record)}"


def strings(record: str) -> str:
    """Give a record as quoted character strings, none too long."""
    parts = re.findall(f".{{1,{STRING_OCTETS}}}", record)
    return " ".join(f'"{part}"' for part in parts)


def told(answer: Mapping[str, Any], sentences: Iterator[str], as_json: bool) -> None:
    """Print the answer, or sentences for people."""
    if as_json:
        document(answer)
    else:
        for sentence in sentences:
            click.echo(sentence)


def publish(keys: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say what to put into DNS."""
    yield "Records to publish:"
    for key in keys:
        yield f"  {zone_line(key['name'], key['record'])}"


@click.group()
def dkim() -> None:
    """Keys that prove mail to be ours (DKIM)."""


@dkim.command("list")
@click.argument("domain", default="")
@json_option
@click.pass_obj
def list_keys(client: Client, domain: str, as_json: bool) -> None:
    """Show keys, all or those of DOMAIN."""
    query = {"domain": domain} if domain else {}
    answer = client.ask_or_do("GET", "dkim", query=query)
    if as_json:
        document(answer)
        return
    rows = [key | {"since": moment(key["since"])} for key in answer["keys"]]
    table(
        ("domain", "selector", "algorithm", "state", "since"), rows, "There are none."
    )


@dkim.command("add")
@click.argument("domain")
@json_option
@click.pass_obj
def add_keys(client: Client, domain: str, as_json: bool) -> None:
    """Make the first keys of DOMAIN; they sign at once."""
    answer = client.ask_or_do("POST", "dkim", body={"domain": domain})
    told(answer, publish(answer["keys"]), as_json)


@dkim.command("show")
@click.argument("domain")
@click.option("--private", is_flag=True, help="Print the private keys too.")
@json_option
@click.pass_obj
def show_keys(client: Client, domain: str, private: bool, as_json: bool) -> None:
    """Show the keys of DOMAIN as lines of a zone file."""
    query = {"private": "yes"} if private else {}
    answer = client.ask_or_do("GET", "dkim", domain, query=query)

    def lines() -> Iterator[str]:
        for key in answer["keys"]:
            since = moment(key["since"])
            yield f"; {key['algorithm']}, {key['state']} since {since}"
            yield zone_line(key["name"], key["record"])
            if private:
                yield key["private"]

    told(answer, lines(), as_json)


@dkim.command("rotate")
@click.argument("domain")
@json_option
@click.pass_obj
def rotate_keys(client: Client, domain: str, as_json: bool) -> None:
    """Make the next keys of DOMAIN; they sign once they have been published."""
    answer = client.ask_or_do("POST", "dkim", domain, "rotate", body={})
    told(answer, publish(answer["keys"]), as_json)


@dkim.command("activate")
@click.argument("domain")
@json_option
@click.pass_obj
def activate_keys(client: Client, domain: str, as_json: bool) -> None:
    """Let the new keys of DOMAIN sign from now on, whatever DNS shows."""
    answer = client.ask_or_do("POST", "dkim", domain, "activate", body={})
    told(answer, states(answer["keys"]), as_json)


@dkim.command("retire")
@click.argument("domain")
@click.argument("selector", default="")
@json_option
@click.pass_obj
def retire_keys(client: Client, domain: str, selector: str, as_json: bool) -> None:
    """Forget the old keys of DOMAIN now, before their time.

    With SELECTOR: forget that key if it does not sign; else let it sign no more.
    """
    body = {"selector": selector} if selector else {}
    answer = client.ask_or_do("POST", "dkim", domain, "retire", body=body)
    told(answer, states(answer["keys"]), as_json)


def states(keys: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say what became of keys."""
    sentence = {
        "active": "signs from now on.",
        "old": "signs no more; leave its record in DNS for now.",
        "gone": "is forgotten; take its record out of DNS.",
    }
    for key in keys:
        yield f"{key['selector']} {sentence[key['state']]}"

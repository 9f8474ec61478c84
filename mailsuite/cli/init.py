"""``mailsuite init``: from an address to a configuration that can be started."""

import os
import socket
from ipaddress import ip_address

import click

from mailsuite.cli.client import Client, finished
from mailsuite.cli.dkim import strings
from mailsuite.cli.offline import routes, wall
from mailsuite.cli.people import new_password
from mailsuite.cli.shown import document, json_option
from mailsuite.directory.names import canonical, checked_user, parse
from mailsuite.house import config
from mailsuite.house.founding import SETTINGS_MODE, Founding
from mailsuite.house.paths import places
from mailsuite.model.address import Address
from mailsuite.model.errors import UsageError


def detected_hostname(domain: str) -> str:
    """Give the machine's full name, else a usual one of the domain."""
    name = socket.getfqdn().lower().rstrip(".")
    local = name.endswith((".local", ".localdomain", ".arpa")) or "." not in name
    return f"mail.{domain}" if local else name


def detected_address() -> str:
    """Give the address that the machine would send from; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address = str(probe.getsockname()[0])
        except OSError:
            return ""
    return address if ip_address(address).is_global else ""


def records(domain: str, hostname: str, address: str) -> list[dict[str, str]]:
    """Give the DNS records that a domain needs to have mail here."""
    host = address or "(the public address of this machine)"
    return [
        {"name": f"{hostname}.", "type": "A", "value": host},
        {"name": f"{domain}.", "type": "MX", "value": f"10 {hostname}."},
        {"name": f"{domain}.", "type": "TXT", "value": '"v=spf1 mx -all"'},
        {
            "name": f"_dmarc.{domain}.",
            "type": "TXT",
            "value": f'"v=DMARC1; p=none; rua=mailto:dmarc-reports@{domain}"',
        },
        {"name": f"(reverse of {host})", "type": "PTR", "value": f"{hostname}."},
    ]


def keys_of(client: Client, domain: str) -> list[dict[str, str]]:
    """Give the records of a domain's signing keys."""
    answer = client.ask_or_do("GET", "dkim", query={"domain": domain})
    return [
        {"name": f"{key['name']}.", "type": "TXT", "value": strings(key["record"])}
        for key in answer["keys"]
    ]


@click.command()
@click.argument("address")
@click.option("--hostname", default="", help="Own name; detected where not given.")
@click.option("--certificate", default="", help="PEM file; else one is made.")
@click.option("--key", default="", help="PEM file of the certificate's private key.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@json_option
@click.pass_obj
def init(
    client: Client,
    address: str,
    hostname: str,
    certificate: str,
    key: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make configuration, data folder, certificate, domain and first user.

    What exists is kept: the command may be given again. The password of a new user
    is printed once.
    """
    first = parse(address)
    checked_user(first)
    if bool(certificate) != bool(key):
        raise UsageError("--certificate and --key go together")
    hostname = hostname or detected_hostname(first.domain)
    path = os.path.abspath(client.path)
    founding = Founding(os.path.dirname(path), dry_run)
    pair = (os.path.abspath(certificate), os.path.abspath(key))
    founding.folder(founding.etc, SETTINGS_MODE)
    if not certificate:
        pair = founding.certificate([hostname], wall)
    values = {
        "server": {"hostname": hostname},
        "tls": {"certificate": pair[0], "key": pair[1]},
    }
    founding.configuration(path, values)
    password = _first_user(founding, path, first)
    dns = records(first.domain, hostname, detected_address())
    dns += [] if dry_run else keys_of(client, first.domain)
    if as_json:
        document(
            {
                "config": path,
                "address": canonical(first),
                "password": password,
                "done": founding.told,
                "dns": dns,
            }
        )
    else:
        _told(founding, first, password, dns)


def _first_user(founding: Founding, path: str, first: Address) -> str:
    """Make domain and user where missing; gives the new password or nothing."""
    if founding.dry:
        if not os.path.exists(path):
            founding.told.append(f"{first}: would be made")
        return ""
    loaded = config.load(path)
    founding.folder(places(loaded).data)
    return str(finished(_made(founding, loaded, first)))


async def _made(founding: Founding, loaded: config.Loaded, first: Address) -> str:
    stopped = await routes(loaded.tree, places(loaded))
    try:
        if first.domain not in {one.name for one in await stopped.admin.domains()}:
            await stopped.admin.add_domain(first.domain)
            founding.told.append(f"domain {first.domain}: made")
        if not await stopped.keys.keys(first.domain):
            await stopped.keys.add(first.domain)
            founding.told.append(f"signing keys of {first.domain}: made")
        name = canonical(first)
        if name in {user.account for user in await stopped.admin.users(first.domain)}:
            founding.told.append(f"{name}: there already, kept")
            return ""
        password = new_password()
        await stopped.admin.add_user(first, password)
        founding.told.append(f"{name}: made")
        return password
    finally:
        await stopped.close()


def _told(
    founding: Founding, first: Address, password: str, dns: list[dict[str, str]]
) -> None:
    for line in founding.told:
        click.echo(line)
    if password:
        click.echo(f"\nUser {canonical(first)}, password {password}")
        click.echo("Write it down: it is not shown again.")
    click.echo("\nRecords that the domain needs in DNS:")
    for row in dns:
        click.echo(f"  {row['name']:30} {row['type']:4} {row['value']}")
    click.echo(f"\nStart: twistd -n mailsuite --config {founding.etc}/mailsuite.toml")

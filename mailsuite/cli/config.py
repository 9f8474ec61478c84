"""``mailsuite config``: what the settings are, mean, and lack."""

import re

import click

from mailsuite.cli.client import Client
from mailsuite.cli.shown import document, json_option, table
from mailsuite.house import config as reading
from mailsuite.house import domains, guards, manual, sample
from mailsuite.house.tree import SECTIONS, waits
from mailsuite.model.errors import UsageError
from mailsuite.model.settings import described

SECRET = ("password", "secret", "token")
WITHIN = re.compile(r"\b((?:password|secret|token)=)(?!file:|env:)\S+")


def shown(key: str, value: object) -> object:
    """Give a value with secrets hidden."""
    if isinstance(value, tuple):
        return [shown(key, one) for one in value]
    if not isinstance(value, str) or not value:
        return value
    return "(hidden)" if key.endswith(SECRET) else WITHIN.sub(r"\1(hidden)", value)


@click.group()
def config() -> None:
    """The files in etc/."""


@config.command("check")
@json_option
@click.pass_obj
def check(client: Client, as_json: bool) -> None:
    """Read the files and say what is wrong with them."""
    loaded = client.loaded
    listing = domains.load(client.places.domains)
    guards.settings(client.tree)
    if as_json:
        document({"path": client.places.config, "ok": True})
        return
    click.echo(
        f"{loaded.path} is right: {len(loaded.sources)} settings,"
        f" {len(listing.domains)} domains in files."
    )


@config.command("show")
@click.argument("section", default="")
@json_option
@click.pass_obj
def show(client: Client, section: str, as_json: bool) -> None:
    """Show settings in force and where each comes from."""
    loaded = client.loaded
    rows = [
        {
            "setting": f"{name}.{key}",
            "value": shown(key, value),
            "source": loaded.sources.get((name, key), "default"),
        }
        for name, values in reading.values(loaded.tree).items()
        for key, value in values.items()
        if section in {"", name}
    ]
    if not rows:
        raise UsageError(
            f"there is no section {section!r}{reading.nearest(section, SECTIONS)}"
        )
    if as_json:
        document({"settings": rows, "files": _files(client)})
        return
    table(("setting", "value", "source"), rows, "")


def _files(client: Client) -> list[dict[str, str]]:
    listing = domains.load(client.places.domains)
    return [{"domain": one.name, "source": one.source} for one in listing.domains]


@config.command("explain")
@click.argument("key", default="")
@json_option
def explain(key: str, as_json: bool) -> None:
    """Tell what a setting means: KEY is section.key, a section, or nothing."""
    rows = [
        {
            "setting": f"{name}.{one.key}",
            "default": sample.rendered(one.default),
            "environment": reading.variable(name, one.key),
            "meaning": sample.explained(one, restart=waits(name, one)),
        }
        for name, kind in SECTIONS.items()
        for one in described(kind)
        if key in {"", name, one.key, f"{name}.{one.key}"}
    ]
    if not rows:
        known = {
            f"{n}.{one.key}": 0 for n, k in SECTIONS.items() for one in described(k)
        }
        raise UsageError(f"there is no setting {key!r}{reading.nearest(key, known)}")
    if as_json:
        document({"settings": rows})
        return
    for row in rows:
        click.echo(f"{row['setting']} = {row['default']}")
        click.echo(f"    {row['meaning']}")
        click.echo(f"    Environment: {row['environment']}")


@config.command("sample")
def show_sample() -> None:
    """Print a commented mailsuite.toml with every default."""
    click.echo(sample.main(), nl=False)


@config.command("manual")
def show_manual() -> None:
    """Print the manual of settings."""
    click.echo(manual.main(), nl=False)

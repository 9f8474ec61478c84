"""The command's entry: options for all verbs, and errors as one sentence."""

import os
from importlib import import_module
from typing import Any

import click
from typing_extensions import override

from mailsuite.cli.client import Client
from mailsuite.model.errors import UsageError, sentence

VERBS = {
    "init": "init:init",
    "demo": "demo:demo",
    "user": "people:user",
    "domain": "people:domain",
    "alias": "people:alias",
    "dkim": "dkim:dkim",
    "auth": "auth:auth",
    "dns": "dns:dns",
    "doctor": "dns:doctor",
    "queue": "running:queue",
    "search": "running:search",
    "report": "reports:report",
    "sieve": "sieve:sieve",
    "vacation": "vacation:vacation",
    "calendar": "calendar:calendar",
    "reload": "running:reload_settings",
    "config": "config:config",
    "verify": "verify:verify",
}
"""Where each verb is; a module is loaded when its verb is used."""

PLACES = ("etc/mailsuite.toml", "/etc/mailsuite/mailsuite.toml")


def default_config() -> str:
    """The checkout's own file, else the machine's."""
    return next((path for path in PLACES if os.path.exists(path)), PLACES[0])


class Verbs(click.Group):
    """Shows what operators can mend as a sentence, and exits with 1."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, _, name = VERBS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"mailsuite.cli.{module}"), name)
        return command

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:  # who reads us has left: click ends in silence
            raise
        except OSError as error:
            raise click.ClickException(sentence(error)) from error


@click.group(cls=Verbs)
@click.option(
    "--config",
    "path",
    envvar="MAILSUITE_CONFIG",
    default=default_config,
    show_default="etc/mailsuite.toml, else /etc/mailsuite/mailsuite.toml",
    help="The configuration of the suite that is meant.",
)
@click.version_option(package_name="mailsuite")
@click.pass_context
def main(context: click.Context, path: str) -> None:
    """Run and look after a mail suite."""
    context.obj = Client(path)

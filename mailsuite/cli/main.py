"""The command's entry: options for all verbs, and errors as one sentence."""

import os
from typing import Any

import click
from typing_extensions import override

from mailsuite.cli.client import Client
from mailsuite.cli.config import config
from mailsuite.cli.demo import demo
from mailsuite.cli.init import init
from mailsuite.cli.people import alias, domain, user
from mailsuite.cli.running import queue, reload_settings, search
from mailsuite.cli.verify import verify
from mailsuite.model.errors import UsageError

PLACES = ("etc/mailsuite.toml", "/etc/mailsuite/mailsuite.toml")


def default_config() -> str:
    """The checkout's own file, else the machine's."""
    return next((path for path in PLACES if os.path.exists(path)), PLACES[0])


class Verbs(click.Group):
    """Shows what operators can mend as a sentence, and exits with 1."""

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise click.ClickException(str(error)) from error


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


for verb in (
    init,
    demo,
    user,
    domain,
    alias,
    queue,
    search,
    reload_settings,
    config,
    verify,
):
    main.add_command(verb)

"""``mailsuite demo``: a whole suite on loopback, with users, mail and high ports."""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click
from attrs import define, evolve
from rich.progress import track
from twisted.internet.defer import Deferred
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure

from mailsuite.cli import samples
from mailsuite.cli.client import finished
from mailsuite.cli.offline import Stopped, routes, wall
from mailsuite.directory.book import address_of
from mailsuite.house import config, guards
from mailsuite.house.config import Loaded
from mailsuite.house.founding import SETTINGS_MODE, Founding
from mailsuite.house.house import House, made
from mailsuite.house.paths import places
from mailsuite.house.sockets import Sockets
from mailsuite.model.changes import Draft
from mailsuite.model.errors import UsageError
from mailsuite.model.ids import AccountName

HOST = "127.0.0.1"
DOMAIN = "example.test"
PASSWORD = "secret"
PORT_BASE = 10_000
USERS = 20
MOST_USERS = 10_000
OFFSETS = {
    "smtp": 25,
    "submission": 587,
    "submissions": 465,
    "imap": 143,
    "imaps": 993,
    "pop3": 110,
    "pop3s": 995,
    "lmtp": 24,
    "managesieve": 190,
}
"""The usual ports, but ManageSieve's, which is 4190."""
SHARED = ("smtp", "submission", "lmtp", "imap", "pop3", "managesieve")
"""Sections of doors that many clients on one host may use."""
HIGHEST_BASE = 65_535 - max(OFFSETS.values())
LMTP_SOCKET = "lmtp.sock"
READY = "ready.json"
SAMPLES = "samples"
"""A file of this name in the folder: the sample mail was stored."""


def listening(base: int) -> dict[str, dict[str, object]]:
    """Give the settings that say where the demonstration listens."""

    def at(name: str) -> tuple[str, ...]:
        return (f"{HOST}:{base + OFFSETS[name]}",)

    return {
        "smtp": {"listen": at("smtp")},
        "submission": {"listen": at("submission"), "listen_tls": at("submissions")},
        "imap": {"listen": at("imap"), "listen_tls": at("imaps")},
        "pop3": {"listen": at("pop3"), "listen_tls": at("pop3s")},
        "managesieve": {"listen": at("managesieve")},
        "lmtp": {"listen": (f"unix:{LMTP_SOCKET}", *at("lmtp"))},
    }


def settings(base: int, certificate: tuple[str, str]) -> dict[str, dict[str, object]]:
    """Give what a demonstration changes of the defaults."""
    values = listening(base)
    for section, key in (
        ("submission", "clear_auth_on_loopback"),
        ("imap", "plaintext_login"),
        ("pop3", "plaintext_login"),
        ("managesieve", "plaintext_login"),
    ):
        values[section][key] = True
    for section in SHARED:
        values[section]["connections_per_host"] = 0
    values["server"] = {"hostname": f"mx.{DOMAIN}", "data": "../data"}
    # Its peers are all on loopback, and there is nobody to ask about them.
    values["authentication"] = {"enabled": False}
    values["tls"] = {"certificate": certificate[0], "key": certificate[1]}
    return values


@define(eq=False, repr=False)
class Demo:
    """One folder with its suite."""

    folder: str
    base: int | None
    users: int

    @property
    def config(self) -> str:
        """Its configuration."""
        return os.path.join(self.folder, "etc", "mailsuite.toml")

    def prepare(self) -> Loaded:
        """Make what is missing; gives the configuration with this run's ports.

        :raises UsageError: a suite runs there already, or a file is wrong.
        """
        guards.data_folder(os.path.join(self.folder, "data"))
        if self.base is not None:
            guards.free(f"{HOST}:{self.base + port}" for port in OFFSETS.values())
        founding = Founding(os.path.join(self.folder, "etc"))
        founding.folder(self.folder)
        founding.folder(founding.etc, SETTINGS_MODE)
        pair = founding.certificate((f"mx.{DOMAIN}", "localhost", HOST), wall)
        founding.configuration(self.config, settings(self.base or PORT_BASE, pair))
        loaded = config.load(self.config)
        if self.base is not None:
            loaded = moved(loaded, self.base)
        guards.start(loaded)
        with suppress(FileNotFoundError):  # of an earlier run: it is not ready now
            os.unlink(os.path.join(self.folder, READY))
        founding.folder(places(loaded).data)
        finished(self._people(loaded))
        return loaded

    async def _people(self, loaded: Loaded) -> None:
        stopped = await routes(loaded.tree, places(loaded))
        try:
            if not any(one.name == DOMAIN for one in await stopped.admin.domains()):
                await stopped.admin.add_domain(DOMAIN)
            if not await stopped.keys.keys(DOMAIN):
                await stopped.keys.add(DOMAIN)
            await self._users(stopped)
        finally:
            await stopped.close()

    async def _users(self, stopped: Stopped) -> None:
        known = {user.account for user in await stopped.admin.users(DOMAIN)}
        names = [f"user{n}@{DOMAIN}" for n in range(1, self.users + 1)]
        missing = [name for name in names if name not in known]
        quiet = len(missing) < 50 or not sys.stderr.isatty()
        for name in track(missing, "Making users", disable=quiet, transient=True):
            await stopped.admin.add_user(address_of(name), PASSWORD)

    async def fill(self, house: House) -> None:
        """Store the sample mail, once."""
        if self.filled:
            return
        assert house.parts is not None
        for n in range(1, self.users + 1):
            name = f"user{n}@{DOMAIN}"
            account = await house.parts.keeping.accounts.open(AccountName(name))
            try:
                kept = house.parts.keeping.blobs.kept
                drafts = [
                    Draft(kept(octets), date=date)
                    for octets, date in samples.messages(name, wall())
                ]
                await account.append("INBOX", drafts)
            finally:
                account.close()
        self.mark_filled()

    @property
    def filled(self) -> bool:
        """Whether the sample mail was stored by an earlier run."""
        return os.path.exists(os.path.join(self.folder, SAMPLES))

    def mark_filled(self) -> None:
        """Remember that it was."""
        with open(os.path.join(self.folder, SAMPLES), "x", encoding="ascii"):
            pass

    def ready(self, house: House) -> dict[str, Any]:
        """Give what ``ready.json`` says."""
        template = os.path.join(house.places.data, house.loaded.tree.store.maildir)
        return {
            "host": HOST,
            **ports(house.sockets),
            "lmtp_socket": next(
                (b.place.path for b in house.sockets.lmtp if b.place.path), ""
            ),
            "maildir": template,
            "accounts": [
                {"address": f"user{n}@{DOMAIN}", "password": PASSWORD}
                for n in range(1, self.users + 1)
            ],
            "pid": os.getpid(),
        }

    def tell(self, ready: Mapping[str, Any]) -> None:
        """Write ``ready.json``, whole, and print what to try."""
        path = os.path.join(self.folder, READY)
        fresh = f"{path}.{os.getpid()}"
        with open(fresh, "w", encoding="utf-8") as file:
            json.dump(ready, file, indent=2)
            file.write("\n")
        os.rename(fresh, path)
        click.echo(self.text(ready))

    def gone(self) -> None:
        """Take ``ready.json`` away if it speaks of this process."""
        path = os.path.join(self.folder, READY)
        with suppress(OSError, ValueError):
            with open(path, "rb") as file:
                ours = json.load(file).get("pid") == os.getpid()
            if ours:
                os.unlink(path)

    def text(self, ready: Mapping[str, Any]) -> str:
        """Give what a person wants to know."""
        lines = [f"mailsuite is ready in {self.folder}", ""]
        lines += [f"  {name:12} {HOST}:{ready[name]}" for name in OFFSETS]
        last = f"user{self.users}@{DOMAIN}"
        url = f"imap://{HOST}:{ready['imap']}/INBOX"
        lines += [
            f"  {'lmtp':12} {ready['lmtp_socket']}",
            "",
            f"  accounts     user1@{DOMAIN} to {last}, password {PASSWORD}",
            f"  mail         {ready['maildir']}",
            "",
            "Send a message, and read it:",
            f"  swaks --server {HOST}:{ready['smtp']} --to user1@{DOMAIN}",
            f"  curl -u user1@{DOMAIN}:{PASSWORD} '{url};MAILINDEX=*'",
            "",
            "Stop it with Ctrl-C.",
        ]
        return "\n".join(lines)


def ports(sockets: Sockets) -> dict[str, int]:
    """Give the TCP port of each door, as it was bound."""
    return {
        name: next((b.port for b in getattr(sockets, name) if b.port), 0)
        for name in OFFSETS
    }


def moved(loaded: Loaded, base: int) -> Loaded:
    """Give the configuration with the ports of this run."""
    tree = loaded.tree
    for section, values in listening(base).items():
        tree = evolve(tree, **{section: evolve(getattr(tree, section), **values)})
    return evolve(loaded, tree=tree)


async def _opened(demo: Demo, house: House) -> None:
    await demo.fill(house)
    demo.tell(demo.ready(house))


def run(demo: Demo) -> int:
    """Run the suite in the foreground; gives the exit status."""
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - the doorstep

    house = made(demo.prepare(), reactor)
    globalLogBeginner.beginLoggingTo([house.diagnostics], redirectStandardIO=False)
    house.on_failure(lambda text: click.echo(f"Error: {text}", err=True))

    def opened(house: House) -> None:
        work = Deferred.fromCoroutine(_opened(demo, house))
        _ = work.addErrback(broken)

    def broken(failure: Failure) -> None:
        click.echo(failure.getTraceback(), err=True)
        house.status = 1
        process: Any = reactor
        process.stop()

    house.on_ready(opened)
    house.privilegedStartService()
    house.startService()
    process: Any = reactor
    process.addSystemEventTrigger("before", "shutdown", demo.gone)
    process.addSystemEventTrigger("before", "shutdown", house.stopService)
    process.run()
    return house.status


@click.command()
@click.option("--dir", "folder", default="var/demo", help="Where everything lies.")
@click.option(
    "--port-base",
    type=click.IntRange(1, HIGHEST_BASE),
    help=f"Ports are this and their usual number; {PORT_BASE} at first, then as before.",
)
@click.option(
    "--users",
    type=click.IntRange(1, MOST_USERS),
    default=USERS,
    help="How many users there are.",
)
def demo(folder: str, port_base: int | None, users: int) -> None:
    """Run a suite for trying out, on 127.0.0.1 only.

    On an old folder it goes on with what is there.
    """
    try:
        status = run(Demo(os.path.abspath(folder), port_base, users))
    except UsageError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(status)

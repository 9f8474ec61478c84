"""``mailsuite queue``, ``search`` and ``reload``: what only a running suite can do."""

from collections.abc import Iterator
from typing import Any

import click

from mailsuite.cli.client import Client
from mailsuite.cli.shown import document, json_option, moment, plain, table
from mailsuite.model.errors import UsageError

PAGE_ROWS = 500
STEPS = "auth.steps"
"""Mark that tells how the sender was judged, a line for each step."""
COLUMNS = ("id", "state", "sender", "recipient", "size", "due", "attempts", "last")


@click.group()
def queue() -> None:
    """Mail that was accepted and is not yet delivered."""


def _pages(client: Client, limit: int) -> Iterator[dict[str, Any]]:
    after = ""
    while limit > 0:
        query = {"after": after, "limit": str(min(PAGE_ROWS, limit))}
        page = client.ask("GET", "queue", query=query)
        yield from page["jobs"]
        after, limit = page["after"], limit - PAGE_ROWS
        if not after:
            return


def _printed(jobs: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        document({"jobs": jobs})
        return
    rows = [
        job | {"due": moment(job["due"]), "sender": job["sender"] or "<>"}
        for job in jobs
    ]
    table(COLUMNS, rows, "The queue is empty.")


@queue.command("list")
@click.option("--limit", default=1_000, help="Most rows to show.")
@json_option
@click.pass_obj
def list_queue(client: Client, limit: int, as_json: bool) -> None:
    """Show open recipients."""
    _printed(list(_pages(client, limit)), as_json)


@queue.command("show")
@click.argument("id")
@json_option
@click.pass_obj
def show_job(client: Client, id: str, as_json: bool) -> None:  # noqa: A002
    """Show every open recipient of one job."""
    jobs = client.ask("GET", "queue", id)["jobs"]
    _printed(jobs, as_json)
    if as_json:
        return
    for line in jobs[0].get("marks", {}).get(STEPS, "").splitlines():
        click.echo(plain(line))


def _action(name: str, help_: str) -> None:
    """Make the command of one action."""

    @queue.command(name, help=help_)
    @click.argument("ids", nargs=-1)
    @click.option("--all", "everything", is_flag=True, help="Every job.")
    @json_option
    @click.pass_obj
    def change(
        client: Client, ids: tuple[str, ...], everything: bool, as_json: bool
    ) -> None:
        if bool(ids) == everything:
            raise UsageError(f"say which: mailsuite queue {name} ID... or --all")
        body: dict[str, object] = {"action": name}
        body |= {"all": True} if everything else {"ids": list(ids)}
        answer = client.ask("POST", "queue", body=body)
        if as_json:
            document(answer)
        else:
            click.echo(f"{name}: {answer['jobs']} jobs")


_action("retry", "Try these jobs now.")
_action("hold", "Let these jobs wait until they are released.")
_action("release", "Let held jobs go on.")
_action("remove", "Forget these jobs; nobody is told.")


@click.command()
@click.argument("account")
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", default=20, help="Most hits to show.")
@json_option
@click.pass_obj
def search(
    client: Client, account: str, words: tuple[str, ...], limit: int, as_json: bool
) -> None:
    """Show messages of ACCOUNT that hold all WORDS, best first."""
    query = {"account": account, "words": " ".join(words), "limit": str(limit)}
    answer = client.ask("GET", "search", query=query)
    if as_json:
        document(answer)
        return
    rows = [hit | {"date": moment(hit["date"])} for hit in answer["hits"]]
    table(("mailbox", "uid", "date", "sender", "subject"), rows, "Nothing was found.")


@click.command("reload")
@json_option
@click.pass_obj
def reload_settings(client: Client, as_json: bool) -> None:
    """Take over changed files; what is wrong changes nothing."""
    answer = client.ask("POST", "reload", body={})
    if as_json:
        document(answer)
        return
    click.echo("The new settings are in force.")
    for key in answer["restart"]:
        click.echo(f"{key} waits for a restart.")

"""``mailsuite sieve test``: one script, one message, every decision in words."""

import os
from typing import Any

import click
from attrs import define, evolve, field

from mailsuite.cli.client import Client
from mailsuite.cli.offline import wall
from mailsuite.cli.shown import document, json_option, plain
from mailsuite.delivery import zones
from mailsuite.delivery.running import QUESTIONS
from mailsuite.house import domains, sieves
from mailsuite.mime import headers
from mailsuite.model.errors import UsageError
from mailsuite.model.lines import printable
from mailsuite.sieve import outbound, telling
from mailsuite.sieve.check import check
from mailsuite.sieve.errors import BadScript, Question, Wanted
from mailsuite.sieve.extensions import imapsieve
from mailsuite.sieve.extensions.imapsieve import CAUSES
from mailsuite.sieve.extensions.snooze import AWAKEN
from mailsuite.sieve.extensions.table import spoken
from mailsuite.sieve.message import Message
from mailsuite.sieve.program import Program
from mailsuite.sieve.run import Letter, Plan, Run, planned
from mailsuite.sieve.vocabulary import Vocabulary

OFFLINE = {"mailboxexists": True, "mailboxidexists": True, "specialuse_exists": True}
"""What is taken for true where no account is named."""


operators_option = click.option(
    "--operator", is_flag=True, help="It is one of the operator's own scripts."
)


def vocabulary_of(client: Client, *, operator: bool) -> Vocabulary:
    """What scripts may ask for, as the configuration says if there is one."""
    if not os.path.exists(client.path):
        return spoken(programs=operator, zones=zones.known)
    return sieves.vocabulary(client.loaded.tree, users=not operator)


def title(file: Any) -> str:
    """What to call a file of the command line."""
    name = str(getattr(file, "name", "-"))
    return "standard input" if name in {"-", "<stdin>"} else name


@define(eq=False)
class World:
    """Answers to what a script asks: of an account, or what is assumed."""

    _client: Client
    _account: str
    _vocabulary: Vocabulary
    _now: float
    told: list[str] = field(factory=list)

    def answer(self, question: Question) -> Any:
        """Find it out; nothing is changed by that."""
        kind, subject = question.kind, question.subject
        if kind == "script":
            return self._script(*subject)
        if kind == "duplicate":
            return False
        if kind == "program":
            return b"" if subject[0] == "pipe" else None
        if kind == AWAKEN:
            return zones.awaken(subject, self._now)
        if self._account:
            where = ("replay", self._account, "answer")
            body = {"kind": kind, "subject": list(subject)}
            return self._client.ask("POST", *where, body=body)["answer"]
        answer = OFFLINE.get(kind)
        self.told.append(f"{kind} {' '.join(subject)}: {'yes' if answer else 'no'}")
        return answer

    def _script(self, location: str, name: str) -> Program | str | None:
        if location != "personal":
            tree, places = self._client.loaded.tree, self._client.places
            files = domains.load(places.domains)
            shared = sieves.load(tree, files, places.etc).shared
            return shared.get(name)
        if not self._account:
            return f"name the --account that has the script {name}"
        rows = self._client.ask("GET", "scripts", self._account)["scripts"]
        if name not in {row["name"] for row in rows}:
            return None
        where, query = ("scripts", self._account, "script"), {"name": name}
        content = self._client.ask("GET", *where, query=query)["content"]
        try:
            return check(content.encode(), self._vocabulary, traced=True)
        except BadScript as error:
            return f"{name}: {error}"


def tried(program: Program, letter: Letter, world: World) -> tuple[Run, Plan]:
    """Run a program to its end, answering what it asks."""
    answers: dict[Question, Any] = {}
    while True:
        running = Run(letter, answers)
        try:
            return running, planned(running, program)
        except Wanted as wanted:
            if len(answers) >= QUESTIONS:
                raise UsageError(f"more than {QUESTIONS} questions") from wanted
            answers[wanted.question] = world.answer(wanted.question)


@click.command("test")
@click.argument("script", type=click.File("rb"))
@click.argument("message", type=click.File("rb"))
@click.option("--from", "sender", help="Envelope sender; else that of Return-Path.")
@click.option("--to", "recipient", default="", help="Envelope recipient.")
@click.option("--account", default="", help="Whose mailboxes and scripts are asked.")
@click.option("--cause", type=click.Choice(CAUSES), help="Pretend an IMAP event.")
@click.option("--mailbox", default="INBOX", help="Where the message lies then.")
@click.option("--flag", "flags", multiple=True, help="A flag that it has then.")
@click.option("--changed", multiple=True, help="A flag that came or went.")
@operators_option
@json_option
@click.pass_obj
def try_script(
    client: Client,
    script: Any,
    message: Any,
    sender: str | None,
    recipient: str,
    account: str,
    operator: bool,
    as_json: bool,
    cause: str | None,
    mailbox: str,
    flags: tuple[str, ...],
    changed: tuple[str, ...],
) -> None:
    """Show what the script in SCRIPT decides about the message in MESSAGE.

    Every test and command is told with its line, then what would be done. Nothing is
    done: no mail is filed or sent. With --account the running suite is asked which
    mailboxes there are; else they are taken to be there.
    """
    vocabulary = vocabulary_of(client, operator=operator)
    try:
        program = check(script.read(), vocabulary, traced=True)
    except BadScript as error:
        raise UsageError(f"{title(script)}: {error}") from error
    octets = message.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    letter = _letter(octets, sender, recipient or account)
    if cause:
        letter = _event(letter, (cause, mailbox), flags, changed)
    world = World(client, account, vocabulary, letter.now)
    running, plan = tried(program, letter, world)
    if as_json:
        document(_document(running, plan, world))
    else:
        _show(running, plan, world)


def _show(running: Run, plan: Plan, world: World) -> None:
    """Print each decision, then what would be done."""
    for line, decision in running.trail:
        click.echo(f"line {line}: {printable(decision)}")
    for told in world.told:
        click.echo(f"taken for granted: {plain(told)}")
    if running.trail or world.told:
        click.echo()
    if plan.trouble:
        click.echo(f"The script fails: {printable(plan.trouble)}")
    click.echo("What would be done:")
    for action in plan.actions:
        at = f" (line {action.at})" if getattr(action, "at", 0) else ""
        click.echo(f"  {plain(telling.told(action))}{at}")
    if plan.message.changed:
        click.echo("  with a message that the script has changed")


def _letter(octets: bytes, sender: str | None, recipient: str) -> Letter:
    message = Message.of(octets)
    if sender is None:
        found = headers.value(message.header, b"return-path") or b""
        sender = found.decode("utf-8", "replace").strip()
    sender = sender.strip("<>")
    for one in (sender, recipient):
        if one and outbound.address(one) is None:
            raise UsageError(f"{one!r} is not an address: write name@example.org")
    return Letter(message, sender, recipient, now=wall())


def _event(
    letter: Letter,
    what: tuple[str, str],
    flags: tuple[str, ...],
    changed: tuple[str, ...],
) -> Letter:
    """The letter of an IMAP event (RFC 6785 §4), done by its recipient."""
    cause, mailbox = what
    told = {
        **imapsieve.PLACE,
        imapsieve.USER: letter.recipient,
        imapsieve.EMAIL: letter.recipient,
        imapsieve.CAUSE: cause,
        imapsieve.MAILBOX: mailbox,
        imapsieve.TO: mailbox,
        imapsieve.CHANGED: " ".join(changed),
    }
    return evolve(letter, environment=told, event=cause, flags=flags)


def _document(running: Run, plan: Plan, world: World) -> dict[str, Any]:
    return {
        "decisions": [
            {"line": line, "decision": decision} for line, decision in running.trail
        ],
        "assumed": world.told,
        "actions": [
            {
                "action": type(one).__name__.lower(),
                "line": getattr(one, "at", 0),
                "words": telling.told(one),
            }
            for one in plan.actions
        ],
        "changed": plan.message.changed,
        "trouble": plan.trouble,
    }

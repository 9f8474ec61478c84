"""``mailsuite auth check``: how a message would be judged, every step in words."""

from typing import Any

import click
from attrs import evolve

from mailsuite.cli.client import Client
from mailsuite.cli.offline import wall
from mailsuite.cli.shown import document, json_option, plain
from mailsuite.cli.waiting import waited
from mailsuite.directory.names import fold_domain
from mailsuite.dns.resolver import Resolver
from mailsuite.events.memory import Events
from mailsuite.house import domains
from mailsuite.mailauth import author, results
from mailsuite.mailauth.dkim.headers import split
from mailsuite.model.address import Address
from mailsuite.model.errors import UsageError
from mailsuite.model.proofs import Proofs
from mailsuite.policy.authentication.examiner import Client as Sender
from mailsuite.policy.authentication.examiner import Examiner, Letter
from mailsuite.policy.authentication.explain import explained, summary
from mailsuite.policy.authentication.ground import Ground
from mailsuite.policy.authentication.hashing import Hashing
from mailsuite.policy.authentication.verdict import Judgement, Rules, judge
from mailsuite.policy.networks import plain as plain_address


@click.group()
def auth() -> None:
    """Who sent a message: SPF, DKIM, ARC, DMARC."""


@auth.command()
@click.argument("file", type=click.File("rb"))
@click.option("--ip", default="", help="Address of the host that hands it over.")
@click.option("--helo", default="", help="The name with which that host greets.")
@click.option("--from", "sender", default="", help="Address of MAIL FROM.")
@click.option("--to", default="", help="A domain of ours whose own rules count.")
@json_option
@click.pass_obj
def check(
    client: Client,
    file: Any,
    ip: str,
    helo: str,
    sender: str,
    to: str,
    as_json: bool,
) -> None:
    """Explain how the message in FILE ("-": standard input) would be judged.

    Asks DNS now; changes nothing and counts nothing. Without --ip there is no SPF.
    """
    if ip and not plain_address(ip):
        raise UsageError(f"{ip!r} is not an IP address")
    local, at, domain = sender.strip("<>").rpartition("@")
    if sender.strip("<>") and not (local and at and domain):
        raise UsageError(f"{sender!r} is not an address: write name@example.org")
    who = Address(local, domain) if domain else None
    peer = Sender(plain_address(ip) if ip else "", helo, who)
    octets = file.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    proofs, judgement = waited(
        lambda reactor: _judged(client, reactor, peer, octets, to)
    )
    name = client.tree.authentication.authserv_id or client.tree.server.hostname
    if as_json:
        document(_document(proofs, judgement, name))
        return
    for line in explained(proofs, judgement):
        click.echo(plain(line))
    click.echo()
    for line in results.render(proofs, name).decode().splitlines():
        click.echo(plain(line.replace("\t", "    ")))


async def _judged(
    client: Client, reactor: Any, peer: Sender, octets: bytes, to: str
) -> tuple[Proofs, Judgement]:
    tree = client.tree
    resolver = Resolver.of(reactor, tree.dns)
    ground = Ground(reactor, wall, resolver, Events(), tree.server.hostname)
    try:
        settings = evolve(tree.authentication, replays=0)
        examiner = Examiner(ground, settings)
        header, body = split(octets)
        hashing = Hashing.of(header, ground.lanes.lane(""))
        hashing.feed(body)
        await hashing.ended()
        letter = Letter(header, author.read(header), hashing.bodies)
        proofs = await examiner.proofs(peer, letter)
        own = domains.load(client.places.domains).authentication
        rules = Rules.of(evolve(settings, **own.get(fold_domain(to), {})))
        return proofs, judge(proofs, examiner.facts(proofs, letter), rules)
    finally:
        await ground.stop()
        await resolver.stop()


def _document(proofs: Proofs, judgement: Judgement, name: str) -> dict[str, Any]:
    reply = judgement.reply
    return {
        "results": summary(proofs),
        "author": list(proofs.authors),
        "measure": "defer" if judgement.later else judgement.measure.word,
        "wanted": judgement.wanted.word,
        "reason": judgement.reason,
        "override": judgement.override,
        "comment": judgement.comment,
        "reply": f"{reply.code} {reply.status} {reply.text}" if reply else "",
        "steps": list(explained(proofs, judgement)),
        "field": results.render(proofs, name).decode(),
    }

"""iprev (RFC 8601 §3): whether the client's name leads back to its address."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from mailsuite.interfaces.resolving import IResolver, NoAnswer, NoSuchName
from mailsuite.model.proofs import Result, Reverse

NAMES = 10  # of one address that are looked at, as RFC 7208 §4.6.4 has it


async def check(ip: str, resolver: IResolver) -> Reverse:
    """Ask for the names of ``ip`` and then for the addresses of these."""
    try:
        client = ip_address(ip.partition("%")[0])
    except ValueError:
        return Reverse(Result.PERMERROR, steps=(f"{ip!r} is no IP address",))
    if isinstance(client, IPv6Address):
        client = client.ipv4_mapped or client
    try:
        names = await resolver.names(str(client))
    except NoSuchName:
        names = ()
    except NoAnswer:
        step = f"DNS gave no answer for the name of {client}: temperror"
        return Reverse(Result.TEMPERROR, steps=(step,))
    if not names:
        return Reverse(Result.PERMERROR, steps=(f"{client} has no name: permerror",))
    kind = "A" if client.version == 4 else "AAAA"
    return await _confirmed(str(client), kind, names, resolver)


async def _confirmed(
    client: str, kind: str, names: Sequence[str], resolver: IResolver
) -> Reverse:
    first = names[0].rstrip(".").lower()
    steps = [f"{client} has the name {first}"]
    failed = False
    for name in names[:NAMES]:
        name = name.rstrip(".").lower()  # noqa: PLW2901 - as it is compared
        try:
            rows = (await resolver.records(name, kind)).rows
        except NoSuchName:
            rows = ()
        except NoAnswer:
            failed = True
            steps.append(f"DNS gave no answer for {name}")
            continue
        steps.append(f"{kind} of {name}: {', '.join(rows[:NAMES]) or 'none'}")
        if any(_same(row, client) for row in rows):
            return Reverse(Result.PASS, name, (*steps, f"{name} leads back: pass"))
    # RFC 8601 §2.7.3: names without addresses are a fail as well.
    result = Result.TEMPERROR if failed else Result.FAIL
    steps.append(f"no name leads back to {client}: {result.value}")
    return Reverse(result, first, tuple(steps))


def _same(row: str, client: str) -> bool:
    if row == client:
        return True
    try:
        return str(ip_address(row)) == client
    except ValueError:
        return False

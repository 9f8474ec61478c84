"""What lies around: our own ports, the resolver, port 25 of others, blocklists."""

from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address

from attrs import frozen

from mailsuite.house.paths import Places
from mailsuite.house.sockets import DOORS, wanted
from mailsuite.house.tree import Tree
from mailsuite.interfaces.publishing import NOTE, RIGHT, WRONG, Finding
from mailsuite.interfaces.resolving import IResolver, NoAnswer, NoSuchName
from mailsuite.model.errors import UsageError
from mailsuite.net.endpoints import Place
from mailsuite.net.probe import Probe, Silent

TLS_DOORS = frozenset({"submissions", "imaps", "pop3s"})
"""Doors that say nothing before a handshake."""
GREETINGS = (b"220 ", b"* OK", b"+OK", b'"IMPLEMENTATION" ')
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@frozen
class Door:
    """One socket of ours."""

    name: str
    place: Place

    @property
    def reached(self) -> str:
        """An address under which this machine reaches it."""
        return ANYWHERE.get(self.place.host, self.place.host)


def doors(tree: Tree, places: Places) -> Iterator[Door]:
    """Give the sockets that the settings ask for."""
    listening = wanted(tree, places)
    for name in DOORS:
        if name == "lmtp":
            continue
        for text in getattr(listening, name):
            place = Place.parse(text)
            if place.port:
                yield Door(name, place)


async def listening(probe: Probe, found: Door) -> Finding:
    """Whether a port of ours answers."""
    what = f"port {found.place.port}"
    try:
        said = await probe.greeting(
            found.reached, found.place.port, waits=found.name not in TLS_DOORS
        )
    except Silent as error:
        hint = "start the suite, or look at its log"
        return Finding(what, WRONG, f"{found.name} does not answer: {error}", hint)
    if found.name not in TLS_DOORS and not said.startswith(GREETINGS):
        shown = said[:60].decode("ascii", "replace")
        hint = "something else listens there"
        return Finding(what, WRONG, f"{found.name} says {shown!r}", hint)
    return Finding(what, RIGHT, f"{found.name} answers")


async def resolving(resolver: IResolver) -> Finding:
    """Whether names are answered at all; the root's servers always have some."""
    hint = "look at [dns] servers, or /etc/resolv.conf"
    try:
        _ = await resolver.records("org", "SOA")
    except NoSuchName:
        return Finding("resolver", RIGHT, "it answers")
    except NoAnswer:
        return Finding("resolver", WRONG, "it gives no answer", hint)
    return Finding("resolver", RIGHT, "it answers")


async def outbound(probe: Probe, resolver: IResolver, target: str) -> Finding:
    """Whether mail can leave: many networks close port 25 outwards."""
    what = "port 25 outwards"
    host, _, port = target.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError("doctor.outbound is HOST:PORT")
    try:
        addresses = await resolver.addresses(host.strip("[]"))
    except (NoAnswer, NoSuchName):
        addresses = ()
    if not addresses:
        hint = "look at the resolver, or at doctor.outbound"
        return Finding(what, NOTE, f"{host} has no address", hint)
    heard = b""
    failure = ""
    for address in addresses[:2]:
        try:
            heard = await probe.greeting(address, int(port))
            break
        except Silent as error:
            failure = str(error)
    if heard.startswith(b"220"):
        return Finding(what, RIGHT, f"{host} answers")
    said = f"{host} does not answer: {failure or heard[:60].decode('ascii', 'replace')}"
    hint = "ask your provider to open port 25, or send through one: [relay] routes"
    return Finding(what, WRONG, said, hint)


async def listed(
    resolver: IResolver, address: str, lists: tuple[str, ...]
) -> AsyncIterator[Finding]:
    """Whether blocklists have an address of ours (RFC 5782 §2)."""
    pointer = ip_address(address).reverse_pointer
    reverse = pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    for name in lists:
        what = f"blocklist {name}"
        try:
            found = await resolver.addresses(f"{reverse}.{name}")
        except NoSuchName:
            found = ()
        except NoAnswer:
            hint = "look whether it still exists: doctor.blocklists"
            yield Finding(what, NOTE, "it gives no answer", hint)
            continue
        if any(one.startswith("127.") for one in found):
            hint = f"see what {name} says of {address}, and ask to be taken out"
            yield Finding(what, WRONG, f"{address} is on it", hint)
        else:
            yield Finding(what, RIGHT, f"{address} is not on it")

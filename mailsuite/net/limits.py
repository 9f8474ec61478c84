"""How many connections may be open: in all and from one host."""

from ipaddress import AddressValueError, IPv4Address, IPv6Address

from attrs import define, field

IPV6_PREFIX_BITS = 64  # RFC 6177: the least that one site is given


def network(host: str) -> str:
    """Name whom an address stands for: an IPv4 address or an IPv6 /64.

    An IPv4-mapped address counts as IPv4. Text that is no address stands for
    itself; on a Unix socket it is empty.
    """
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host.partition("%")[0])
    except AddressValueError:
        return host
    mapped = address.ipv4_mapped
    if mapped is not None:
        return str(IPv4Address(mapped))
    shift = 128 - IPV6_PREFIX_BITS
    return f"{IPv6Address(int(address) >> shift << shift)}/{IPV6_PREFIX_BITS}"


@define(eq=False)
class Limits:
    """Counts open connections of one service.

    ``total`` and ``per_host`` are the most that may be open at once; 0 means no
    limit. A host is an IPv4 address or an IPv6 /64; Unix sockets, whose host
    is empty, count in the total alone.
    """

    total: int
    per_host: int
    open: int = field(default=0, init=False)
    _hosts: dict[str, int] = field(factory=dict, init=False)

    def admit(self, host: str) -> bool:
        """Count a new connection, or say False and count nothing."""
        if self.total and self.open >= self.total:
            return False
        if host:
            name = network(host)
            count = self._hosts.get(name, 0)
            if self.per_host and count >= self.per_host:
                return False
            self._hosts[name] = count + 1
        self.open += 1
        return True

    def leave(self, host: str) -> None:
        """An admitted connection ended."""
        self.open -= 1
        if not host:
            return
        name = network(host)
        count = self._hosts.get(name, 0) - 1
        if count > 0:
            self._hosts[name] = count
        else:
            self._hosts.pop(name, None)

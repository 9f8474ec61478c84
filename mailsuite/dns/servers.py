"""Which servers are asked: from the settings or ``/etc/resolv.conf``."""

from collections.abc import Sequence
from ipaddress import ip_address

from attrs import frozen
from typing_extensions import override

from mailsuite.model.errors import UsageError

RESOLV_CONF = "/etc/resolv.conf"
PORT = 53
SERVERS = 8  # more of them would only prolong every failure


@frozen
class Server:
    """A recursive server's address and port."""

    host: str
    port: int = PORT

    @override
    def __str__(self) -> str:
        return (
            f"[{self.host}]:{self.port}"
            if ":" in self.host
            else f"{self.host}:{self.port}"
        )


def parse(text: str) -> Server:
    """Read ``192.0.2.1``, ``192.0.2.1:5353``, ``2001:db8::1`` or ``[::1]:5353``.

    :raises UsageError: it is none of them.
    """
    host, port = text.strip(), str(PORT)
    if host.startswith("["):
        host, _, port = host[1:].partition("]")
        port = port.removeprefix(":") or str(PORT)
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    try:
        if not port.isdecimal() or not 0 < int(port) <= 0xFFFF:
            raise ValueError(port)
        return Server(str(ip_address(host)), int(port))
    except ValueError as error:
        raise UsageError(
            f"dns.servers: {text!r} is no address; write 192.0.2.1 or [2001:db8::1]:53"
        ) from error


def system(path: str = RESOLV_CONF) -> Sequence[Server]:
    """Give the system's servers; without any, the one on this machine."""
    found = []
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                words = line.split()
                if len(words) >= 2 and words[0] == "nameserver" and "%" not in words[1]:
                    found.append(parse(words[1]))
    except (OSError, UsageError):
        pass
    return found[:SERVERS] or [Server("127.0.0.1")]


def chosen(servers: Sequence[str], path: str = RESOLV_CONF) -> Sequence[Server]:
    """Give the configured servers, or the system's."""
    return [parse(text) for text in servers][:SERVERS] or system(path)

"""A client that closes its side first: all its octets, the end, then what it hears."""

import socket
from contextlib import suppress

from OpenSSL import SSL

from tests.support.patience import PATIENCE_SECONDS


def heard(port, octets, tls=False, before=()):
    """Give everything that is said until the other side closes, which it must.

    ``before`` are octets that are sent, each when something was heard. In TLS the end
    is a close_notify.
    """
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as plain:
        if tls:
            return _heard_in_tls(plain, octets)
        for each in before:
            plain.recv(65_536)
            plain.sendall(each)
        plain.sendall(octets)
        plain.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: plain.recv(65_536), b""))


def _heard_in_tls(plain, octets):
    plain.settimeout(None)
    layer = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), plain)
    layer.set_connect_state()
    layer.do_handshake()
    layer.sendall(octets)
    layer.shutdown()
    told = []
    with suppress(SSL.ZeroReturnError):
        while True:
            told.append(layer.recv(65_536))
    return b"".join(told)

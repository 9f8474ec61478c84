"""Domains with SPF, DKIM and DMARC, messages signed by dkimpy, and their DNS.

``good.test`` sends from 192.0.2.7 and 127.0.0.1, signs, and asks to reject what
fails; ``mild.test`` likewise asks for quarantine, ``lax.test`` for nothing. From
``bare.test`` nothing is known but that it exists.
"""

import base64
import socket
import threading
import time
from functools import cache

import dkim
import dns.message
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

SELECTOR = "s1"
SENDERS = ("192.0.2.7", "127.0.0.1")
BODY = b"Hello,\r\n\r\nthis is the body.\r\n"
HEADERS = [b"from", b"to", b"subject", b"date", b"message-id"]


@cache
def key(bits=2048):
    """PEM of a private key, and the public half in base64."""
    private = rsa.generate_private_key(65537, bits)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem, base64.b64encode(public).decode()


def record(bits=2048):
    """The TXT record of that key."""
    return f"v=DKIM1; k=rsa; p={key(bits)[1]}"


def texts():
    """Names and their TXT records."""
    spf = "v=spf1 " + " ".join(f"ip4:{one}" for one in SENDERS) + " -all"
    found = {"bare.test": ["nothing"], "refuses.test": ["v=spf1 -all"]}
    for domain, policy in (
        ("good.test", "reject"),
        ("mild.test", "quarantine"),
        ("lax.test", "none"),
    ):
        found[domain] = [spf]
        found[f"{SELECTOR}._domainkey.{domain}"] = [record()]
        found[f"_dmarc.{domain}"] = [f"v=DMARC1; p={policy}"]
    found[f"{SELECTOR}._domainkey.lists.test"] = [record()]
    return found


def rows(found):
    """The same as lines for ``nameserver.Zones``."""
    for name, values in found.items():
        for value in values:
            parts = [value[n : n + 250] for n in range(0, len(value), 250)]
            joined = " ".join(f'"{part}"' for part in parts)
            yield f"{name}. 60 IN TXT {joined}"


def message(author="a@good.test", *, body=BODY, extra=b"", subject="Hello"):
    """A message without a signature."""
    head = (
        f"From: <{author}>\r\nTo: <u@example.test>\r\nSubject: {subject}\r\n"
        "Date: Thu, 14 May 2026 10:00:00 +0000\r\n"
        "Message-ID: <1@good.test>\r\n"
    )
    return extra + head.encode() + b"\r\n" + body


def signed(octets, domain="good.test", *, selector=SELECTOR, bits=2048, **more):
    """The message with a signature of dkimpy on top."""
    field = dkim.sign(
        octets,
        selector.encode(),
        domain.encode(),
        key(bits)[0],
        include_headers=HEADERS,
        canonicalize=(b"relaxed", b"relaxed"),
        **more,
    )
    return field + octets


def sealed(octets, srv_id, results, domain="lists.test"):
    """The message with a set of ARC on top, as a list would put it there.

    ``results`` is what the list claims to have found out.
    """
    field = f"Authentication-Results: {srv_id}; {results}\r\n".encode()
    lines = dkim.arc_sign(
        field + octets,
        SELECTOR.encode(),
        domain.encode(),
        key(2048)[0],
        srv_id.encode(),
        include_headers=HEADERS[:4],
        timestamp=int(time.time()),
    )
    return b"".join(lines) + octets


class NameThread:
    """A name server in a thread, on UDP and TCP of one port, for ``Zones``."""

    def __init__(self, zones):
        self.zones = zones
        self._stop = threading.Event()
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        for one in (self._udp, self._tcp):
            one.settimeout(0.2)
        self._threads = [
            threading.Thread(target=work, daemon=True)
            for work in (self._datagrams, self._streams)
        ]
        for thread in self._threads:
            thread.start()

    def _answers(self, octets, tcp, send):
        for one in self.zones(dns.message.from_wire(octets), tcp):
            if isinstance(one, bytes):
                send(one)
            else:
                threading.Timer(one[0], send, [one[1]]).start()

    def _datagrams(self):
        while not self._stop.is_set():
            try:
                octets, peer = self._udp.recvfrom(65_535)
            except TimeoutError:
                continue
            self._answers(octets, False, lambda one, to=peer: self._udp.sendto(one, to))

    def _streams(self):
        while not self._stop.is_set():
            try:
                connection, _ = self._tcp.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(2)
                octets = connection.recv(65_535)
                if len(octets) > 2:
                    self._answers(
                        octets[2:],
                        True,
                        lambda one, to=connection: to.sendall(
                            len(one).to_bytes(2) + one
                        ),
                    )

    def stop(self):
        """End it; the port is free again."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()

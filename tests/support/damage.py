"""Harm done to files, and what an account looks like before and after it."""

import os
import re
import time

from tests.support.ledger import message
from tests.support.patience import PATIENCE_SECONDS

FLIPS = 24
BLOCK_OCTETS = 4096


def flip(path, rng):
    """Turn some random bits over."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        for _ in range(FLIPS):
            at = rng.randrange(size)
            file.seek(at)
            (octet,) = file.read(1)
            file.seek(at)
            file.write(bytes([octet ^ 1 << rng.randrange(8)]))


def scribble(path, rng):
    """Write a block of noise somewhere into the first half."""
    with path.open("r+b") as file:
        file.seek(rng.randrange(1 + path.stat().st_size // 2))
        file.write(rng.randbytes(BLOCK_OCTETS))


def behead(path, rng):
    """Write noise over the first octets."""
    with path.open("r+b") as file:
        file.write(rng.randbytes(100))


def cut(path, rng):
    """Cut off the end."""
    os.truncate(path, rng.randrange(path.stat().st_size))


def empty(path, _rng):
    os.truncate(path, 0)


def gone(path, _rng):
    path.unlink()


HARMS = (flip, scribble, behead, cut, empty, gone)


def send(demo, number, user=1, size=300):
    """Send one numbered message; it is acknowledged."""
    with demo.smtp() as client:
        sender = "sender@example.org"
        client.sendmail(sender, [demo.address(user)], message(number, size))


def view(demo, user=1):
    """UIDVALIDITY of an INBOX, and for each number its UID and flag."""
    client = demo.imap(user)
    try:
        if client.select("INBOX")[0] != "OK":
            raise AssertionError("SELECT failed")
        (validity,) = client.response("UIDVALIDITY")[1]
        fields = "(UID FLAGS BODY.PEEK[HEADER.FIELDS (X-NUMBER)])"
        said, rows = client.uid("FETCH", "1:*", fields)
        if said != "OK":
            raise AssertionError(f"FETCH: {rows}")
        pairs = [row for row in rows if isinstance(row, tuple)]
    finally:
        client.logout()
    found = {}
    for told, field in pairs:
        number = int(re.search(rb"\d+", field).group())
        uid = int(re.search(rb"UID (\d+)", told).group(1))
        found[number] = (uid, b"\\Flagged" in told)
    return validity, found


def wait_for(done, seconds=PATIENCE_SECONDS):
    """Ask until it is so; gives the seconds that took."""
    began = time.monotonic()
    while not done():
        if time.monotonic() > began + seconds:
            raise AssertionError(f"not so after {seconds} s")
        time.sleep(0.05)
    return time.monotonic() - began

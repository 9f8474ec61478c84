"""Chains of ARC made by dkimpy and by us, and a zone of their keys."""

from functools import cache

import dkim
from twisted.internet.defer import Deferred

from mailsuite.directory import keymaking
from mailsuite.dns.memory import Table
from mailsuite.mailauth import arc, arcseal
from mailsuite.mailauth.dkim import headers, sign, verify
from mailsuite.mailauth.dkim.bodies import Body
from mailsuite.mailauth.dkim.canonical import Canon

NOW = 1_700_000_000.0
DOMAINS = tuple(f"sealer{n}.test" for n in range(1, 6))

MESSAGE = (
    b"From: Anna <anna@author.test>\r\n"
    b"To: list@lists.test\r\n"
    b"Subject: =?utf-8?q?caf=C3=A9?=  and\r\n\t more\r\n"
    b"Date: Mon, 20 Nov 2023 10:00:00 +0000\r\n"
    b"Message-ID: <1@author.test>\r\n"
    b"\r\n"
    b"Hello  world \t\r\n\r\nbye\r\n\r\n\r\n"
)


@cache
def key(domain, algorithm="rsa-sha256"):
    """A signing key; the same at each call."""
    return keymaking.make(domain, "k" + algorithm[0], algorithm, "active", NOW)


def zone(*more):
    """Names and records of all keys."""
    keys = [key(domain) for domain in DOMAINS] + list(more)
    return {one.name: [one.record.encode()] for one in keys}


def resolver(**more):
    return Table(text=zone(), **more)


def asked(name, timeout=5):
    """What dkimpy calls for a TXT record."""
    found = zone().get(name.decode().rstrip("."))
    return found[0] if found else None


def now(work):
    """The result of a coroutine that never waits."""
    results = []
    _ = Deferred.fromCoroutine(work).addBoth(results.append)
    (result,) = results
    if hasattr(result, "raiseException"):
        result.raiseException()
    return result


def body_hash(message):
    body = Body(Canon.RELAXED)
    body.feed(headers.split(message)[1])
    return body.digest()


def sealed(message, domain, status, *, at=NOW, results="dmarc=pass"):
    """The message with one more set of ours; as it was if nothing was sealed.

    Our results stand below the set, where reception would have put them.
    """
    service = f"mx.{domain}"
    said = "" if status == "none" else f"; arc={status}"
    field = f"Authentication-Results: {service}; {results}{said}\r\n".encode()
    header, _ = headers.split(message)
    signer = sign.signer(key(domain))
    fields = arcseal.seal(field + header, body_hash(message), signer, service, at)
    return fields + message


def sealed_by_dkimpy(message, domain, status, include=None):
    """The message with one more set of dkimpy's."""
    server = f"mx.{domain}".encode()
    field = b"Authentication-Results: " + server + b"; dmarc=pass"
    field += b"" if status == "none" else b"; arc=" + status.encode()
    one = key(domain)
    fields = dkim.arc_sign(
        field + b"\r\n" + message,
        one.selector.encode(),
        domain.encode(),
        one.private,
        server,
        include_headers=include or [b"from", b"to", b"subject", b"date"],
        timestamp=int(NOW),
    )
    return b"".join(fields) + message


def validated(message, table=None, trusted=(), at=NOW):
    """What we find."""
    header, body = headers.split(message)
    bodies = verify.begin(header)
    bodies.feed(body)
    return now(arc.validate(bodies, table or resolver(), at, trusted))


def validated_by_dkimpy(message):
    """What dkimpy finds: ``pass``, ``fail`` or ``none``."""
    result, _, _ = dkim.arc_verify(message, dnsfunc=asked)
    return result.decode() if result else "fail"

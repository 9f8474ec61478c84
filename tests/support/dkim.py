"""Keys, zones and generated messages for tests of DKIM."""

import base64
from functools import lru_cache

from attrs import frozen
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from mailsuite.dns.memory import Table
from mailsuite.interfaces.signing import SigningKey
from mailsuite.mailauth.dkim import headers, sign, verify
from mailsuite.mailauth.dkim.bodies import Body
from mailsuite.mailauth.dkim.canonical import Canon

NOW = 1_700_000_000
DOMAIN = "example.com"

PLAIN = (
    b"From: Joe <joe@example.com>\r\n"
    b"To: Suzie <suzie@example.net>\r\n"
    b"Subject: Is dinner ready?\r\n"
    b"Date: Fri, 11 Jul 2003 21:00:37 -0700\r\n"
    b"Message-ID: <1@example.com>\r\n"
    b"\r\n"
    b"Hi.\r\n\r\nWe lost the game.\r\n"
)


@frozen
class Pair:
    """A private key and the record of its public half."""

    selector: str
    algorithm: str
    pem: bytes
    record: bytes
    domain: str = DOMAIN

    @property
    def signing(self):
        """As the suite keeps it."""
        return SigningKey(
            self.domain,
            self.selector,
            self.algorithm,
            "active",
            0.0,
            self.record.decode(),
            self.pem,
        )

    @property
    def signer(self):
        return _signer(self)

    @property
    def name(self):
        return f"{self.selector}._domainkey.{self.domain}"


@lru_cache
def _signer(pair):
    """Decode a key once; OpenSSL checks it each time."""
    return sign.signer(pair.signing)


def _pem(private):
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@lru_cache
def rsa_pair(bits=2048, selector="r"):
    private = rsa.generate_private_key(65537, bits)
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    return Pair(selector, "rsa-sha256", _pem(private), record)


@lru_cache
def ed25519_pair(selector="e"):
    private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    record = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(public)
    return Pair(selector, "ed25519-sha256", _pem(private), record)


def zone(*pairs, **more):
    """A resolver that knows the keys; ``more`` are selectors' own records."""
    text = {pair.name: (pair.record,) for pair in pairs}
    for selector, records in more.items():
        text[f"{selector}._domainkey.{DOMAIN}"] = records
    return Table(text=text)


def run(work):
    """Run a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


def verified(message, resolver, now=NOW, blocks=None):
    """Judge a whole message; its body comes in ``blocks`` if they are given."""
    header, body = headers.split(message)
    bodies = verify.begin(header)
    for block in [body] if blocks is None else blocks:
        bodies.feed(block)
    return run(verify.verify(bodies, resolver, now))


def signed(message, *pairs, now=NOW, seconds=0.0, names=sign.NAMES):
    """Put our signatures before a message."""
    header, octets = headers.split(message)
    body = Body(Canon.RELAXED)
    body.feed(octets)
    signers = [pair.signer for pair in pairs]
    return sign.sign(header, body.digest(), signers, now, seconds, names) + message


def forged(message, pair, **tags):
    """Sign with the tags of a test: what the suite's own signer would not write.

    Tags whose value is None are left out; ``h`` and the canonicalization in ``c``
    are followed, and so is ``l`` for the hash of the body.
    """
    values = {
        "v": "1",
        "a": pair.algorithm,
        "c": "relaxed/relaxed",
        "d": pair.domain,
        "s": pair.selector,
        "h": "from:to:subject:date:message-id",
        **tags,
    }
    header, octets = headers.split(message)
    head, _, tail = (values["c"] or "simple/simple").partition("/")
    canon, body_canon = Canon(head), Canon(tail or "simple")
    length = None if values.get("l") is None else int(values["l"])
    if "bh" not in tags:
        body = Body(body_canon, frozenset(() if length is None else (length,)))
        body.feed(octets)
        digest = body.digest(length) or body.digest()
        values["bh"] = base64.b64encode(digest).decode()
    listed = "; ".join(f"{k}={v}" for k, v in values.items() if v is not None)
    unsigned = b"DKIM-Signature: " + listed.encode() + b"; b="
    known = headers.read(header)
    names = [name.strip().lower().encode() for name in (values["h"] or "").split(":")]
    chosen = known.chosen(names, canon)
    if canon is Canon.SIMPLE:
        return _simply(unsigned, chosen, pair) + message
    return sign.completed(unsigned, chosen, pair.signer.private) + message


def _simply(unsigned, chosen, pair):
    """Sign a field in its simple form."""
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.hashes import SHA256

    private = pair.signer.private
    signature = private.sign(chosen + unsigned, padding.PKCS1v15(), SHA256())
    return unsigned + base64.b64encode(signature) + b"\r\n"


WORDS = (b"alpha", b"be", b"gamma.", b"d", b"=3D", b"\xc3\xa9t\xc3\xa9", b".", b"From")
SPACES = (b" ", b"  ", b"\t", b" \t ", b"   ")


def body(random, lines=12):
    """Make a body with white space wherever it may matter."""
    made = []
    for _ in range(random.randrange(lines)):
        kind = random.randrange(6)
        if kind == 0:
            made.append(b"")
        elif kind == 1:
            made.append(random.choice(SPACES))
        else:
            words = [random.choice(WORDS) for _ in range(random.randrange(1, 9))]
            line = b"".join(word + random.choice(SPACES) for word in words)
            made.append(line if kind == 2 else line.rstrip())
    return b"".join(line + b"\r\n" for line in made) + b"\r\n" * random.randrange(3)


def header(random):
    """Make a header with folds, repeated fields and names in odd cases."""
    fields = [
        b"From: Joe <joe@example.com>",
        b"to:suzie@example.net,\r\n\tjoe@example.org",
        b"SUBJECT:  " + b" ".join(random.choice(WORDS) for _ in range(4)) + b"  ",
        b"Date: Fri, 11 Jul 2003 21:00:37 -0700",
        b"Message-ID: <%d@example.com>" % random.randrange(10**9),
    ]
    for _ in range(random.randrange(6)):
        name = random.choice((b"Received", b"X-Thing", b"List-Id", b"Comments", b"Cc"))
        words = [random.choice(WORDS) for _ in range(random.randrange(1, 6))]
        gap = random.choice((b" ", b"\r\n ", b"\r\n\t", b"  \r\n  ", b" \r\n\t "))
        fields.append(name + b":" + random.choice((b"", b" ")) + gap.join(words))
    random.shuffle(fields)
    return b"".join(one + b"\r\n" for one in fields)


def message(random):
    """Make a message; the same ``random`` makes the same."""
    return header(random) + b"\r\n" + body(random)

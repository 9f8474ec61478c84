"""Who speaks to us: peers, what they prove, and whom we take them for."""

from attrs import field, frozen

from mailsuite.model.ids import AccountName
from mailsuite.model.values import value


@value
class Peer:
    """The other end of one connection.

    ``host`` is an IP address in text, or empty on a Unix socket; ``session`` is
    the id that stands as ``sid=`` in logs and in the Received field.
    """

    host: str
    port: int
    session: str
    secure: bool = False


@frozen
class Password:
    """A name and a secret as a client sent them (RFC 4616, LOGIN, PASS)."""

    name: str
    secret: str = field(repr=False)


@frozen
class StoredKeys:
    """What a server keeps of a password for SCRAM (RFC 5802 §3); no password.

    ``digest`` is the hash: ``sha1`` or ``sha256``.
    """

    digest: str
    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


@frozen
class Signature:
    """A proof that somebody knows a password, which stayed at home (RFC 5802).

    ``keys`` are those that the challenge told of, ``message`` is AuthMessage and
    ``proof`` ClientProof. ``final`` is what the server says last, if all is well.
    """

    name: str
    keys: StoredKeys
    message: bytes = field(repr=False)
    proof: bytes = field(repr=False)
    final: bytes = field(repr=False)


Proof = Password | Signature


@frozen
class Principal:
    """An authenticated user."""

    name: str
    account: AccountName


@frozen
class Denied:
    """Not authenticated. ``temporary`` when the directory could not tell."""

    temporary: bool = False

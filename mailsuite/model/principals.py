"""Who speaks to us: peers, what they prove, and whom we take them for."""

from attrs import field, frozen

from mailsuite.model.ids import AccountName


@frozen
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
class Principal:
    """An authenticated user."""

    name: str
    account: AccountName


@frozen
class Denied:
    """Not authenticated. ``temporary`` when the directory could not tell."""

    temporary: bool = False

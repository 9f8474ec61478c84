"""What a session offers and where it stands, as its commands must know it."""

from attrs import define, evolve, frozen

from mailsuite.model.replies import Reply
from mailsuite.wire.smtp.lmtp import Dialect
from mailsuite.wire.smtp.states import State


@frozen
class Offer:
    """What a session allows and promises. ``size`` in octets.

    ``mechanisms`` are offered in TLS, and without it only if ``clear_auth``.
    ``tls_first`` refuses mail before TLS.
    """

    hostname: str
    dialect: Dialect = Dialect.SMTP
    size: int = 50 * 1024 * 1024
    recipients: int = 1_000
    starttls: bool = False
    tls_first: bool = False
    mechanisms: tuple[str, ...] = ()
    clear_auth: bool = False


@define(eq=False, repr=False)
class Standing:
    """The dialogue so far; ``recipients`` counts those accepted."""

    offer: Offer
    secure: bool = False
    state: State = State.CONNECTED
    authenticated: bool = False
    utf8: bool = False
    recipients: int = 0
    errors: int = 0

    @property
    def auth_open(self) -> bool:
        """Whether AUTH may be used as things stand."""
        offer = self.offer
        return bool(offer.mechanisms) and (self.secure or offer.clear_auth)

    def offers(self, mechanisms: tuple[str, ...]) -> None:
        """Offer these, where any are offered at all."""
        if self.offer.mechanisms:
            self.offer = evolve(self.offer, mechanisms=mechanisms)

    def welcome(self, *, extended: bool) -> Reply:
        """The positive answer to a greeting (RFC 5321 §4.1.1.1)."""
        offer = self.offer
        if not extended:
            return Reply(250, "", offer.hostname)
        lines = ["PIPELINING", f"SIZE {offer.size}", "8BITMIME"]
        lines += ["SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if offer.starttls and not self.secure:
            lines.append("STARTTLS")
        if self.auth_open and not self.authenticated:
            lines.append("AUTH " + " ".join(offer.mechanisms))
        lines.append("HELP")
        return Reply(250, "", offer.hostname, tuple(lines))

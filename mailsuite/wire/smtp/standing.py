"""What a session offers and where it stands, as its commands must know it."""

from attrs import define, evolve, field, frozen

from mailsuite.model.replies import Reply
from mailsuite.wire.smtp import replies
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
    _welcomes: dict[tuple[bool, ...], Reply] = field(
        factory=dict, init=False, eq=False, repr=False
    )

    def welcome(self, *, extended: bool, starttls: bool, auth: bool) -> Reply:
        """The positive answer to a greeting (RFC 5321 §4.1.1.1), made once."""
        which = (extended, starttls, auth)
        if which not in self._welcomes:
            lines = self._lines(starttls=starttls, auth=auth) if extended else ()
            reply = Reply(250, "", self.hostname, lines)
            self._welcomes[which] = replies.ready(reply)
        return self._welcomes[which]

    def _lines(self, *, starttls: bool, auth: bool) -> tuple[str, ...]:
        lines = ["PIPELINING", f"SIZE {self.size}", "8BITMIME"]
        lines += ["SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if starttls:
            lines.append("STARTTLS")
        if auth:
            lines.append("AUTH " + " ".join(self.mechanisms))
        return (*lines, "HELP")


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
        if self.offer.mechanisms not in {(), mechanisms}:
            self.offer = evolve(self.offer, mechanisms=mechanisms)

    def welcome(self, *, extended: bool) -> Reply:
        """The positive answer to a greeting, as things stand."""
        offer = self.offer
        return offer.welcome(
            extended=extended,
            starttls=offer.starttls and not self.secure,
            auth=self.auth_open and not self.authenticated,
        )

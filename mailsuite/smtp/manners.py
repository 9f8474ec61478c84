"""How one kind of door behaves, worked out of its settings once."""

from ipaddress import ip_address

from attrs import evolve, field, frozen

from mailsuite.model.errors import UsageError
from mailsuite.model.replies import Reply
from mailsuite.net.endpoints import Place
from mailsuite.smtp.settings import LMTP, SMTP, Sessions, Submission
from mailsuite.wire.sasl.mechanisms import Choice
from mailsuite.wire.smtp import replies
from mailsuite.wire.smtp.lmtp import Dialect
from mailsuite.wire.smtp.standing import Offer

RECIPIENTS = 100  # RFC 5321 §4.5.3.1.8: the least that must be buffered
OFFERED = Choice().names  # the least; a session may be told of more
AUTH_ATTEMPTS = 3  # failed logins in one session where no setting says so


@frozen(eq=False)
class Manners:
    """Of one port. ``tls_at_once`` is implicit TLS (RFC 8314).

    ``role`` names the way in for events. ``near`` is offered to peers on
    loopback, ``offer`` to all others.
    """

    role: str
    sessions: Sessions
    offer: Offer
    near: Offer
    tls_at_once: bool = False
    auth_attempts: int = AUTH_ATTEMPTS
    greeting: Reply = field(init=False)
    """The opening reply (RFC 5321 §4.3.1)."""

    @greeting.default
    def _greeting(self) -> Reply:
        name = "LMTP" if self.offer.dialect is Dialect.LMTP else "ESMTP"
        return replies.ready(Reply(220, "", f"{self.offer.hostname} {name}"))

    def offered(self, host: str) -> Offer:
        """What this peer is offered; no host means a Unix socket."""
        if self.near is self.offer or not host:
            return self.offer
        return (
            self.near if ip_address(host.partition("%")[0]).is_loopback else self.offer
        )

    def at_once(self) -> "Manners":
        """The same with implicit TLS."""
        offer = evolve(self.offer, starttls=False)
        return evolve(self, offer=offer, near=offer, tls_at_once=True)


def _offer(role: str, hostname: str, sessions: Sessions, size: int) -> Offer:
    if sessions.recipients < RECIPIENTS:
        raise UsageError(f"{role}.recipients is at least {RECIPIENTS} (RFC 5321)")
    return Offer(hostname, size=size, recipients=sessions.recipients)


def smtp(settings: SMTP, hostname: str, size: int, *, tls: bool) -> Manners:
    """Port 25: anybody may talk, with TLS or without."""
    offer = evolve(
        _offer("smtp", hostname, settings, size),
        starttls=tls,
        mechanisms=OFFERED if settings.auth and tls else (),
    )
    return Manners("smtp", settings, offer, offer)


def submission(settings: Submission, hostname: str, size: int, *, tls: bool) -> Manners:
    """Port 587: TLS first, then AUTH (RFC 8314 §3.3)."""
    offer = evolve(
        _offer("submission", hostname, settings, size),
        starttls=tls,
        tls_first=True,
        mechanisms=OFFERED,
    )
    near = offer
    if settings.clear_auth_on_loopback:
        near = evolve(offer, tls_first=False, clear_auth=True)
    attempts = settings.auth_attempts
    return Manners("submission", settings, offer, near, auth_attempts=attempts)


def lmtp(settings: LMTP, hostname: str, size: int) -> Manners:
    """A socket of this machine.

    :raises UsageError: it could be reached from others, and LMTP trusts anybody.
    """
    for text in settings.listen:
        place = Place.parse(text)
        if not place.path and not ip_address(place.host).is_loopback:
            raise UsageError(f"lmtp.listen: {text} is not on loopback")
    offer = evolve(_offer("lmtp", hostname, settings, size), dialect=Dialect.LMTP)
    return Manners("lmtp", settings, offer, offer)

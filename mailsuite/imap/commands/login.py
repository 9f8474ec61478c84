"""STARTTLS, LOGIN and AUTHENTICATE (RFC 3501 §6.2)."""

from secrets import token_urlsafe

from twisted.internet.task import deferLater

from mailsuite.imap.answers import No
from mailsuite.imap.commands import plain
from mailsuite.imap.talk import Talk
from mailsuite.model.principals import (
    Denied,
    Password,
    Principal,
    Proof,
    Signature,
)
from mailsuite.wire.imap.commands.access import Authenticate, Login
from mailsuite.wire.imap.commands.bare import Bare
from mailsuite.wire.sasl import encoding, exchange
from mailsuite.wire.sasl.exchange import Challenge, ForAnother, Parting

_PRIVACY = b"NO [PRIVACYREQUIRED] Encryption is required before a password is sent"
_WRONG = b"NO [AUTHENTICATIONFAILED] Name or password is wrong"
_FOR_ANOTHER = b"NO [AUTHORIZATIONFAILED] Nobody may act for another"
_UNAVAILABLE = b"NO [UNAVAILABLE] Try again later"


async def starttls(talk: Talk, _: Bare) -> bytes:
    """§6.2.1; the door begins TLS after the answer."""
    if not plain.may_secure(talk):
        raise No(b"BAD TLS is not available now")
    return b"OK Begin TLS"


async def login(talk: Talk, asked: Login) -> bytes | None:
    """§6.2.3."""
    if not plain.may_log_in(talk):
        raise No(_PRIVACY)
    talk.mechanism = "LOGIN"
    return await prove(talk, Password(asked.name, asked.secret))


async def authenticate(talk: Talk, asked: Authenticate) -> bytes | None:
    """§6.2.2 and RFC 4959; None: a challenge was sent."""
    begun = plain.choice(talk).begin(asked.mechanism, token_urlsafe())
    if begun is None:
        raise No(b"NO [CANNOT] Unknown mechanism")
    if not plain.may_log_in(talk):
        raise No(_PRIVACY)
    talk.exchange, talk.mechanism = begun, asked.mechanism.upper()
    response = None
    if asked.response is not None:
        response = encoding.decode(asked.response)
        if response is None:
            talk.exchange = None
            raise No(b"BAD Base64 expected")
    return await step(talk, response)


async def respond(talk: Talk, line: bytes) -> bytes | None:
    """A line of the exchange that runs; ``*`` gives it up."""
    response = None if line == b"*" else encoding.decode(line)
    if response is None:
        talk.exchange = None
        raise No(b"BAD Cancelled" if line == b"*" else b"BAD Base64 expected")
    return await step(talk, response)


async def step(talk: Talk, response: bytes | None) -> bytes | None:
    """One step of the exchange; None: a challenge was sent."""
    assert talk.exchange is not None
    running, talk.exchange = talk.exchange, None
    try:
        found = await exchange.step(running, response, talk.ground.directory)
    except ForAnother:
        talk.failures += 1
        raise No(_FOR_ANOTHER) from None
    if isinstance(found, Challenge):
        talk.exchange = running
        talk.write(b"+ %b\r\n" % encoding.encode(found.octets))
        return None
    if isinstance(found, Principal):
        return await admitted(talk, found)
    return await prove(talk, found)


async def prove(talk: Talk, proof: Proof) -> bytes | None:
    """Ask the directory, later after failures; None: its answer was sent."""
    ground, line = talk.ground, talk.line
    if delay := ground.throttle.delay(line.host, proof.name):
        await deferLater(ground.clock, delay)
    found = await ground.directory.authenticate(proof, line.host)
    if isinstance(found, Denied):
        reason = "temporary" if found.temporary else "denied"
        told(talk, "auth.failed", user=proof.name, reason=reason, rip=line.host)
        if found.temporary:
            raise No(_UNAVAILABLE)
        talk.failures += 1
        ground.throttle.failed(line.host, proof.name)
        raise No(_WRONG)
    ground.throttle.succeeded(proof.name)
    if isinstance(proof, Signature):
        talk.exchange = Parting(found)
        talk.write(b"+ %b\r\n" % encoding.encode(proof.final))
        return None
    return await admitted(talk, found)


def told(talk: Talk, what: str, **fields: str) -> None:
    """Tell how a proof ended."""
    session, mechanism = talk.line.session, talk.mechanism
    talk.ground.events.happened(
        what, sid=session, door="imap", mechanism=mechanism, **fields
    )


async def admitted(talk: Talk, found: Principal) -> bytes:
    """Somebody proved who they are: open the account."""
    ground, line = talk.ground, talk.line
    told(talk, "auth.succeeded", user=found.name, rip=line.host)
    account = await ground.accounts.open(found.account)
    if line.gone:
        account.close()
        return b""
    talk.enter(found.name, account)
    ground.events.happened(
        "imap.login", sid=line.session, user=found.name, rip=line.host
    )
    return b"OK [CAPABILITY %b] Logged in" % plain.capabilities(talk)

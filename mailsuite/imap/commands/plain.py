"""CAPABILITY, NOOP, CHECK, LOGOUT, ID, NAMESPACE, ENABLE."""

from mailsuite.imap.talk import Talk
from mailsuite.wire.imap.commands.bare import ID, Bare, Enable
from mailsuite.wire.imap.commands.table import State
from mailsuite.wire.sasl.mechanisms import Choice

_ALWAYS = (
    b"IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UIDPLUS UNSELECT"
    b" CHILDREN SPECIAL-USE MOVE METADATA OBJECTID"
)
METADATA = b"METADATA"


def capabilities(talk: Talk) -> bytes:
    """The list as it is now (RFC 3501 §7.2.1)."""
    always = _ALWAYS + _scripts(talk)
    if talk.session.state is not State.NOT_AUTHENTICATED:
        return always
    tls = b" STARTTLS" if may_secure(talk) else b""
    if not may_log_in(talk):
        return always + tls + b" LOGINDISABLED"
    names = " AUTH=".join(("", *choice(talk).names))
    return always + tls + names.encode("ascii")


def choice(talk: Talk) -> Choice:
    """The mechanisms of now."""
    return Choice.of(talk.ground.directory, talk.line.bindings)


def _scripts(talk: Talk) -> bytes:
    """RFC 6785 §2.1: where scripts for events are kept."""
    url = talk.ground.sieve
    return b" IMAPSIEVE=" + url.encode("ascii") if url else b""


def may_secure(talk: Talk) -> bool:
    """Whether STARTTLS is offered."""
    return talk.ground.contexts.available and not talk.line.secured


def may_log_in(talk: Talk) -> bool:
    """Whether a password may be sent as the connection is."""
    return talk.line.secured or talk.ground.settings.plaintext_login


async def capability(talk: Talk, _: Bare) -> bytes:
    """RFC 3501 §6.1.1."""
    talk.write(b"* CAPABILITY %b\r\n" % capabilities(talk))
    return b"OK Done"


async def noop(talk: Talk, _: Bare) -> bytes:
    """NOOP and CHECK (§6.1.2, §6.4.1): look for changes, outside ones too."""
    if talk.selected is not None:
        talk.selected.stale = True
    return b"OK Done"


async def logout(talk: Talk, _: Bare) -> bytes:
    """§6.1.3."""
    talk.leaving = True
    talk.write(b"* BYE Logging out\r\n")
    return b"OK Done"


async def identity(talk: Talk, _: ID) -> bytes:
    """RFC 2971 §3.1; we say our name and no version."""
    talk.write(b'* ID ("name" "mailsuite")\r\n')
    return b"OK Done"


async def namespace(talk: Talk, _: Bare) -> bytes:
    """RFC 2342 §5: one personal namespace without prefix."""
    talk.write(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
    return b"OK Done"


async def enable(talk: Talk, asked: Enable) -> bytes:
    """RFC 5161 §3.1; only METADATA is there to be enabled."""
    if METADATA in asked.names and talk.heard is None:
        talk.heard = talk.ground.tidings.listen(talk)
        talk.write(b"* ENABLED METADATA\r\n")
    else:
        talk.write(b"* ENABLED\r\n")
    return b"OK Done"

"""``replace`` and ``enclose`` (RFC 5703 §5, §6): parts and messages that scripts write.

Text is encoded so that no line of it can end the part it stands in. What says where
a message has been stays on the outside of one that is enclosed.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from mailsuite.mime import compose, dates, dividing
from mailsuite.mime.addresses import Mailbox
from mailsuite.sieve import looking, outbound
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Exhausted, Trouble
from mailsuite.sieve.extensions import loops
from mailsuite.sieve.limits import ENCLOSURES
from mailsuite.sieve.message import Message
from mailsuite.sieve.parts import Field, Path, Whole, listed
from mailsuite.sieve.program import Step, text, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, Tagged

TRACES = frozenset(("return-path", "received", "delivered-to"))
INSIDE = (1, 0)
"""The path of a message in the one that was made around it."""

_NOBODY = Mailbox("", "postmaster", "sieve.invalid")
_VERSION = b"MIME-Version: 1.0\r\n"


def _replace(bound: Bound) -> Step:
    mime = bound.has("mime")
    beside = next((tag for tag in ("subject", "from") if bound.has(tag)), "")
    if mime and beside:
        raise bound.error(beside, f":{beside} cannot stand beside :mime")
    instead = bound.value(0)
    subject = bound.value("subject") if bound.has("subject") else None
    authors = outbound.authors(bound)

    def replace(run: Run) -> None:
        run.step()
        given = text(run, instead)
        entity = _entity(given) if mime else dividing.part(given)
        run.work(len(entity))
        path = loops.current(run)
        if path:
            put(run, path, entity)
        else:
            named = None if subject is None else text(run, subject)
            _become(run, entity, named, authors(run))
        if path is not None:
            loops.running(run)[-1].replaced = True

    return replace


def _entity(given: str) -> bytes:
    """What a script gives as header and content of a part (RFC 2045 §2.4)."""
    octets = dividing.lines(given)
    if octets.startswith(b"\r\n"):
        return octets
    header, blank, _ = octets.partition(b"\r\n\r\n")
    if not listed(header):
        return b"\r\n" + octets
    return octets if blank else octets.rstrip(b"\r\n") + b"\r\n\r\n"


def put(run: Run, path: Path, entity: bytes) -> None:
    """Put an entity in the place of a part."""
    whole = looking.lying(run, path[:-1], inside=False)
    for length in range(len(path)):
        _delimited(whole, path[:length], entity)
    run.editable().replace(path, entity)


def _delimited(whole: Whole, path: Path, entity: bytes) -> None:
    """:raises Trouble: the entity would end the multipart that it is put into."""
    boundary = whole.part(path).parameter("boundary")
    if boundary is None:
        return
    line = b"\n--" + boundary.encode("utf-8", "replace")
    if line in b"\n" + entity:
        raise Trouble("what takes the place of a part holds the message's delimiter")


def _become(
    run: Run, entity: bytes, subject: str | None, authors: Sequence[Mailbox]
) -> None:
    """Make another message of it, under the same header but for what is MIME."""
    message = run.editable()
    kept = [one for one in message.fields if not _of_mime(one)]
    if subject is not None:
        kept = _renamed(kept, b"Subject", compose.unstructured("Subject", subject))
    if authors:
        kept = _renamed(kept, b"From", compose.authors("From", authors))
    header, _, content = b"\r\n".join((b"", entity)).partition(b"\r\n\r\n")
    inner = [one.raw for one in listed(header[2:] + b"\r\n") if _of_mime(one)]
    inner = [raw for raw in inner if not raw.lower().startswith(b"mime-version")]
    message.become(_joined(kept, [*inner, _VERSION]) + b"\r\n" + content)


def _of_mime(one: Field) -> bool:
    return one.name.startswith("content-") or one.name == "mime-version"


def _renamed(fields: Iterable[Field], name: bytes, instead: bytes) -> list[Field]:
    """Another field before the one that was there, which is ``Original-`` now."""
    lower = name.decode("ascii").lower()
    made = [Field(lower, instead)]
    for one in fields:
        if one.name == lower:
            raw = b"Original-" + name + one.raw[len(name) :]
            made.append(Field(f"original-{lower}", raw))
        else:
            made.append(one)
    return made


def _joined(fields: Iterable[Field], further: Iterable[bytes]) -> bytes:
    raws = (*(one.raw for one in fields), *further)
    return b"".join(raw if raw.endswith(b"\n") else raw + b"\r\n" for raw in raws)


def _enclose(bound: Bound) -> Step:
    subject = bound.value("subject") if bound.has("subject") else None
    headers = bound.values("headers") if bound.has("headers") else ()
    told = bound.value(0)

    def enclose(run: Run) -> None:
        run.step()
        count = enclosures(run) + 1
        if count > ENCLOSURES:
            raise Exhausted(f"a message is enclosed more than {ENCLOSURES} times")
        run.state["enclose"] = count
        run.work(run.message.size)
        message = run.editable()
        inner = message.copied()
        names = {name.lower() for name in texts(run, headers)}
        named = None if subject is None else text(run, subject)
        outer = _outer(run, inner, names, named)
        message.become(outer + _around(inner.written(), text(run, told)))
        message.enclosed = inner.enclosed or inner
        loops.enclosed(run, INSIDE)

    return enclose


def enclosures(run: Run) -> int:
    """How often a message was enclosed in this run."""
    count: int = run.state.get("enclose", 0)
    return count


def _outer(run: Run, inner: Message, names: set[str], subject: str | None) -> bytes:
    """The header of the message around another; it goes on in the body's entity."""
    names = {"subject", *names} if subject is None else names - {"subject"}
    kept = [
        one
        for one in inner.fields
        if one.name in TRACES or (one.name in names and not _of_mime(one))
    ]
    there = {one.name for one in kept}
    further = []
    if "date" not in there:
        now = dates.render(run.letter.now, run.letter.zone)
        further.append(b"Date: %b\r\n" % now)
    owner = outbound.mailboxes(run.letter.recipient) or (_NOBODY,)
    if "from" not in there:
        further.append(compose.authors("From", owner))
    if subject is not None:
        further.append(compose.unstructured("Subject", subject))
    if "message-id" not in there:
        further.append(_identified(run, inner, owner))
    return _joined(kept, [*further, _VERSION])


def _identified(run: Run, inner: Message, owner: Sequence[Mailbox]) -> bytes:
    """A message identifier that is the same whenever the run begins anew."""
    known = b"".join(one.raw for one in inner.fields)
    told = f"{run.letter.recipient} {run.letter.now} {run.state['enclose']}"
    number = sha256(known + told.encode("utf-8", "replace")).hexdigest()[:32]
    return f"Message-ID: <{number}@{owner[0].domain}>\r\n".encode()


def _around(inner: bytes, told: str) -> bytes:
    """The rest of the header and the two parts."""
    part = dividing.part(told)
    boundary = dividing.boundary(inner + part)
    coding = b"" if inner.isascii() else b"Content-Transfer-Encoding: 8bit\r\n"
    return (
        b'Content-Type: multipart/mixed; boundary="%b"\r\n%b\r\n'
        b"--%b\r\n%b\r\n--%b\r\nContent-Type: message/rfc822\r\n%b\r\n%b\r\n--%b--\r\n"
        % (boundary, coding, boundary, part, boundary, coding, inner, boundary)
    )


EXTENSIONS = (
    Extension(
        "replace",
        commands=(
            CommandShape(
                "replace",
                _replace,
                (Kind.STRING,),
                tags=(
                    Tagged("mime"),
                    Tagged("subject", Kind.STRING),
                    Tagged("from", Kind.STRING),
                ),
            ),
        ),
    ),
    Extension(
        "enclose",
        commands=(
            CommandShape(
                "enclose",
                _enclose,
                (Kind.STRING,),
                tags=(Tagged("subject", Kind.STRING), Tagged("headers", Kind.STRINGS)),
            ),
        ),
    ),
)

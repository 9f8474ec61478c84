"""keep, discard, redirect and fileinto (RFC 5228 §4), and ``:copy`` (RFC 3894)."""

from mailsuite.sieve import outbound
from mailsuite.sieve.actions import Discard, FileInto, Keep, Redirect
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Trouble
from mailsuite.sieve.extensions.targets import mailbox_name
from mailsuite.sieve.program import Step, text
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, Tagged


def _keep(bound: Bound) -> Step:
    complete = bound.vocabulary.completed(bound)

    def keep(run: Run) -> None:
        run.step()
        run.act(complete(run, Keep(run.kept_flags, at=bound.line)))

    return keep


def _discard(bound: Bound) -> Step:
    def discard(run: Run) -> None:
        run.step()
        run.act(Discard(at=bound.line))

    return discard


def _redirect(bound: Bound) -> Step:
    address = bound.value(0)
    copy = bound.has("copy")
    if isinstance(address, str) and outbound.address(address) is None:
        hint = "write name@domain"
        raise bound.error(0, f"{address[:100]!r} is no address", hint)
    complete = bound.vocabulary.completed(bound)

    def redirect(run: Run) -> None:
        run.step()
        given = text(run, address)
        to = outbound.address(given)
        if to is None:
            raise Trouble(f"line {bound.line}: {given[:100]!r} is no address")
        run.act(complete(run, Redirect(str(to), at=bound.line)), cancels=not copy)

    return redirect


def _fileinto(bound: Bound) -> Step:
    mailbox = bound.value(0)
    copy = bound.has("copy")
    complete = bound.vocabulary.completed(bound)

    def fileinto(run: Run) -> None:
        run.step()
        name = mailbox_name(run, mailbox, bound.line)
        run.act(
            complete(run, FileInto(name, run.kept_flags, at=bound.line)),
            cancels=not copy,
        )

    return fileinto


LANGUAGE = Extension(
    "",
    commands=(
        CommandShape("keep", _keep),
        CommandShape("discard", _discard),
        CommandShape("redirect", _redirect, (Kind.STRING,)),
    ),
)
FILEINTO = Extension(
    "fileinto", commands=(CommandShape("fileinto", _fileinto, (Kind.STRING,)),)
)
COPY = Extension(
    "copy", tags={"fileinto": (Tagged("copy"),), "redirect": (Tagged("copy"),)}
)

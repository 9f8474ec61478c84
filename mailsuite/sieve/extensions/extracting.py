"""``extracttext`` (RFC 5703 §7): the text of the part that a loop is at."""

from mailsuite.mime import charsets
from mailsuite.model.structure import Part
from mailsuite.sieve import looking, parts
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.extensions import loops, variables
from mailsuite.sieve.program import Step
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, Tagged

CAPABILITY = "extracttext"

_ENCODINGS = frozenset(("7bit", "8bit", "binary", "quoted-printable", "base64"))


def _extracttext(bound: Bound) -> Step:
    if not loops.names(bound):
        raise bound.error(None, "extracttext can only stand in a foreverypart")
    if variables.CAPABILITY not in bound.requires:
        hint = 'write require "variables"; at the beginning'
        raise bound.error(None, "extracttext needs variables", hint)
    try:
        put = variables.target(bound.constant(0), bound.scope)
    except ValueError as error:
        raise bound.error(0, str(error)) from None
    first = bound.number("first") if bound.has("first") else None
    known = bound.vocabulary.modifiers
    chosen = [known[tag] for tag in bound.tags if tag in known]
    chosen.sort(key=lambda one: -one.precedence)

    def extracttext(run: Run) -> None:
        run.step()
        found = _text(run)[:first]
        for one in chosen:
            found = one.change(found)
        put(run, found)

    return extracttext


def _text(run: Run) -> str:
    path = loops.current(run)
    if path is None:
        return ""
    whole = looking.lying(run, path)
    part = whole.part(path)
    if not _textual(part):
        return ""
    run.work(parts.cost(part) + 1)
    return parts.readable(whole.octets, part)


def _textual(part: Part) -> bool:
    """Whether it is text in an encoding and a character set that are known."""
    label = part.parameter("charset")
    known = not label or charsets.codec(label) is not None
    return part.type == "text" and known and part.encoding in _ENCODINGS


EXTENSION = Extension(
    CAPABILITY,
    commands=(
        CommandShape(
            "extracttext",
            _extracttext,
            (Kind.STRING,),
            tags=(
                Tagged("first", Kind.NUMBER),
                *(
                    variables.modifying(name, one.precedence)
                    for name, one in variables.MODIFIERS.items()
                ),
            ),
        ),
    ),
    implies=(loops.CAPABILITY,),
)
"""Brings the loop without which it can do nothing; RFC 5703 §9.3 asks for no more."""

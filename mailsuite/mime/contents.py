"""The Content-* fields of a part, read and rendered for BODYSTRUCTURE.

RFC 2045 and 2046 (type, encoding, id, description), RFC 2183 (disposition), RFC 3282
(language), RFC 2557 (location), RFC 1864 (MD5); rendered as RFC 3501 §7.4.2 says.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from mailsuite.mime import comments, parameters
from mailsuite.mime.limits import BOUNDARY_OCTETS, Budget
from mailsuite.mime.quoting import nstring, pairs, string, unfolded

_TYPE = re.compile(
    rb'([^\x00-\x20/;"()\\\x7f-\xff]++)[ \t]*+/[ \t]*+([^\x00-\x20/;"()\\\x7f-\xff]++)'
)
_PLAIN = re.compile(
    rb'(text)/(plain|html); ?(charset)="?([a-z0-9-]{1,20})"?', re.IGNORECASE
)
_TAG = re.compile(rb"[A-Za-z0-9*-]+")
FIELDS = (
    b"content-type",
    b"content-transfer-encoding",
    b"content-id",
    b"content-description",
    b"content-disposition",
    b"content-language",
    b"content-location",
    b"content-md5",
)
_NOTHING = (None,) * len(FIELDS)
_SMALL_OCTETS = 200  # of fields that are worth remembering
_ENOUGH = 1_000  # of a budget: more than small fields use

_TEXT = b'"text" "plain" ("charset" "us-ascii") NIL NIL "7bit"'
_MESSAGE = b'"message" "rfc822" NIL NIL NIL "7bit"'
_OPAQUE = b'"application" "octet-stream" NIL NIL NIL "7bit"'
EMPTY_EXTENSION = b" NIL NIL NIL NIL"


class Contents(NamedTuple):
    """``kind`` is ``text``, ``message``, ``multipart`` or empty for a leaf.

    ``basic`` is rendered ``media-type`` to ``body-fld-enc``, of a multipart only
    the subtype; ``extension`` begins with a space.
    """

    kind: bytes
    basic: bytes
    extension: bytes
    boundary: bytes = b""
    digest: bool = False


DEFAULT = Contents(b"text", _TEXT, EMPTY_EXTENSION)
OPAQUE = Contents(b"", _OPAQUE, EMPTY_EXTENSION)
DIGESTED = Contents(b"message", _MESSAGE, EMPTY_EXTENSION)


def read(fields: Mapping[bytes, bytes], default: Contents, budget: Budget) -> Contents:
    """Make sense of the fields (names in lower case, values still folded)."""
    given = tuple(map(fields.get, FIELDS))
    if given == _NOTHING:
        return default
    digested = default is DIGESTED
    small = len(b"".join(filter(None, given))) <= _SMALL_OCTETS
    alike = small and b"oundary" not in (given[0] or b"")
    if alike and min(budget.parameters, budget.commented) > _ENOUGH:
        found, parameters, commented = _remembered(given, digested)
        budget.parameters -= parameters
        budget.commented -= commented
        return found
    return _read(fields, digested, budget)


@lru_cache(1_000)
def _remembered(
    given: tuple[bytes | None, ...], digested: bool
) -> tuple[Contents, int, int]:
    """What small fields say, as most parts of all messages have the same."""
    fields = {
        name: value
        for name, value in zip(FIELDS, given, strict=True)
        if value is not None
    }
    budget = Budget()
    whole = budget.parameters, budget.commented
    found = _read(fields, digested, budget)
    return found, whole[0] - budget.parameters, whole[1] - budget.commented


def _read(fields: Mapping[bytes, bytes], digested: bool, budget: Budget) -> Contents:
    given = fields.get(b"content-type")
    value = b"" if given is None else unfolded(given)
    if match := _PLAIN.fullmatch(value):
        kind, sub, name, charset = match.groups()
        found = [(name, charset)]
        return _leaf(b"text", kind, sub, found, fields, budget)
    main, found = parameters.parse(value, budget)
    media = _TYPE.match(main)
    if media:
        kind, sub = media.groups()
    elif given is None and digested:
        kind, sub, found = b"message", b"rfc822", []
    else:
        kind, sub, found = b"text", b"plain", []
    lower = kind.lower()
    if lower == b"multipart":
        boundary = _boundary(found)
        if not boundary:
            return undivided(fields, budget)
        extension = b" " + pairs(found) + _extension(fields, budget)
        digest = sub.lower() == b"digest"
        return Contents(lower, string(sub), extension, boundary, digest)
    if lower == b"text":
        if not any(name.lower() == b"charset" for name, _ in found):
            found.append((b"charset", b"us-ascii"))
    elif lower != b"message" or sub.lower() != b"rfc822":
        lower = b""
    return _leaf(lower, kind, sub, found, fields, budget)


def undivided(fields: Mapping[bytes, bytes], budget: Budget) -> Contents:
    """Take a multipart in which no delimiter is found for plain text.

    IMAP's grammar knows no multipart without parts, and its text would be lost.
    """
    found = [(b"charset", b"us-ascii")]
    return _leaf(b"text", b"text", b"plain", found, fields, budget)


def _leaf(
    lower: bytes,
    kind: bytes,
    sub: bytes,
    found: parameters.Pairs,
    fields: Mapping[bytes, bytes],
    budget: Budget,
) -> Contents:
    md5 = fields.get(b"content-md5")
    return Contents(
        lower,
        b'"%b" "%b" %b %b' % (kind, sub, pairs(found), _basic(fields, budget)),
        b" " + nstring(md5 and unfolded(md5)) + _extension(fields, budget),
    )


def _boundary(found: parameters.Pairs) -> bytes:
    for name, value in found:
        lower = name.lower()
        if lower == b"boundary":
            return _usable(value)
        if lower.startswith(b"boundary*"):
            decoded = parameters.decode(found).get("boundary", "")
            return _usable(decoded.encode("utf-8", "replace"))
    return b""


def _usable(boundary: bytes) -> bytes:
    boundary = boundary.rstrip(b" \t")
    if len(boundary) > BOUNDARY_OCTETS or b"\r" in boundary or b"\n" in boundary:
        return b""
    return boundary


def _basic(fields: Mapping[bytes, bytes], budget: Budget) -> bytes:
    """Render id, description and encoding."""
    number = fields.get(b"content-id")
    described = fields.get(b"content-description")
    encoding = fields.get(b"content-transfer-encoding")
    if encoding is None:
        coded = b'"7bit"'
    else:
        encoding = unfolded(encoding)
        if b"(" in encoding:
            encoding = comments.dropped(encoding, budget)
        words = encoding.split(None, 1)
        coded = string(words[0].rstrip(b";")) if words else b'"7bit"'
    if number is None and described is None:
        return b"NIL NIL " + coded
    return b"%b %b %b" % (
        nstring(number and unfolded(number)),
        nstring(described and unfolded(described)),
        coded,
    )


def _extension(fields: Mapping[bytes, bytes], budget: Budget) -> bytes:
    """Render disposition, language and location."""
    disposition = fields.get(b"content-disposition")
    language = fields.get(b"content-language")
    location = fields.get(b"content-location")
    if disposition is None and language is None and location is None:
        return b" NIL NIL NIL"
    return b" %b %b %b" % (
        b"NIL" if disposition is None else _disposition(disposition, budget),
        b"NIL" if language is None else _language(language, budget),
        nstring(location and unfolded(location)),
    )


def _disposition(value: bytes, budget: Budget) -> bytes:
    main, found = parameters.parse(unfolded(value), budget)
    if not main and not found:
        return b"NIL"
    return b"(%b %b)" % (string(main or b"attachment"), pairs(found))


def _language(value: bytes, budget: Budget) -> bytes:
    value = unfolded(value)
    if b"(" in value:
        value = comments.dropped(value, budget)
    tags = value.split(b",", budget.parameters)[: budget.parameters]
    budget.parameters -= len(tags)
    rendered = [string(tag) for tag in map(bytes.strip, tags) if _TAG.fullmatch(tag)]
    return b"(" + b" ".join(rendered) + b")" if rendered else b"NIL"

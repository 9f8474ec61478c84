"""A request as a route sees it: strict JSON in, nothing unknown passed over."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import Factory, frozen

from mailsuite.http.problems import Problem

BODY_OCTETS = 1024 * 1024
DEPTH = 64
"""Brackets open at once; more is refused before anything is parsed."""


def parsed(octets: bytes) -> Mapping[str, Any]:
    """Read a JSON object. :raises Problem: too large, too deep, no object."""
    if len(octets) > BODY_OCTETS:
        raise Problem(413, f"a request has at most {BODY_OCTETS} octets")
    if not octets.strip():
        return {}
    if _depth(octets) > DEPTH:
        raise Problem(400, f"JSON may be {DEPTH} levels deep")
    try:
        document = json.loads(octets, object_pairs_hook=_unique)
    except ValueError as error:
        raise Problem(400, f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Problem(400, "the body is a JSON object")
    return document


def _depth(octets: bytes) -> int:
    """Bound the depth from above: brackets within texts count too."""
    if octets.count(b"[") + octets.count(b"{") <= DEPTH:
        return 0
    depth = deepest = 0
    for octet in octets.translate(None, _NO_BRACKETS):
        depth += 1 if octet in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


_NO_BRACKETS = bytes(n for n in range(256) if n not in b"[]{}")


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse names that stand twice (RFC 7493 §2.3)."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} stands twice")
        found[name] = value
    return found


@frozen
class Asked:
    """``query`` and ``body`` of one request."""

    query: Mapping[str, str] = Factory(dict)
    body: Mapping[str, Any] = Factory(dict)

    def only(self, *names: str) -> None:
        """Refuse fields and parameters of other names."""
        for name in (*self.query, *self.body):
            if name not in names:
                raise Problem(400, f"unknown field {name!r}")

    def text(self, name: str, default: str | None = None) -> str:
        """Give a text. :raises Problem: it is missing or no text."""
        value = self.body.get(name, self.query.get(name, default))
        if not isinstance(value, str):
            raise Problem(400, f"{name!r} must be a text")
        return value

    def number(self, name: str, default: int, most: int) -> int:
        """Give a whole number from 0 to ``most``."""
        value = self.body.get(name, self.query.get(name, default))
        if isinstance(value, str) and value.isascii() and value.isdecimal():
            value = int(value[:20])
        if type(value) is not int or not 0 <= value <= most:
            raise Problem(400, f"{name!r} must be a number from 0 to {most}")
        return value

    def flag(self, name: str) -> bool:
        """Give true or false. :raises Problem: it is missing or neither."""
        value = self.body.get(name)
        if not isinstance(value, bool):
            raise Problem(400, f"{name!r} must be true or false")
        return value

    def texts(self, name: str) -> list[str]:
        """Give a list of texts."""
        value = self.body.get(name)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise Problem(400, f"{name!r} must be a list of texts")
        return value

    def numbers(self, name: str, most: int) -> list[int]:
        """Give a list of whole numbers from 0 to ``most``."""
        value = self.body.get(name)
        if not isinstance(value, list) or not all(
            type(one) is int and 0 <= one <= most for one in value
        ):
            raise Problem(400, f"{name!r} must be a list of numbers from 0 to {most}")
        return value

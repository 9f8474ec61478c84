"""One event as one line of text: logfmt or JSON, nothing that ends a line early."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

Value = str | int | float

VALUE_CHARACTERS = 2_000
"""Longer values are cut; a line stays readable whatever a peer sent."""

_BARE = r"[A-Za-z0-9_.:/@<>,;+*()\[\]{}!?&%$#|~^'-]++"
_PLAIN = re.compile(_BARE)
_plain_fields = re.compile(rf"(?>(?: [a-z0-9_]++={_BARE})*)").fullmatch
_UNSAFE = re.compile(r"[\"\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in '"\\':
        return "\\" + character
    return f"\\u{ord(character):04x}"


def quoted(value: Value) -> str:
    """Give a logfmt value: bare where it can be, else quoted and escaped."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)[:VALUE_CHARACTERS]
    if _PLAIN.fullmatch(text):
        return text
    return '"' + _UNSAFE.sub(_escape, text) + '"'


class Stamps:
    """UTC ISO times of wall-clock seconds; remembers the last one."""

    def __init__(self) -> None:
        self._millisecond = -1
        self._text = ""

    def of(self, wall: float) -> str:
        """Milliseconds matter to readers, microseconds do not."""
        millisecond = int(wall * 1000)
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            second, rest = divmod(millisecond, 1000)
            date = _date(second)
            self._text = f"{date}.{rest:03d}Z"
        return self._text


@lru_cache(1)
def _date(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def logfmt(stamp: str, name: str, fields: Mapping[str, Value]) -> str:
    """``time=... event=... sid=...`` and so on, in the order of the fields.

    Written as if every value could stand bare, and anew if one look at all of them
    says no: half of what a look at each takes.
    """
    line = ""
    for key, value in fields.items():
        line += f" {key}={value:.6g}" if type(value) is float else f" {key}={value}"
    if (
        not _plain_fields(line)
        or line.count("=") > len(fields)  # a value looks like another field
        or len(line) > VALUE_CHARACTERS
    ):
        line = "".join([f" {key}={quoted(value)}" for key, value in fields.items()])
    return f"time={stamp} event={name}{line}\n"


def as_json(stamp: str, name: str, fields: Mapping[str, Value]) -> str:
    """The same as one JSON object; non-ASCII and control octets are escaped."""
    cut = {
        key: value[:VALUE_CHARACTERS] if isinstance(value, str) else value
        for key, value in fields.items()
    }
    return json.dumps({"time": stamp, "event": name, **cut}) + "\n"


STYLES = {"logfmt": logfmt, "json": as_json}

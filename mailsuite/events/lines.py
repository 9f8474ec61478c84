"""One event as one line of text: logfmt or JSON, nothing that ends a line early."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

Value = str | int | float

VALUE_CHARACTERS = 2_000
"""Longer values are cut; a line stays readable whatever a peer sent."""

_PLAIN = re.compile(r"[A-Za-z0-9_.:/@<>,;+*()\[\]{}!?&%$#|~^'-]+")
_short = re.compile(r"[A-Za-z0-9_.:/@<>,;+*()\[\]{}!?&%$#|~^'-]{1,200}").fullmatch
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
    """UTC ISO times of wall-clock seconds; remembers the last whole second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def of(self, wall: float) -> str:
        """Milliseconds matter to readers, microseconds do not."""
        second = int(wall)
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(second, UTC).strftime(
                "%Y-%m-%dT%H:%M:%S"
            )
        return f"{self._text}.{int((wall - second) * 1000):03d}Z"


def logfmt(stamp: str, name: str, fields: Mapping[str, Value]) -> str:
    """``time=... event=... sid=...`` and so on, in the order of the fields."""
    line = f"time={stamp} event={name}"
    for key, value in fields.items():
        if type(value) is int or (type(value) is str and _short(value)):
            line += f" {key}={value}"
        else:
            line += f" {key}={quoted(value)}"
    return line + "\n"


def as_json(stamp: str, name: str, fields: Mapping[str, Value]) -> str:
    """The same as one JSON object; non-ASCII and control octets are escaped."""
    cut = {
        key: value[:VALUE_CHARACTERS] if isinstance(value, str) else value
        for key, value in fields.items()
    }
    return json.dumps({"time": stamp, "event": name, **cut}) + "\n"


STYLES = {"logfmt": logfmt, "json": as_json}

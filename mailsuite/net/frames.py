"""Frames between a parent and its child processes: JSON and octets.

A frame is two lengths of four octets, big-endian (of the JSON text, of the
octets), and then both. JSON and no pickle: a child that reads strangers' mail is
never trusted to name code.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

HEAD = struct.Struct(">II")

HEADER_OCTETS = 16 * 1024 * 1024  # of JSON in one frame; ours, far above any use
BODY_OCTETS = 1024 * 1024 * 1024  # beside it; ours, above any message

Header = Mapping[str, Any]


class BadFrame(Exception):  # noqa: N818 - the child is ended, nobody is told
    """Lengths above the limits, or no JSON object."""


def pack(header: Header, octets: bytes = b"") -> tuple[bytes, bytes]:
    """Make a frame: its head with the JSON, and the octets untouched."""
    text = json.dumps(header, separators=(",", ":")).encode()
    return HEAD.pack(len(text), len(octets)) + text, octets


def lengths(head: bytes) -> tuple[int, int]:
    """Lengths that a head of :data:`HEAD` announces. :raises BadFrame: too long."""
    text, octets = HEAD.unpack(head)
    if text > HEADER_OCTETS or octets > BODY_OCTETS:
        raise BadFrame("frame above its limits")
    return text, octets


def header(text: bytes) -> dict[str, Any]:
    """Read the JSON of a frame. :raises BadFrame: it is no JSON object."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadFrame("frame holds no JSON") from error
    if not isinstance(value, dict):
        raise BadFrame("frame holds no JSON object")
    return value


class Unpacker:
    """Takes octets as they come and gives whole frames."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._held = 0
        self._wanted = HEAD.size

    def feed(self, data: bytes) -> list[tuple[dict[str, Any], bytes]]:
        """Every frame that ``data`` completes. :raises BadFrame: see there."""
        self._blocks.append(data)
        self._held += len(data)
        if self._held < self._wanted:
            return []
        held = b"".join(self._blocks)
        found: list[tuple[dict[str, Any], bytes]] = []
        at = 0
        while len(held) - at >= HEAD.size:
            text, octets = lengths(held[at : at + HEAD.size])
            body = at + HEAD.size + text
            if len(held) < body + octets:
                self._wanted = HEAD.size + text + octets
                break
            parsed = header(held[at + HEAD.size : body])
            found.append((parsed, held[body : body + octets]))
            at = body + octets
            self._wanted = HEAD.size
        self._blocks = [held[at:]]
        self._held = len(held) - at
        return found

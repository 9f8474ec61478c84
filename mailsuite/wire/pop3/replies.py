"""Replies of POP3: status lines, response codes, capabilities, listings."""

from collections.abc import Iterable, Sequence

from attrs import frozen

REPLY_OCTETS = 512  # RFC 2449 §4, CRLF included
END = b".\r\n"

IN_USE = "IN-USE"  # RFC 2449 §8.1.2
AUTH = "AUTH"  # RFC 3206 §4
SYS_TEMP = "SYS/TEMP"  # same
SYS_PERM = "SYS/PERM"  # same


@frozen
class Reply:
    """A status line. ``code`` is a response code (RFC 2449 §8), or empty."""

    positive: bool
    text: str
    code: str = ""

    def render(self) -> bytes:
        """Render as one line of at most :data:`REPLY_OCTETS`."""
        status = "+OK" if self.positive else "-ERR"
        code = f" [{self.code}]" if self.code else ""
        line = f"{status}{code} {self.text}".rstrip(" ")
        return line.encode("ascii", "replace")[: REPLY_OCTETS - 2] + b"\r\n"


def ok(text: str = "") -> Reply:
    """Say yes."""
    return Reply(True, text)


def refuse(text: str, code: str = "") -> Reply:
    """Say no, with a response code where one fits."""
    return Reply(False, text, code)


def challenge(encoded: bytes) -> bytes:
    """Continue a SASL exchange (RFC 5034 §4); ``encoded`` is base64."""
    return b"+ " + encoded + b"\r\n"


def capabilities(
    *, mechanisms: Sequence[str], stls: bool, implementation: str
) -> bytes:
    """Answer CAPA without its status line (RFC 2449 §5 and §6).

    No ``mechanisms``: passwords are not allowed here, so USER is not offered
    either (RFC 2595 §2.3).
    """
    lines = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"]
    lines.append("EXPIRE NEVER")
    if mechanisms:
        lines += ["USER", "SASL " + " ".join(mechanisms)]
    if stls:
        lines.append("STLS")
    if implementation:
        lines.append(f"IMPLEMENTATION {implementation}")
    return "\r\n".join([*lines, ""]).encode("ascii") + END


def scan_listing(rows: Iterable[tuple[int, int]]) -> bytes:
    """Render (number, size) as lines of LIST (RFC 1939 §5)."""
    return b"".join([b"%d %d\r\n" % row for row in rows])


def unique_listing(uidvalidity: int, rows: Iterable[tuple[int, int]]) -> bytes:
    """Render (number, UID) as lines of UIDL (RFC 1939 §7)."""
    form = b"%d " + unique(uidvalidity, 0)[:-1] + b"%d\r\n"
    return b"".join([form % row for row in rows])


def unique(uidvalidity: int, uid: int) -> bytes:
    """Make a unique-id: 1 to 70 octets of 0x21-0x7E, never reused (RFC 1939 §7)."""
    return b"%d.%d" % (uidvalidity, uid)

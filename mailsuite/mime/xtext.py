"""``xtext`` of SMTP's DSN parameters (RFC 3461 §4) and its UTF-8 kin (RFC 6533 §3)."""

import re

_SPECIAL = re.compile(r"[^!-*,-<>-~]")
_CODED = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT_SPECIAL = re.compile(r"[^!-*,-<>-\[\]-~]")
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")


def encode(text: str) -> str:
    """Give ``+2B`` for each octet that xtext cannot hold."""
    return _SPECIAL.sub(
        lambda found: "".join(f"+{octet:02X}" for octet in found[0].encode()), text
    )


def decode(text: str) -> str:
    """Undo :func:`encode`; what is no code stays."""
    if "+" not in text:
        return text
    octets = _CODED.sub(lambda code: chr(int(code[1], 16)), text)
    try:
        return octets.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return octets


def unitext(text: str) -> str:
    r"""Give ``\x{FC}`` for each character that 7-bit fields cannot hold."""
    return _UNITEXT_SPECIAL.sub(lambda found: f"\\x{{{ord(found[0]):02X}}}", text)


def from_unitext(text: str) -> str:
    """Undo :func:`unitext`; numbers that are no characters stay."""
    return _UNITEXT.sub(_character, text)


def _character(code: re.Match[str]) -> str:
    number = int(code[1], 16)
    surrogate = 0xD800 <= number < 0xE000
    return code[0] if surrogate or number > 0x10FFFF else chr(number)

"""Base64 as SASL profiles carry it (RFC 4648 §4, RFC 4954 §4, RFC 5034 §4)."""

import binascii


def decode(line: bytes) -> bytes | None:
    """Decode a response strictly: no stray octets, no missing padding.

    ``=`` is the empty initial response of RFC 4954 §4. None: not base64.
    """
    if line == b"=":
        return b""
    try:
        return binascii.a2b_base64(line, strict_mode=True)
    except binascii.Error:
        return None


def encode(octets: bytes) -> bytes:
    """Encode a challenge as one line without its CRLF."""
    return binascii.b2a_base64(octets, newline=False)

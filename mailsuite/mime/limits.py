"""Bounds of everything that is parsed out of a message.

What lies beyond a bound is not looked into; it is never an error, because a message
must be storable whatever it holds. The bounds of a whole message keep the scan of
1 MiB under 50 ms of CPU.
"""

from attrs import define

# One header.
HEADER_OCTETS = 1_048_576  # of one header that are read for fields
HEADER_LINES = 10_000  # of one header that are read for fields
PARAMETER_SEGMENTS = 100  # of one RFC 2231 parameter; CVE-2026-27859
ENCODED_WORDS = 5_000  # decoded in one value, RFC 2047
COMMENT_NESTING = 50  # RFC 5322 §3.2.2; what is deeper ends the field
COMMENT_MARKS = 1_000  # parentheses of one comment with all in it

# One message.
DEPTH = 100  # of nested parts; CVE-2020-12100
PARTS = 10_000  # of all levels together
BOUNDARY_OCTETS = 998  # tolerated; RFC 2046 §5.1.1 allows 70
ADDRESSES = 10_000  # of all fields together; CVE-2024-23184
ADDRESS_TOKENS = 15_000  # read by the tolerant parser, all fields together
ALL_HEADER_LINES = 30_000  # of all headers together
ALL_FIELDS = 2_500  # made sense of in headers of parts; a multipart counts for one
MESSAGE_FIELDS = 3  # more of these that an embedded message counts for
PARAMETERS = 10_000  # and language tags, of all fields together
COMMENTED_OCTETS = 16_384  # of all Content-* values that hold comments
LOOKALIKES = 10_000  # lines that only begin like a delimiter, all together
SEARCHED_OCTETS = 16_777_216  # looked through for delimiters, each level counted
SEARCHED_TIMES = 16  # the same for messages over 1 MiB, in their own size

# Decoding.
SLICE_OCTETS = 65_536  # of encoded text that are decoded at a time


@define(eq=False)
class Budget:
    """What is left of a message's bounds while it is parsed."""

    parts: int = PARTS
    addresses: int = ADDRESSES
    tokens: int = ADDRESS_TOKENS
    lines: int = ALL_HEADER_LINES
    fields: int = ALL_FIELDS
    parameters: int = PARAMETERS
    commented: int = COMMENTED_OCTETS
    lookalikes: int = LOOKALIKES
    searched: int = SEARCHED_OCTETS

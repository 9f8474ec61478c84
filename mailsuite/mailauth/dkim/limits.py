"""Bounds of what is looked at in signatures and their keys.

What lies beyond a bound makes no signature pass; it never stops the message.
"""

HEADER_OCTETS = 262_144  # of a header that signatures may cover; ours
HEADER_FIELDS = 1_000  # of one header; ours, see docs/design/security.rst
SIGNATURE_OCTETS = 65_536  # of one signature field; room for copies in z=
SIGNED_NAMES = 1_000  # in one h=; as many as a header may have fields
TAGS = 100  # of one tag list; RFC 6376 knows 13
SIGNATURES_SEEN = 50  # of one message; later ones count for nothing
SIGNATURES_VERIFIED = 10  # of those, the author domain's first
DOMAIN_OCTETS = 253  # of a name without its final dot, RFC 1035 §3.1

RECORD_OCTETS = 8_192  # of one TXT record that is read as a key
RECORDS_TRIED = 3  # of one name; RFC 6376 §3.6.2.2 wants one
RSA_BITS_MIN = 1_024  # RFC 8301 §3.2: below it nothing is valid
RSA_BITS_STRONG = 2_048  # RFC 8301 §3.2: what signers should use
RSA_BITS_MAX = 4_096  # RFC 8301 §3.2: what verifiers must be able to
RSA_EXPONENT_BITS = 64  # longer ones only make us work; OpenSSL's own bound
KEY_CHARACTERS = 1_024  # of p= in base64: an RSA key of 4,096 bits has 736

EXPIRY_SKEW = 300.0  # seconds that our clock may be ahead of a signer's
FUTURE_SKEW = 3_600.0  # seconds that a signer's clock may be ahead of ours

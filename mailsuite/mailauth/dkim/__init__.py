"""DomainKeys Identified Mail: who answers for a message, by signature.

RFC 6376, with RFC 8301 (no SHA-1, no short keys), RFC 8463 (Ed25519) and RFC 8616
(internationalized mail). Serves policy, which verifies while content comes in, relay,
which signs what leaves, and ARC (RFC 8617), which is made of the same pieces.
"""

"""The SMTP, submission and LMTP doors (RFC 5321, RFC 6409, RFC 2033).

Carries octets between connections and :mod:`mailsuite.wire.smtp`, and asks the
receptions that the house hands in; no rule of mail lives here.
"""

"""IMAP4rev1 without a transport: grammar, numbers, names, views, the session.

RFC 3501 with LITERAL+ (7888), SASL-IR (4959), UIDPLUS (4315), MOVE (6851), IDLE
(2177), ID (2971), ENABLE (5161), NAMESPACE (2342), UNSELECT (3691). Serves the
IMAP door, which carries the commands out.
"""

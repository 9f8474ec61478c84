"""Internet messages as octets: scanning, decoding, and composing notices.

RFC 5322 (messages), RFC 2045 to 2047 and 2231 (MIME), RFC 2183 (disposition), RFC
3501 §7.4.2 (ENVELOPE and BODYSTRUCTURE), RFC 3464, 6522 and 6533 (notices). Serves
the store, IMAP, POP3, search, policy and the queue's bounces.

Nothing here raises on any octets that a peer may send, and all of it takes time in
proportion to their number; :mod:`~mailsuite.mime.limits` has the bounds.
"""

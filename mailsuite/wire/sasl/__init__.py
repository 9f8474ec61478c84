"""SASL mechanisms as a server speaks them (RFC 4422), one file each.

PLAIN (RFC 4616) and LOGIN (no RFC; as deployed clients speak it). Serves the
SMTP, IMAP and POP3 doors, which carry the base64 lines and the cancellation.
"""

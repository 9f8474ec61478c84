"""SASL mechanisms as a server speaks them (RFC 4422), one file each.

SCRAM (RFC 5802, RFC 7677), PLAIN (RFC 4616) and LOGIN (no RFC; as deployed clients
speak it). Serves the SMTP, IMAP, POP3 and ManageSieve doors, which carry the base64
lines and the cancellation.
"""

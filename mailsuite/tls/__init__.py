"""TLS: contexts for servers and clients, certificates and their files.

Servers offer TLS 1.2 and 1.3 with forward secrecy (RFC 8446, RFC 9325); the
relay's client takes what it can get, or insists on a verified name (RFC 6125).
Doors and relay are served.
"""

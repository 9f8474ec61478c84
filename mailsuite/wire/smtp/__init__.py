"""SMTP and LMTP as octets and values: RFC 5321, RFC 2033 and their extensions.

The server's session with its parts (lines, commands, paths, parameters, content,
replies) serves :mod:`mailsuite.smtp`; the client's serves :mod:`mailsuite.relay`.
SIZE is RFC 1870, PIPELINING RFC 2920, enhanced status codes RFC 2034, 8BITMIME
RFC 6152, SMTPUTF8 RFC 6531, STARTTLS RFC 3207, AUTH RFC 4954.
"""

"""The protocols as pure machines: octets in, values out, octets back.

Sessions and parsers of SMTP and LMTP (RFC 5321, RFC 2033), IMAP (RFC 3501), POP3
(RFC 1939) and SASL (RFC 4422). No sockets, clock or Twisted here: the doors and
the relay feed them.
"""

"""The POP3 door: an account's INBOX as a maildrop (RFC 1939 and its extensions).

The protocol is :mod:`mailsuite.wire.pop3`; the mail is whatever provides
``IAccounts``. Serves ``house``.
"""

"""The IMAP door: mailboxes for mail programs (RFC 3501 and its extensions).

The protocol is :mod:`mailsuite.wire.imap`; the mail is whatever provides
``IAccounts``. Serves ``house``.
"""

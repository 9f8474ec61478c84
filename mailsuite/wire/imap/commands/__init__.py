"""What each IMAP command's arguments are: frozen values and their parsers.

RFC 3501 §6; one file for a family of commands. Serves ``wire.imap.session``.
"""

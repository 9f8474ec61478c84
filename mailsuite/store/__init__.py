"""Mail as it is kept: Maildir++ trees, each with facts and an index beside it.

The laws are those of ``docs/keeping.rst``: index rows are the truth while the
suite runs, files follow within seconds, and everything but the facts can be built
again from the files. Serves IMAP, POP3, local delivery and the search follower.
RFC 3501 (numbers, flags, names), RFC 7162 (mod-sequences), RFC 6154 (special use).
"""

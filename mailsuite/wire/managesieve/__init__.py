"""ManageSieve on the wire (RFC 5804): commands, replies, one session's states.

Serves the room ``managesieve``.
"""

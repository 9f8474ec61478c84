"""POP3 as a server speaks it, without input or output.

RFC 1939 (POP3), RFC 2449 (CAPA, response codes, PIPELINING), RFC 2595 (STLS),
RFC 5034 (AUTH), RFC 3206 (SYS and AUTH codes). Serves the POP3 door.
"""

"""Bounds of scripts and their runs."""

SCRIPT_OCTETS = 100 * 1024
"""Of one script as it is uploaded."""
BLOCKS = 15  # RFC 5228 §2.10.5 asks for at least 15 nested blocks
TESTS = 15  # and as many nested test lists
TOKENS = 40_000  # of one script
NODES = 5_000  # commands and tests in one script; to check them takes about 100 ms
COMMANDS = 10_000  # commands and tests in one run
WORK_OCTETS = 50 << 20  # looked at by tests in one run; about 200 ms
NUMBER = (1 << 63) - 1  # RFC 5228 §2.4.1 asks for at least 2^31 - 1
TEXT_CHARACTERS = 64 * 1024  # of one string while a script runs
REDIRECTS = 4  # in one run
ACTIONS = 32  # in one run, flags and edits apart
FIELDS = 1_000  # of one message that are looked at
PART_OCTETS = 1 << 20  # of one part that are decoded to look through them
MARKUP_COST = 8  # of an octet of HTML, against one that is only decoded
BODY_CHARACTERS = 4 << 20  # of one message that one body test looks through
EDITED_OCTETS = 256 * 1024  # that one run adds to a message's header
ENCLOSURES = 4  # in one run
FLAGS = 100  # in one set

"""Limits on what an IMAP client may send, each with unit and source."""

LINE_OCTETS = 65_536  # one command without its literals; RFC 2683 §3.2.1.5 asks 8,000
LINE_OCTETS_BEFORE_LOGIN = 8_192  # nobody logs in with more
LITERAL_OCTETS = 131_072  # all literals of one command, APPEND's message left out
LITERAL_OCTETS_BEFORE_LOGIN = 65_536  # all literals of a session until it logs in
SKIPPED_OCTETS = 1_048_576  # of an overlong line before the connection ends
TAG_OCTETS = 128  # RFC 3501 §9 gives none
SET_ITEMS = 20_000  # numbers and ranges in one sequence set
DEPTH = 100  # parentheses, NOT and OR within one another
SEARCH_KEYS = 1_000  # keys in one SEARCH, those inside others counted
FETCH_ITEMS = 100  # data items in one FETCH
HEADER_FIELDS = 500  # names in one HEADER.FIELDS
PART_DEPTH = 101  # numbers in BODY[1.2.3...]; one more than the scanner goes down
ID_PAIRS = 30  # RFC 2971 §3.3
ID_KEY_OCTETS = 30  # same
ID_VALUE_OCTETS = 1_024  # same
FLAGS_IN_COMMAND = 1_000  # flags in one STORE or APPEND
STATUS_ITEMS = 50  # RFC 3501 knows five
METADATA_ENTRIES = 100  # entries in one GETMETADATA or SETMETADATA
NAME_OCTETS = 1_024  # a mailbox name or pattern on the wire

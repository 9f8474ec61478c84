"""``mailsuite doctor``: whether machine, network and DNS are fit for mail.

RFC 5321 §4.1.1.1 (names), RFC 8601 §3 (addresses that lead back), RFC 7208, RFC 6376,
RFC 9989 (our records). Serves operators through the control socket and the command;
each finding has one line and one hint.
"""

"""Reports about mail: DMARC aggregate and failure reports, TLS reports.

RFC 9990, RFC 9991, RFC 7489 §7, RFC 8460, RFC 5965. What others tell us of our
domains is read and kept; what we saw of theirs is collected and sent.
"""

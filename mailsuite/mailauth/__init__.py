"""Who really sent it: SPF, DKIM, ARC, DMARC and what is written of them.

RFC 7208, RFC 6376, RFC 8301, RFC 8463, RFC 8617, RFC 9989, RFC 7489, RFC 8601.
Pure: clock, DNS and keys are given in. Serves policy, relay, reports and the CLI.
"""

"""The relay: carries jobs to other servers (RFC 5321 §5, RFC 7505, RFC 3207).

MX lookups, smarthost routes, opportunistic TLS, pipelined sessions that are kept
for the next job, and outcomes per recipient. It serves the queue.
"""

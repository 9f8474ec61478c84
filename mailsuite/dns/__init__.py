"""DNS: a stub resolver with a cache, on UDP and TCP (RFC 1035, RFC 2308, RFC 5452).

It asks the configured recursive servers and serves the relay and policy. Queries
and the way through an answer are ours; data of rare types are read by dnspython.
"""

"""DNS: a stub resolver with a cache, on UDP and TCP (RFC 1035, RFC 2308, RFC 5452).

It asks the configured recursive servers and serves the relay and policy. The
octets of messages are read and written by dnspython.
"""

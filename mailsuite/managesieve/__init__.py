"""The ManageSieve door (RFC 5804): people's own scripts, put and switched on.

Serves mail clients; knows scripts only through ``interfaces.scripts``.
"""

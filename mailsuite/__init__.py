"""A mail server in one Twisted process: see ``docs/architecture.rst``."""

"""The only place where parts are chosen and joined, started and stopped.

Reads the configuration, guards the start, and knows every room; no room knows it.
Serves ``tap`` (twistd) and the command line.
"""

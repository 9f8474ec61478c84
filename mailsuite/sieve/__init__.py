"""Sieve: the language in which people say what becomes of their mail.

RFC 5228 and its extensions, one file each in ``extensions``. Pure: a script is
checked once into a program, a program is run over a message and gives a plan of
actions, and whoever runs it carries the plan out. Serves delivery, managesieve
and the CLI.
"""

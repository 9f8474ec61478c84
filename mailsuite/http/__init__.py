"""The control socket: HTTP over a Unix socket, for the commands of ``mailsuite``.

Exactly what those commands need: users, domains, aliases, queue, search, reload,
metrics and health. Errors are problems of RFC 9457. Serves operators only.
"""

"""The command ``mailsuite``: for operators, with ``--json`` on every verb.

A client of the control socket. Users, domains and aliases can also be changed while
the suite is stopped: then the same routes run here, on ``state.db`` itself.
"""

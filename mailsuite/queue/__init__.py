"""What was accepted and is not yet settled: spool, schedule, leases, bounces.

Serves policy (``accept``, ``outcome``), the transports (``settle``, ``renew``) and
the people who look after it. RFC 5321 §4.5.4 (retries), §4.5.5 and §6.1
(notifications), RFC 3464 (their form, made by :mod:`mailsuite.mime`).

The journal is the log and ``queue.db`` its checkpoint: what is done before its
segment is retired never touches the database.
"""

"""Users, domains and aliases: who may log in, and where an address leads.

People's own files (``etc/domains.d``) are read, never written; what the API and the
CLI make lives in ``state.db``. Serves the doors (passwords), policy (recipients,
senders), the queue (routes) and the store (quota). RFC 5321 §4.5.1, RFC 5233,
RFC 6409 §6.1.
"""

"""Local delivery: from a job of the queue into the mailboxes of our accounts.

Provides :class:`~mailsuite.interfaces.queueing.IDelivery` for the transport
``local``. RFC 5321 §3.9.1 (aliases), RFC 5233 (subaddresses), RFC 3463 (statuses).
"""

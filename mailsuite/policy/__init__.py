"""Decides what comes in: the receptions behind the SMTP, submission and LMTP doors.

An ordered list of stages is asked in each phase of the dialogue (RFC 5321 §3.3,
§7); what they let pass gets its trace fields (RFC 5321 §4.4) and goes to the
queue. Serves :mod:`mailsuite.smtp` through ``IReceptions``.
"""

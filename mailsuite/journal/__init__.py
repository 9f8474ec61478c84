"""The message journal: one barrier for all that waits.

Serves the queue and the store through :mod:`mailsuite.interfaces.journal`; only
``house`` starts and stops it. No RFC speaks of it, but RFC 5321 §4.2.5 (the
responsibility that a 250 takes) is what it is for.
"""

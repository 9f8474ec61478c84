"""What operators count and auditors read: one line and one count an event.

Every room reports through :class:`~mailsuite.interfaces.events.IEvents`; the names
and fields stand in :mod:`~mailsuite.events.catalogue`. Diagnostics of
``twisted.logger`` end in the same log.
"""

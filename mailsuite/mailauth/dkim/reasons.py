"""Why a signature does not count, as an exception on its way to a result."""

from mailsuite.model.errors import PeerError
from mailsuite.model.proofs import Result


class Unfit(PeerError):  # noqa: N818 - a finding about mail, not an error of ours
    """The signature, its key or its message is not fit to pass.

    The results follow RFC 8601 §2.7.1. ``NEUTRAL``: it cannot be read, or uses what
    we do not know. ``PERMERROR``: it can be read and breaks a rule, or there is no
    usable key. ``FAIL``: computed, and wrong. ``POLICY``: RFC 6376 leaves it to the
    verifier, and we refuse. ``TEMPERROR``: another time may tell.
    """

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason

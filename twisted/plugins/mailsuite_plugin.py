"""Makes ``mailsuite`` known to twistd."""

from twisted.application.service import ServiceMaker

mailsuite = ServiceMaker(
    "mailsuite",
    "mailsuite.tap",
    "A mail suite: receives, relays, stores, indexes and serves mail.",
    "mailsuite",
)

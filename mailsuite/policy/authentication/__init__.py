"""Who really sent a message, and what follows from it.

RFC 7208 (SPF), RFC 6376 (DKIM), RFC 8617 (ARC), RFC 9989 (DMARC) and RFC 8601
(Authentication-Results) as :mod:`mailsuite.mailauth` reads them; here is when they
are asked and what the findings mean for a message. Serves the stage
:mod:`mailsuite.policy.stages.authentication` and ``mailsuite auth check``.
"""

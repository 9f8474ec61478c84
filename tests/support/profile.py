"""How long the fault tests run: ``make test`` shortly, ``make proof`` at length."""

import os

SHARE = float(os.environ.get("MAILSUITE_PROOF") or 0)
"""1.0: the numbers of docs/design/security.rst; 0.05: a twentieth; 0: no proof."""

PROOF = SHARE > 0


def share(number, least=2):
    """So many of ``number`` as this run of the proof takes."""
    return max(least, round(number * (SHARE or 1.0)))

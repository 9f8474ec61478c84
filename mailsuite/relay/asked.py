"""What senders ask of the servers on the way: RET, ENVID (RFC 3461), BY (RFC 2852).

The envelope's mark ``by`` is ``WALL-SECONDS;MODE``: the time until which a message is
to be delivered. In mode R a server that does not know BY never gets it.
"""

import re
from collections.abc import Callable

from attrs import field, frozen

from mailsuite.model.envelope import Marks
from mailsuite.model.outcomes import Failed
from mailsuite.wire.smtp.offers import Offers

EXPIRED = "5.4.7"  # RFC 3463 §3.5: delivery time expired
LONGEST = 999_999_999  # seconds, RFC 2852 §4
_MARK = re.compile(r"(-?\d{1,12});([NR])(T?)")


@frozen
class Asked:
    """Of one job. ``wall`` gives wall seconds."""

    marks: Marks = field(factory=dict)
    wall: Callable[[], float] = lambda: 0.0

    @property
    def ret(self) -> str:
        """RET, empty: not given."""
        return self.marks.get("ret", "")

    @property
    def envid(self) -> str:
        """ENVID in its wire form, empty: not given."""
        return self.marks.get("envid", "")

    @property
    def by(self) -> str:
        """BY as it is now, empty: no limit."""
        found = _MARK.fullmatch(self.marks.get("by", ""))
        if found is None:
            return ""
        left = int(found[1]) - int(self.wall())
        return f"{max(min(left, LONGEST), -LONGEST)};{found[2]}{found[3]}"

    def refusal(self, offers: Offers, host: str) -> Failed | None:
        """Why a server may not get the message (RFC 2852 §4.1.4); None: it may."""
        seconds, _, mode = self.by.partition(";")
        if not mode.startswith("R"):
            return None
        if int(seconds) <= 0:
            return Failed(EXPIRED, "the time to deliver it by has passed")
        if "DELIVERBY" not in offers:
            text = f"{host} knows no time limits (DELIVERBY)"
            return Failed(EXPIRED, text, host)
        least = offers.keywords["DELIVERBY"].partition(",")[0].strip()
        if least.isdecimal() and int(least[:10]) > int(seconds):
            return Failed(EXPIRED, f"{host} wants {least} seconds at least", host)
        return None

"""``:user`` and ``:detail`` of an address (RFC 5233)."""

from mailsuite.mime.addresses import Mailbox
from mailsuite.sieve.shapes import Extension, Tagged


def extension(delimiter: str = "+") -> Extension:
    """The extension where ``delimiter`` stands before details, as in the directory.

    The first one divides, at the beginning none does; an empty one: no address has
    details.
    """

    def halves(one: Mailbox) -> tuple[str, str | None]:
        if delimiter and delimiter in one.local:
            user, _, detail = one.local.partition(delimiter)
            if user:
                return user, detail
        return one.local, None

    return Extension(
        "subaddress",
        tags={
            "@address": tuple(
                Tagged(name, group="address-part") for name in ("user", "detail")
            )
        },
        parts={
            "user": lambda one: halves(one)[0] if one.domain else None,
            "detail": lambda one: halves(one)[1] if one.domain else None,
        },
    )


EXTENSION = extension()

"""Settings of the journal."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class Settings:
    """The message journal: what is accepted is synced here before it is answered."""

    segment_octets: int = setting(
        64 << 20, "size of one preallocated file", "octets", restart=True
    )
    segments: int = setting(
        16, "files at most; when all are in use, mail is answered 452", restart=True
    )
    checkpoint_seconds: float = setting(
        60.0, "at the latest then, what was kept leaves the journal", "seconds"
    )

"""Founding a suite: its folders, files and certificate, made where missing.

Nothing that exists is changed. Used by ``mailsuite init`` and ``mailsuite demo``.
"""

import os
from collections.abc import Callable, Sequence

from attrs import define, field

from mailsuite.house import sample
from mailsuite.tls import selfsigned

FOLDER_MODE = 0o700
SETTINGS_MODE = 0o755  # read at a reload by the user whom ``--uid`` names
FILE_MODE = 0o644


@define(eq=False, repr=False)
class Founding:
    """Makes what is missing and tells what it did, a line each.

    With ``dry`` it only tells.
    """

    etc: str
    dry: bool = False
    told: list[str] = field(factory=list)

    def folder(self, path: str, mode: int = FOLDER_MODE) -> None:
        """Make a folder, by default one that others cannot look into."""
        if self._missing(path) and not self.dry:
            os.makedirs(path, mode=mode, exist_ok=True)

    def file(self, path: str, text: str, mode: int = FILE_MODE) -> None:
        """Write a new file, whole or not at all."""
        if self._missing(path) and not self.dry:
            self._write(path, text, mode)

    @staticmethod
    def _write(path: str, text: str, mode: int) -> None:
        fresh = f"{path}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(fresh, flags, mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(fresh, path)

    def configuration(self, path: str, values: sample.Values) -> None:
        """Write ``mailsuite.toml`` with these values, beside its domains."""
        self.folder(os.path.join(self.etc, "domains.d"), SETTINGS_MODE)
        if self._pristine(path):
            self.told.append(f"{path}: the sample, filled in")
            if not self.dry:
                self._write(path, sample.main(values), FILE_MODE)
            return
        self.file(path, sample.main(values))

    @staticmethod
    def _pristine(path: str) -> bool:
        """Whether it is the sample that nobody has changed."""
        try:
            with open(path, encoding="utf-8") as file:
                return file.read() == sample.main()
        except (OSError, UnicodeDecodeError):
            return False

    def certificate(
        self, names: Sequence[str], wall: Callable[[], float]
    ) -> tuple[str, str]:
        """Make a self-signed one; gives both paths relative to ``etc``."""
        relative = (f"tls/{names[0]}.pem", f"tls/{names[0]}.key")
        public, private = (os.path.join(self.etc, path) for path in relative)
        self.folder(os.path.join(self.etc, "tls"))
        if self._missing(public) and not self.dry:
            if os.path.exists(private):
                os.rename(private, f"{private}.old")
            selfsigned.write(public, private, list(names), wall())
        return relative

    def _missing(self, path: str) -> bool:
        missing = not os.path.lexists(path)
        would = "would be made" if self.dry else "made"
        self.told.append(f"{path}: {would if missing else 'there already, kept'}")
        return missing

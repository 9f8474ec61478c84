"""A file system in memory: one to be filled, or one for very many files."""

import subprocess
import tempfile
from pathlib import Path


class Mounted:
    """A folder that is a tmpfs, with such options of ``mount``."""

    def __init__(self, *options):
        self.folder = Path(tempfile.mkdtemp(prefix="mailsuite-scarce-"))
        command = ["mount", "-t", "tmpfs", *options, "none", str(self.folder)]
        subprocess.run(command, check=True)

    def remove(self):
        subprocess.run(["umount", "-l", str(self.folder)], check=False)
        self.folder.rmdir()

"""Messages verified by opendkim, with public keys from a file."""

import os
import re
import subprocess
import tempfile

from tests.support.patience import PATIENCE_SECONDS


def opendkim(message, *keys):
    """What opendkim finds: ``pass``, ``fail`` or another result of each signature.

    The rows are (result, ``a=``), in the order of its Authentication-Results.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: os.path.join(folder, name) for name in ("conf", "keys", "m")}
        with open(paths["m"], "wb") as file:
            file.write(message)
        with open(paths["keys"], "w", encoding="ascii") as file:
            file.writelines(f"{key.name} {key.record}\n" for key in keys)
        with open(paths["conf"], "w", encoding="ascii") as file:
            file.write(f"TestPublicKeys {paths['keys']}\nMode v\nSyslog no\n")
        done = subprocess.run(
            ["opendkim", "-x", paths["conf"], "-t", paths["m"], "-vvv"],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
    found = re.findall(r"dkim=(\w+)[^;]*?header\.a=(\S+)", done.stdout)
    if not found:
        raise AssertionError(done.stdout + done.stderr)
    return found

"""Dovecot's Pigeonhole as a second opinion: what it makes of a script and a message.

``sieve-test`` prints the actions of a run and does none of them. Both sides are
brought to one form, a set of tuples (:func:`theirs`, :func:`ours`).
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import define

from mailsuite.sieve.actions import Discard, FileInto, Keep, Redirect
from mailsuite.sieve.extensions.enotify import Notify
from mailsuite.sieve.extensions.reject import Reject
from mailsuite.sieve.extensions.vacation import Vacation
from mailsuite.sieve.run import Plan
from tests.support.patience import PATIENCE_SECONDS

COMMAND = shutil.which("sieve-test") or ""
OWN_UID = 5000  # Dovecot runs nothing as root

Deed = tuple[Any, ...]
FAILED = frozenset([("failed",)])
"""The script broke off, and the message is kept."""

CONFIG = """\
mail_location = maildir:{folder}/mail
log_path = /dev/stderr
mail_uid = {uid}
mail_gid = {uid}
first_valid_uid = 1
plugin {{
  sieve_extensions = +editheader +vacation-seconds +spamtest +spamtestplus
  sieve_spamtest_status_type = strlen
  sieve_spamtest_status_header = X-Spam-Level
  sieve_spamtest_max_value = 10
  sieve_user_log = {folder}/user.log
  sieve_max_redirects = 4
  sieve_vacation_min_period = 1s
}}
"""


@define(eq=False)
class Pigeonhole:
    """Runs ``sieve-test`` in a folder of its own."""

    folder: Path

    def __attrs_post_init__(self) -> None:
        root = os.getuid() == 0
        self.folder.mkdir(parents=True, exist_ok=True)
        if root:
            self.folder.chmod(0o777)
        uid = OWN_UID if root else os.getuid()
        text = CONFIG.format(folder=self.folder, uid=uid)
        (self.folder / "dovecot.conf").write_text(text)

    def plan(
        self, script: bytes, message: bytes, sender: str, recipient: str
    ) -> frozenset[Deed]:
        """What it would do. :raises ValueError: it refuses the script; its words."""
        paths = self.folder / "a.sieve", self.folder / "a.eml"
        for path, octets in zip(paths, (script, message), strict=True):
            path.write_bytes(octets)
            path.chmod(0o644)
        config = str(self.folder / "dovecot.conf")
        words = [COMMAND, "-C", "-c", config, "-f", sender, "-a", recipient]
        words += ["-r", recipient, *map(str, paths)]
        done = subprocess.run(
            words, capture_output=True, timeout=PATIENCE_SECONDS, check=False
        )
        told = done.stderr.decode("utf-8", "replace")
        if "final result: failed" in told:
            return FAILED
        if done.returncode:
            raise ValueError(told)
        return theirs(done.stdout.decode("utf-8", "surrogateescape"))


def theirs(printed: str) -> frozenset[Deed]:
    """Read what ``sieve-test`` prints."""
    _, _, rest = printed.partition("Performed actions:")
    performed, _, kept = rest.rpartition("Implicit keep:")
    blocks = [*_blocks(performed), *_blocks(kept)]
    return _together(map(_deed, blocks))


def _blocks(text: str) -> Iterator[Sequence[str]]:
    """Each action's lines, the star left out."""
    block: list[str] = []
    for line in text.splitlines():
        if line.startswith(" * "):
            if block:
                yield block
            block = [line[3:]]
        elif block:
            block.append(line)
    if block:
        yield block


def _deed(block: Sequence[str]) -> Deed:
    head = block[0]
    text = "\n".join(block)
    if head.startswith("store message in folder: "):
        mailbox = head.partition(": ")[2]
        flags = re.search(r"\+ add IMAP flags:(.*)", text)
        return _stored(mailbox, (flags[1] if flags else "").split())
    if head.startswith("redirect message to: "):
        return "redirect", head.partition(": <")[2].rstrip(">").lower()
    if head == "discard":
        return ("discard",)
    if head.startswith("reject message with reason: "):
        return "reject", head.partition(": ")[2].strip()
    if head.startswith("send vacation message"):
        seconds = re.search(r"=> seconds : (\d+)", text)
        subject = re.search(r"=> subject : (.*)", text)
        told = seconds[1] if seconds else ""
        return "vacation", int(told), subject and subject[1], _between(text).strip()
    if head.startswith("send notification"):
        return "notify", tuple(sorted(re.findall(r"\+ To: (\S+)", text)))
    raise ValueError(f"unknown action: {head}")


def _between(text: str) -> str:
    return text.partition("START MESSAGE\n")[2].rpartition("\nEND MESSAGE")[0]


def _stored(mailbox: str, flags: Iterable[str]) -> Deed:
    name = "INBOX" if mailbox.upper() == "INBOX" else mailbox
    return "store", name, tuple(sorted({flag.lower() for flag in flags}))


def ours(plan: Plan) -> frozenset[Deed]:
    """A plan of this suite in the same form."""
    if plan.trouble:
        return FAILED
    return _together(map(_own, plan.actions))


def _together(deeds: Iterable[Deed]) -> frozenset[Deed]:
    """One copy for one place, with the flags that came last (RFC 5228 §2.10.3)."""
    found = {deed[:2] if deed[0] == "store" else deed: deed for deed in deeds}
    return frozenset(found.values())


def _own(action: Any) -> Deed:
    match action:
        case Keep():
            return _stored("INBOX", action.flags or ())
        case FileInto():
            return _stored(action.mailbox, action.flags or ())
        case Redirect():
            return "redirect", action.address.lower()
        case Discard():
            return ("discard",)
        case Reject():
            return "reject", action.reason.strip()
        case Vacation():
            reason = action.reason.strip()
            return "vacation", action.seconds, action.subject, reason
        case Notify():
            return "notify", tuple(sorted(action.recipients))
    raise ValueError(f"unknown action: {action}")

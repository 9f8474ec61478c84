"""Names of mailboxes and accounts as directories, and back.

A mailbox's directory is that of Maildir++: ``.Level.Level``, each level in
modified UTF-7 (RFC 3501 §5.1.3). Characters that mean something to Maildir++ or
to a file system (``. / ~ :``) are put into the shifted form too, as other Maildir++
servers do, so that the encoding is reversible and never leaves its directory.
"""

import binascii
import re

from mailsuite.interfaces.mailboxes import BadName
from mailsuite.model.ids import AccountName

INBOX = "INBOX"
SEPARATOR = "/"
LEVELS = 20  # of one name; more would only serve to break clients
DIRECTORY_OCTETS = 255  # NAME_MAX of Linux file systems

_SHIFTED = re.compile(r"(?:[^\x20-\x7e]|[./~:])+|&")
_CODED = re.compile(r"&([A-Za-z0-9+,]*)-")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_OCTET = re.compile("[\udc80-\udcff]")  # no UTF-8, as Python reads it in names of files
_UNSAFE = re.compile(rb"[^a-z0-9_+=@,\-.]")


def _shift(match: "re.Match[str]") -> str:
    text = match.group()
    if text == "&":
        return "&-"
    coded = binascii.b2a_base64(text.encode("utf-16-be"), newline=False)
    return "&" + coded.rstrip(b"=").replace(b"/", b",").decode() + "-"


def encode_level(level: str) -> str:
    """One level of a name as it stands in a directory's name."""
    return _SHIFTED.sub(_shift, level)


def _unshift(match: "re.Match[str]") -> str:
    coded = match.group(1)
    if not coded:
        return "&"
    padded = coded.replace(",", "/") + "=" * (-len(coded) % 4)
    return binascii.a2b_base64(padded).decode("utf-16-be")


def decode_level(text: str) -> str:
    """What :func:`encode_level` encoded; text of strangers is taken as it is."""
    try:
        level = _CODED.sub(_unshift, text)
    except (binascii.Error, UnicodeDecodeError):
        return text
    return level if encode_level(level) == text else text


def canonical(name: str) -> str:
    """Spell INBOX in capitals where it is the first level (RFC 3501 §5.1)."""
    first, separator, rest = name.partition(SEPARATOR)
    if first.upper() == INBOX and first != INBOX:
        return INBOX + separator + rest
    return name


def checked(name: str) -> str:
    """The canonical form of a name that a client wants to use.

    :raises BadName: no mailbox can have it.
    """
    name = canonical(name)
    levels = name.split(SEPARATOR)
    if "" in levels:
        raise BadName("a level of the name is empty")
    if len(levels) > LEVELS:
        raise BadName(f"more than {LEVELS} levels")
    if "." in levels or ".." in levels:
        raise BadName("a level of the name is a dot")
    if _CONTROL.search(name):
        raise BadName("the name holds a control character")
    if name[0] in "~#":
        raise BadName("the name begins with a reserved character")
    if len(directory(name).encode()) > DIRECTORY_OCTETS:
        raise BadName("the name is too long")
    return name


def directory(name: str) -> str:
    """The directory of a mailbox below the Maildir; empty for INBOX itself."""
    if name == INBOX:
        return ""
    return "." + ".".join(map(encode_level, name.split(SEPARATOR)))


def mailbox_of(entry: str) -> str | None:
    """The mailbox a directory stands for; None: it can be none.

    Its :func:`directory` is another where strangers made it by rules of their own.
    """
    if len(entry) < 2 or entry[0] != "." or entry[1] == ".":
        return None
    text = _OCTET.sub(lambda match: f"={ord(match.group()) - 0xDC00:02X}", entry[1:])
    levels = [decode_level(level) for level in text.split(".")]
    name = SEPARATOR.join(level.replace(SEPARATOR, "_") for level in levels)
    try:
        name = checked(name)
    except BadName:
        return None
    return None if name == INBOX else name


def parents(name: str) -> list[str]:
    """The levels above a name, topmost first."""
    levels = name.split(SEPARATOR)
    return [SEPARATOR.join(levels[:n]) for n in range(1, len(levels))]


def below(name: str, top: str) -> bool:
    """Whether ``name`` is a descendant of ``top``."""
    return name.startswith(top + SEPARATOR)


def escape(part: str) -> str:
    """A local part or domain as one safe level of a path; reversible.

    :raises BadName: it is empty or longer than a file name may be.
    """

    def quoted(match: "re.Match[bytes]") -> bytes:
        return b"%%%02X" % match.group()[0]

    octets = _UNSAFE.sub(quoted, part.encode())
    if octets.startswith(b"."):
        octets = b"%2E" + octets[1:]
    if not octets or len(octets) > DIRECTORY_OCTETS:
        raise BadName("the account's name cannot be a directory")
    return octets.decode()


def unescape(level: str) -> str:
    """What :func:`escape` escaped. :raises ValueError: it escaped no such thing."""
    octets = re.sub(
        rb"%([0-9A-F]{2})",
        lambda match: bytes([int(match.group(1), 16)]),
        level.encode(),
    )
    part = octets.decode()
    if escape(part) != level:
        raise ValueError("not an escaped name")
    return part


def split_account(account: AccountName) -> tuple[str, str]:
    """User and domain of an account's name; the domain may be empty."""
    user, at, domain = account.rpartition("@")
    return (user, domain) if at else (domain, "")


def template(level: str) -> "re.Pattern[str] | None":
    """A level of the Maildir's template as a pattern; None: it is a plain name."""
    if "{" not in level:
        return None
    pattern = re.escape(level)
    for key in ("user", "domain"):
        pattern = pattern.replace(rf"\{{{key}\}}", rf"(?P<{key}>[^/]+)", 1)
    return re.compile(pattern)

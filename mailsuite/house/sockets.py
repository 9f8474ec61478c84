"""Every listening socket: ports are bound before anything else and before ``--uid``
counts, Unix sockets afterwards, so that they belong to who serves them.
"""

import os
from collections.abc import Sequence
from contextlib import suppress

from attrs import Factory, evolve, frozen

from mailsuite.house.paths import Places, socket_path
from mailsuite.house.tree import Tree
from mailsuite.model.errors import UsageError
from mailsuite.net.endpoints import Bound, Place, bind

UNIX = "unix:"
FOLDER_MODE = 0o700
DOORS = (
    *("smtp", "submission", "submissions", "lmtp"),
    *("imap", "imaps", "pop3", "pop3s", "managesieve"),
)


@frozen
class Wanted:
    """Where each door listens, as the settings say it."""

    smtp: tuple[str, ...] = ()
    submission: tuple[str, ...] = ()
    submissions: tuple[str, ...] = ()
    lmtp: tuple[str, ...] = ()
    imap: tuple[str, ...] = ()
    imaps: tuple[str, ...] = ()
    pop3: tuple[str, ...] = ()
    pop3s: tuple[str, ...] = ()
    managesieve: tuple[str, ...] = ()

    def every(self) -> Sequence[str]:
        """All of them."""
        return (
            *(*self.smtp, *self.submission, *self.submissions, *self.lmtp),
            *(*self.imap, *self.imaps, *self.pop3, *self.pop3s),
            *self.managesieve,
        )


@frozen(eq=False)
class Sockets:
    """The bound ones; ``control`` is the control socket."""

    smtp: Sequence[Bound] = ()
    submission: Sequence[Bound] = ()
    submissions: Sequence[Bound] = ()
    lmtp: Sequence[Bound] = ()
    imap: Sequence[Bound] = ()
    imaps: Sequence[Bound] = ()
    pop3: Sequence[Bound] = ()
    pop3s: Sequence[Bound] = ()
    managesieve: Sequence[Bound] = ()
    control: Sequence[Bound] = Factory(tuple)

    def every(self) -> Sequence[Bound]:
        """All of them."""
        return (
            *(*self.smtp, *self.submission, *self.submissions, *self.lmtp),
            *(*self.imap, *self.imaps, *self.pop3, *self.pop3s),
            *(*self.managesieve, *self.control),
        )

    def close(self) -> None:
        """Give up those that were never served."""
        for bound in self.every():
            with suppress(OSError):
                bound.close()


def wanted(tree: Tree, places: Places) -> Wanted:
    """Say where the doors of this configuration listen.

    A relative ``unix:`` path lies in the data folder.
    """
    return Wanted(
        tree.smtp.listen,
        tree.submission.listen,
        tree.submission.listen_tls,
        tuple(_whole(text, places) for text in tree.lmtp.listen),
        tree.imap.listen,
        tree.imap.listen_tls,
        tree.pop3.listen,
        tree.pop3.listen_tls,
        tree.managesieve.listen,
    )


def _whole(text: str, places: Places) -> str:
    path = text.removeprefix(UNIX)
    if path == text or os.path.isabs(path):
        return text
    return UNIX + socket_path(places.data, path)


def bind_ports(doors: Wanted) -> Sockets:
    """Bind all ports or none. :raises UsageError: one cannot be had."""
    return _bind_all(Sockets(), doors, unix=False)


def bind_local(made: Sockets, doors: Wanted, control: str) -> Sockets:
    """Bind Unix sockets too, the control socket last; their folders are ours by now.

    :raises UsageError: one cannot be had; all that was bound is closed.
    """
    made = _bind_all(made, doors, unix=True)
    try:
        socket_folder(control)
        return evolve(made, control=(bind(Place(path=control)),))
    except UsageError:
        made.close()
        raise


def _bind_all(made: Sockets, doors: Wanted, *, unix: bool) -> Sockets:
    try:
        for name in DOORS:
            for text in getattr(doors, name):
                place = Place.parse(text)
                if bool(place.path) is not unix:
                    continue
                if place.path:
                    socket_folder(place.path)
                more = (*getattr(made, name), bind(place))
                made = evolve(made, **{name: more})
    except UsageError:
        made.close()
        raise
    return made


def socket_folder(path: str) -> None:
    """Make the folder of a socket, for us alone."""
    folder = os.path.dirname(path)
    with suppress(FileExistsError):
        os.makedirs(folder, mode=FOLDER_MODE)

"""Every listening socket, bound before anything else and before ``--uid`` counts."""

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

    def every(self) -> Sequence[str]:
        """All of them."""
        return (
            *(*self.smtp, *self.submission, *self.submissions, *self.lmtp),
            *(*self.imap, *self.imaps, *self.pop3, *self.pop3s),
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
    control: Sequence[Bound] = Factory(tuple)

    def every(self) -> Sequence[Bound]:
        """All of them."""
        return (
            *(*self.smtp, *self.submission, *self.submissions, *self.lmtp),
            *(*self.imap, *self.imaps, *self.pop3, *self.pop3s, *self.control),
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
    )


def _whole(text: str, places: Places) -> str:
    path = text.removeprefix(UNIX)
    if path == text or os.path.isabs(path):
        return text
    return UNIX + socket_path(places.data, path)


def bind_all(doors: Wanted) -> Sockets:
    """Bind all or none. :raises UsageError: one cannot be had."""
    made = Sockets()
    for name in ("smtp", "submission", "submissions", "lmtp"):
        made = _bind(made, name, getattr(doors, name))
    for name in ("imap", "imaps", "pop3", "pop3s"):
        made = _bind(made, name, getattr(doors, name))
    return made


def _bind(made: Sockets, name: str, texts: Sequence[str]) -> Sockets:
    bound: list[Bound] = []
    try:
        for text in texts:
            place = Place.parse(text)
            if place.path:
                socket_folder(place.path)
            bound.append(bind(place))
    except UsageError:
        evolve(made, **{name: bound}).close()
        raise
    return evolve(made, **{name: bound})


def bind_control(made: Sockets, path: str) -> Sockets:
    """Bind the control socket too; its folder is ours by now."""
    socket_folder(path)
    return evolve(made, control=(bind(Place(path=path)),))


def socket_folder(path: str) -> None:
    """Make the folder of a socket, for us alone."""
    folder = os.path.dirname(path)
    with suppress(FileExistsError):
        os.makedirs(folder, mode=FOLDER_MODE)

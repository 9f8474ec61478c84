"""One account's Whoosh index and, inside its own commits, its cursor.

Runs in the child. Whoosh never syncs its files: what a power cut leaves may be
broken, and is then set aside and built again.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from attrs import define, field, frozen
from typing_extensions import override
from whoosh import fields, formats, index
from whoosh.searching import Searcher
from whoosh.system import pack_uint

from mailsuite.search import query
from mailsuite.search.documents import SHOWN_CHARS, Document
from mailsuite.search.words import counted

CURSOR = "cursor"  # the name of the document that holds it; emails are numbers
LOCK_SECONDS = 5.0  # a killed predecessor lets go at once

R = TypeVar("R")

_OUTSIDE = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.EROFS,
        errno.EACCES,
        errno.ENOMEM,
    }
)


class Broken(Exception):  # noqa: N818 - a state of the index
    """The index was unusable and is set aside; it begins anew, from cursor 0."""


class Words(fields.FieldType):
    """A field of counted words: no positions, half the time of Whoosh's TEXT."""

    def __init__(self) -> None:
        super().__init__(formats.Frequency(), None, scorable=True)

    @override
    def index(
        self, value: Any, **kwargs: Any
    ) -> Iterator[tuple[bytes, int, float, bytes]]:
        for word, count in counted(value).items():
            yield word.encode("utf-8", "replace"), count, float(count), pack_uint(count)


def schema() -> fields.Schema:
    """The fields of every index; a stored index of other fields is Broken."""
    return fields.Schema(
        email=fields.ID(stored=True, unique=True),
        subject=Words(),
        people=Words(),
        text=Words(),
        shown=fields.STORED(),
    )


@frozen
class Found:
    """One message that matched, with what is shown of it."""

    email: int
    score: float
    sender: str
    subject: str
    date: float


@define(eq=False)
class Account:
    """An open index. Every method raises Broken, or OSError of the outside."""

    folder: str
    memory: int
    _index: index.FileIndex | None = None
    _searcher: Searcher | None = field(default=None)

    def cursor(self) -> int:
        """The ModSeq up to which changes are in the index; 0 for a new one."""
        return self._guarded(self._cursor)

    def take(
        self, reached: int, added: Sequence[tuple[int, Document]], gone: Sequence[int]
    ) -> None:
        """Put changes in and the cursor forward, in one commit."""
        self._guarded(lambda: self._take(reached, added, gone))

    def ask(self, words: str, limit: int) -> list[Found]:
        """Messages that hold all the words, best first."""
        return self._guarded(lambda: self._ask(words, limit))

    def exists(self) -> bool:
        """Whether there is something on disk."""
        return bool(index.exists_in(self.folder)) if self._there() else False

    def close(self) -> None:
        """Let go of files; the index stays."""
        searcher, self._searcher = self._searcher, None
        opened, self._index = self._index, None
        if searcher is not None:
            searcher.close()
        if opened is not None:
            opened.close()

    def drop(self) -> None:
        """Forget the index on disk too."""
        self.close()
        if self._there():
            shutil.rmtree(self.folder)

    def _guarded(self, work: Callable[[], R]) -> R:
        try:
            return work()
        except index.LockError as error:
            raise OSError(errno.EAGAIN, "the index is locked") from error
        except OSError as error:
            if error.errno in _OUTSIDE:
                raise
            self._set_aside(error)
        except Exception as error:
            self._set_aside(error)
        raise Broken(self.folder)

    def _set_aside(self, error: Exception) -> None:
        """Keep one broken index for whoever wants to look at it."""
        self._searcher = self._index = None
        aside = self.folder + ".corrupt"
        if self._there():
            shutil.rmtree(aside, ignore_errors=True)
            os.rename(self.folder, aside)
            note = os.path.join(aside, "why")
            with open(note, "w", encoding="utf-8") as file:
                file.write(f"{type(error).__name__}: {error}\n")

    def _there(self) -> bool:
        return os.path.isdir(self.folder)

    def _open(self) -> index.FileIndex:
        if self._index is not None and not index.exists_in(self.folder):
            self.close()  # somebody removed it
        if self._index is None:
            if not self.exists():
                os.makedirs(self.folder, mode=0o700, exist_ok=True)
                self._index = index.create_in(self.folder, schema())
            else:
                self._index = index.open_dir(self.folder)
                if self._index.schema.names() != schema().names():
                    raise ValueError("the index has other fields")
        return self._index

    def _search(self) -> Searcher:
        opened = self._open()
        if self._searcher is None:
            self._searcher = opened.searcher()
        elif not self._searcher.up_to_date():
            self._searcher = self._searcher.refresh()
        return self._searcher

    def _cursor(self) -> int:
        row = self._search().document(email=CURSOR)
        return int(row["shown"]) if row else 0

    def _take(
        self, reached: int, added: Sequence[tuple[int, Document]], gone: Sequence[int]
    ) -> None:
        fresh = self._cursor() == 0
        writer = self._open().writer(limitmb=self.memory, timeout=LOCK_SECONDS)
        with ExitStack() as undo:
            undo.callback(writer.cancel)
            if not fresh:
                for email in (*gone, *(email for email, _ in added)):
                    writer.delete_by_term("email", str(email))
            writer.delete_by_term("email", CURSOR)
            for email, document in added:
                writer.add_document(
                    email=str(email),
                    subject=document.subject,
                    people=document.people,
                    text=document.text,
                    shown=_shown(document),
                )
            writer.add_document(email=CURSOR, shown=reached)
            undo.pop_all()
        writer.commit()

    def _ask(self, words: str, limit: int) -> list[Found]:
        built = query.build(words)
        if built is None:
            return []
        found: list[Found] = []
        for hit in self._search().search(built, limit=limit):
            stored = hit.fields()
            found.append(Found(int(stored["email"]), hit.score, *stored["shown"]))
        return found


def _shown(document: Document) -> tuple[str, str, float]:
    return document.sender, document.subject[:SHOWN_CHARS], document.date

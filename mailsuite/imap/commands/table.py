"""Every command: who carries it out, and whether EXPUNGE may follow it."""

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen

from mailsuite.imap.commands import (
    copy,
    fetch,
    folders,
    listing,
    login,
    metadata,
    plain,
    search,
    select,
    store,
)
from mailsuite.imap.talk import Talk


@frozen
class Runner:
    """``run`` gives the tagged answer, None when the client must speak first.

    ``expunge``: messages may be told gone after it. RFC 3501 §7.4.1 forbids that
    for FETCH, STORE and SEARCH by message numbers.
    """

    run: Callable[[Talk, Any], Awaitable[bytes | None]]
    expunge: bool = True


RUNNERS: dict[bytes, Runner] = {
    b"CAPABILITY": Runner(plain.capability),
    b"NOOP": Runner(plain.noop),
    b"CHECK": Runner(plain.noop),
    b"LOGOUT": Runner(plain.logout),
    b"ID": Runner(plain.identity),
    b"NAMESPACE": Runner(plain.namespace),
    b"ENABLE": Runner(plain.enable),
    b"STARTTLS": Runner(login.starttls),
    b"LOGIN": Runner(login.login),
    b"AUTHENTICATE": Runner(login.authenticate),
    b"SELECT": Runner(select.select),
    b"EXAMINE": Runner(select.examine),
    b"CLOSE": Runner(select.close),
    b"UNSELECT": Runner(select.unselect),
    b"EXPUNGE": Runner(select.expunge),
    b"UID EXPUNGE": Runner(select.expunge),
    b"CREATE": Runner(folders.create),
    b"DELETE": Runner(folders.delete),
    b"RENAME": Runner(folders.rename),
    b"SUBSCRIBE": Runner(folders.subscribe),
    b"UNSUBSCRIBE": Runner(folders.unsubscribe),
    b"STATUS": Runner(folders.status),
    b"LIST": Runner(listing.list_),
    b"LSUB": Runner(listing.lsub),
    b"GETMETADATA": Runner(metadata.get),
    b"SETMETADATA": Runner(metadata.set_),
    b"FETCH": Runner(fetch.fetch, expunge=False),
    b"UID FETCH": Runner(fetch.fetch),
    b"STORE": Runner(store.store, expunge=False),
    b"UID STORE": Runner(store.store),
    b"SEARCH": Runner(search.search, expunge=False),
    b"UID SEARCH": Runner(search.search),
    b"COPY": Runner(copy.copy),
    b"UID COPY": Runner(copy.copy),
    b"MOVE": Runner(copy.copy),
    b"UID MOVE": Runner(copy.copy),
}

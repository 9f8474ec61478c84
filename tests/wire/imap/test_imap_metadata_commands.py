"""GETMETADATA and SETMETADATA read and answered (RFC 5464)."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.annotations import canonical
from mailsuite.wire.imap.commands import metadata
from mailsuite.wire.imap.commands.metadata import GetMetadata
from mailsuite.wire.imap.commands.table import State
from mailsuite.wire.imap.events import Command, Refused
from mailsuite.wire.imap.session import Session

LEVELS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3)
NAMES = LEVELS.map(lambda levels: "/shared/" + "/".join(levels))
PIECES = st.lists(
    st.sampled_from(
        (
            *(b"GETMETADATA ", b"SETMETADATA ", b"INBOX", b'""', b" ", b"(", b")"),
            *(b"DEPTH ", b"0", b"1", b"infinity", b"MAXSIZE ", b"NIL", b"~", b"{1+}"),
            *(b"\r\n", b"x", b"\0", b"/shared/a", b"/private", b'"y"', b"/", b"*"),
        )
    ),
    max_size=14,
).map(b"".join)


def said(text):
    session = Session(State.AUTHENTICATED)
    session.feed(b"t " + text + b"\r\n")
    found = []
    while (event := session.next_event()) is not None:
        found.append(event)
    return found


class CommandTests(SynchronousTestCase):
    @given(PIECES)
    @example(b"SETMETADATA INBOX (/shared/a ~{1+}\r\n\0)")
    def test_anything(self, text):
        """Whatever comes is a command within its bounds, or refused."""
        for event in said(text):
            self.assertIsInstance(event, Command | Refused)
            if isinstance(event, Command) and event.name == b"GETMETADATA":
                self.assertTrue(event.value.entries)
                for entry in event.value.entries:
                    self.assertEqual(canonical(entry), entry)

    @given(st.dictionaries(NAMES, st.binary(max_size=3000)))
    def test_told(self, entries):
        """What is told is read back as it was, octet for octet."""
        (event,) = (
            said(
                b"S"
                + metadata.values("INBOX", entries.items())
                .replace(b"* METADATA", b"ETMETADATA", 1)
                .replace(b"}\r\n", b"+}\r\n")[:-2]
            )
            if entries and not any(b"}\r\n" in v for v in entries.values())
            else (None,)
        )
        if event is not None:
            self.assertEqual(event.value.changes, entries)

    @given(
        st.dictionaries(NAMES, st.binary(max_size=9)),
        st.lists(NAMES, min_size=1, max_size=3, unique=True),
        st.sampled_from((0, 1, None)),
        st.none() | st.integers(0, 9),
    )
    def test_found(self, known, entries, depth, most):
        """Just what is at most so deep and so long is told; NIL where nothing is."""
        asked = GetMetadata("INBOX", tuple(entries), depth, most)
        found = metadata.found(asked, known)
        told = {entry: value for entry, value in found.entries if value is not None}
        wanted = {
            entry: value
            for entry, value in known.items()
            if any(_within(entry, one, depth) for one in entries)
        }
        limit = 9 if most is None else most
        self.assertEqual(told, {e: v for e, v in wanted.items() if len(v) <= limit})
        long = [len(v) for v in wanted.values() if len(v) > limit]
        self.assertEqual(found.longest, max(long, default=0))
        nothing = [entry for entry, value in found.entries if value is None]
        self.assertEqual([entry for entry in nothing if entry in known], [])
        self.assertTrue(found.entries or found.longest)
        if depth == 0:
            self.assertEqual(set(nothing), set(entries) - known.keys())


def _within(entry, top, depth):
    if entry == top:
        return True
    levels = entry.count("/") - top.count("/")
    return entry.startswith(top + "/") and (depth is None or levels <= depth)

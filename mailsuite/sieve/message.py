"""A message as scripts look at it: fields decoded once, content only if asked for.

Scripts change a copy: fields one by one (RFC 5293), parts by others and the whole by
another (RFC 5703). Parts that are replaced are put in together, when somebody looks.
"""

from collections.abc import Callable, Sequence
from typing import Optional

from attrs import define, field

from mailsuite.mime import addresses, headers, scan, words
from mailsuite.mime.addresses import Mailbox
from mailsuite.mime.quoting import unfolded
from mailsuite.sieve.comparators import casemap
from mailsuite.sieve.limits import FIELDS
from mailsuite.sieve.parts import Field, Path, Whole, listed
from mailsuite.sieve.seen import NONE, Seen, Sight, joined
from mailsuite.sieve.shapes import AddressPart


@define(eq=False, slots=False)
class Message:
    """``content`` gives the octets behind the header; it may raise Wanted.

    ``changed`` tells whether a script made something else of it.
    """

    header: bytes = field(repr=False)
    size: int
    content: Callable[[], bytes] = field(repr=False)
    changed: bool = field(default=False, init=False)
    enclosed: Optional["Message"] = field(default=None, init=False, repr=False)
    """The message that this one was made around (RFC 5703 §6)."""
    _whole: Whole = field(init=False, repr=False)
    _instead: dict[Path, bytes] = field(factory=dict, init=False, repr=False)
    """Entities that take the place of parts and are not yet put in."""
    _decoded: dict[str, Seen] = field(factory=dict, init=False, repr=False)
    _parsed: dict[str, list[list[Mailbox]]] = field(
        factory=dict, init=False, repr=False
    )
    _joined: dict[tuple[tuple[str, ...], AddressPart | None], Seen] = field(
        factory=dict, init=False, repr=False
    )
    sights: dict[object, Sight] = field(factory=dict, init=False, repr=False)
    """What tests have seen of the message as it is, by what they look at."""
    _named: dict[bytes, list[bytes]] | None = field(default=None, init=False)
    """The values of each name, as they stand there; None until somebody asks."""
    _fields: list[Field] | None = field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._whole = Whole(self.header, self.content)

    @classmethod
    def of(cls, octets: bytes) -> "Message":
        """A message that is in memory."""
        size = scan.scan(octets).header_size
        return cls(octets[:size], len(octets), lambda: octets[size:])

    def copied(self) -> "Message":
        """The same, to be changed by one run; nothing is read anew.

        What is decoded later serves both, until one of them is changed.
        """
        twin = object.__new__(Message)
        vars(twin).update(vars(self))
        if self._fields is not None:
            twin._fields = list(self._fields)
        twin._instead = dict(self._instead)
        return twin

    @property
    def fields(self) -> list[Field]:
        """Its fields in their order, which a script may change (RFC 5293)."""
        if self._fields is None:
            self._fields = listed(self.header)
        return self._fields

    def values(self, name: str) -> Seen:
        """Every value of a field, decoded, without white space around it.

        RFC 5228 §2.4.2.2, §5.7.
        """
        known = self._decoded.get(name)
        if known is None:
            lower = casemap(name)
            known = self._decoded.get(lower)
            if known is None:
                there = self.undecoded(lower)
                known = NONE
                if there:
                    found = [words.decode(one).strip() for one in there]
                    known = Seen(found, lambda: map(bare, there))
            self._decoded[name] = self._decoded[lower] = known
        return known

    def mailboxes(self, name: str) -> Sequence[Sequence[Mailbox]]:
        """The mailboxes that each field of a name has (RFC 5228 §5.1)."""
        known = self._parsed.get(name)
        if known is None:
            lower = casemap(name)
            known = self._parsed.get(lower)
            if known is None:
                known = [addresses.parse(one) for one in self.undecoded(lower)]
            self._parsed[name] = self._parsed[lower] = known
        return known

    def seen(self, names: tuple[str, ...], part: AddressPart | None) -> Seen:
        """The values of several fields, names in lower case.

        ``part``: what is taken of each mailbox in them, of those which have it.
        """
        known = self._joined.get((names, part))
        if known is None:
            if part is None:
                known = joined([self.values(name) for name in names])
            else:
                fields = (found for name in names for found in self.mailboxes(name))
                taken = (part(mailbox) for field in fields for mailbox in field)
                known = Seen(one for one in taken if one is not None)
            self._joined[names, part] = known
        return known

    def undecoded(self, name: str) -> Sequence[bytes]:
        """The values of a field as they stand there, its name in lower case."""
        named = self._named
        if named is None:
            named = {}
            if self._fields is None:
                found = headers.divided(self.header)[:FIELDS]
            else:
                found = [(one.name.encode(), one.value) for one in self._fields]
            for one, value in found:
                named.setdefault(one.lower(), []).append(value)
            self._named = named
        return named.get(name.encode("utf-8", "surrogatepass"), ())

    @property
    def octets(self) -> bytes:
        """The whole message; its header as it came."""
        return self.whole.octets

    @property
    def whole(self) -> Whole:
        """The message with all that was put into it."""
        if self._instead:
            before = len(self._whole.octets)
            self._whole = self._whole.spliced(self._instead)
            self.content = self._whole.content
            self.size += len(self._whole.octets) - before
            self._instead.clear()
        return self._whole

    @property
    def before(self) -> Whole:
        """The message without what is not yet put into it."""
        return self._whole

    def lying(self, path: Path, *, inside: bool = True) -> Whole:
        """Where to look for a part; what is put elsewhere may not be in it yet.

        ``inside``: whether what lies in the part matters too.
        """
        for one in self._instead:
            if path[: len(one)] == one or (inside and one[: len(path)] == path):
                return self.whole
        return self._whole

    def replace(self, path: Path, entity: bytes) -> None:
        """Put an entity, its header included, in the place of a part below the top."""
        self.lying(path)
        self._instead[path] = entity
        self.changed = True

    def become(self, octets: bytes) -> None:
        """Be another message altogether."""
        size = scan.scan(octets).header_size
        self._instead.clear()
        self.header, self.size = octets[:size], len(octets)
        self.content = lambda: octets[size:]
        self._whole = Whole(self.header, self.content)
        self._fields = None
        self.edited()

    def edited(self, grown: int = 0) -> None:
        """Forget what was decoded: the fields are others now, by so many octets."""
        self.changed = True
        self.size += grown
        self._decoded, self._parsed, self._joined, self.sights = {}, {}, {}, {}
        self._named = None

    def written(self) -> bytes:
        """The whole message as the script left it."""
        if not self.changed:
            return self.octets
        content = self.whole.content()
        raws = [one.raw for one in self.fields]
        head = b"".join([raw if raw.endswith(b"\n") else raw + b"\r\n" for raw in raws])
        return head + _rest(self.header) + content


def bare(value: bytes) -> bytes:
    """A value as it came, but for folds and the white space around it."""
    return unfolded(value).strip()


def _rest(header: bytes) -> bytes:
    """What lies behind the fields that are looked at: more, and the blank line."""
    at = 0
    for one in listed(header):
        at = header.index(one.raw, at) + len(one.raw)
    return header[at:]

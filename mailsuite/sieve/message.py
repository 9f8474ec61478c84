"""A message as scripts look at it: fields decoded once, content only if asked for."""

from collections.abc import Callable, Sequence
from functools import cached_property

from attrs import define, field, frozen

from mailsuite.mime import addresses, headers, scan, structure, words
from mailsuite.mime.addresses import Mailbox
from mailsuite.model.structure import Part
from mailsuite.sieve.limits import FIELDS


@frozen
class Field:
    """One header field; ``raw`` is all of it, name and line end included."""

    name: str
    """In lower case."""
    raw: bytes = field(repr=False)

    @property
    def value(self) -> bytes:
        """What stands behind the colon, still folded."""
        return self.raw.partition(b":")[2]


@define(eq=False, slots=False)
class Message:
    """``content`` gives the octets behind the header; it may raise Wanted.

    ``fields`` may be changed by scripts (RFC 5293); ``changed`` tells whether.
    """

    header: bytes = field(repr=False)
    size: int
    content: Callable[[], bytes] = field(repr=False)
    fields: list[Field] = field(init=False, repr=False)
    changed: bool = field(default=False, init=False)
    _decoded: dict[str, list[str]] = field(factory=dict, init=False, repr=False)
    _parsed: dict[str, list[Sequence[Mailbox]]] = field(
        factory=dict, init=False, repr=False
    )

    def __attrs_post_init__(self) -> None:
        self.fields = [
            Field(name.decode("ascii"), whole)
            for name, whole in headers.fields(self.header)[:FIELDS]
        ]

    @classmethod
    def of(cls, octets: bytes) -> "Message":
        """A message that is in memory."""
        size = scan.scan(octets).header_size
        return cls(octets[:size], len(octets), lambda: octets[size:])

    def copied(self) -> "Message":
        """The same, to be changed by one run; nothing is read anew."""
        twin = object.__new__(Message)
        vars(twin).update(vars(self))
        twin.fields = list(self.fields)
        twin._decoded, twin._parsed = dict(self._decoded), dict(self._parsed)
        return twin

    def values(self, name: str) -> Sequence[str]:
        """Every value of a field, decoded, without white space around it.

        RFC 5228 §2.4.2.2, §5.7.
        """
        known = self._decoded.get(name)
        if known is None:
            wanted = name.lower()
            known = self._decoded[name] = [
                words.decode(one.value).strip()
                for one in self.fields
                if one.name == wanted
            ]
        return known

    def mailboxes(self, name: str) -> Sequence[Sequence[Mailbox]]:
        """The mailboxes that each field of a name has (RFC 5228 §5.1)."""
        known = self._parsed.get(name)
        if known is None:
            wanted = name.lower()
            known = self._parsed[name] = [
                addresses.parse(one.value)
                for one in self.fields
                if one.name == wanted
            ]
        return known

    def edited(self) -> None:
        """Forget what was decoded: the fields are others now."""
        self.changed = True
        self._decoded.clear()
        self._parsed.clear()

    @cached_property
    def octets(self) -> bytes:
        """The whole message as it came."""
        return self.header + self.content()

    @cached_property
    def structure(self) -> Part:
        """Its parts, as offsets into ``octets``."""
        return structure.decode(scan.scan(self.octets).parts)

    def written(self) -> bytes:
        """The whole message as the script left it."""
        if not self.changed:
            return self.octets
        head = b"".join(one.raw for one in self.fields)
        return head + b"\r\n" + self.content().removeprefix(b"\r\n")

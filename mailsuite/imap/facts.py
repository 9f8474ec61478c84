"""What FETCH tells of many messages at once: columns, rendered in bulk."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from attrs import field, frozen

from mailsuite.imap.selected import Selected
from mailsuite.mime import headers, several, structure
from mailsuite.model.changes import Batch, Need
from mailsuite.wire.imap import dates
from mailsuite.wire.imap.commands.fetch import Fact, Item
from mailsuite.wire.imap.sections import Kind, Section
from mailsuite.wire.imap.view import rows_of

_FORMS = {
    Fact.UID: b"UID %d",
    Fact.FLAGS: b"FLAGS (%b)",
    Fact.DATE: b"INTERNALDATE %b",
    Fact.SIZE: b"RFC822.SIZE %d",
    Fact.ENVELOPE: b"ENVELOPE %b",
    Fact.BODY: b"BODY %b",
    Fact.STRUCTURE: b"BODYSTRUCTURE %b",
    Fact.EMAIL: b"EMAILID (M%d)",
    Fact.THREAD: b"THREADID NIL",  # RFC 8474 §5.2: threads are not found out
}
_NEEDS = {
    Fact.ENVELOPE: Need.ENVELOPE,
    Fact.BODY: Need.PARTS,
    Fact.STRUCTURE: Need.STRUCTURE,
}
_HEADERS = {Kind.HEADER, Kind.FIELDS, Kind.FIELDS_NOT}


def _is_of_header(section: Section) -> bool:
    """Whether the stored header answers it, without the message's file."""
    return not section.part and section.kind in _HEADERS


@frozen(eq=False)
class Plan:
    """How some items are answered.

    ``bulk`` come from columns and stored answers, ``bodies`` from octets;
    ``form`` renders the bulk of one message, its number first.
    """

    bulk: tuple[Item, ...]
    bodies: tuple[Section, ...]
    needs: tuple[Need, ...]
    form: bytes = field(repr=False)

    @property
    def numbers(self) -> bool:
        """Whether UIDs are all that is asked for."""
        return self.bulk == (Fact.UID,) and not self.bodies

    @classmethod
    def of(cls, items: Sequence[Item]) -> "Plan":
        """Sort the items of a FETCH."""
        bulk: list[Item] = []
        bodies: list[Section] = []
        needs: dict[Need, None] = {}
        for item in items:
            if isinstance(item, Section) and not _is_of_header(item):
                bodies.append(item)
                if item.kind is not Kind.ALL or item.part:
                    needs[Need.PARTS] = None
                continue
            bulk.append(item)
            if isinstance(item, Section):
                needs[_need(item)] = None
            elif item in _NEEDS:
                needs[_NEEDS[item]] = None
        form = b"* %d FETCH (" + b" ".join(map(_form, bulk))
        return cls(tuple(bulk), tuple(bodies), tuple(needs), form)


def _form(item: Item) -> bytes:
    if isinstance(item, Section):
        return item.label.replace(b"%", b"%%") + b" {%d}\r\n%b"
    return _FORMS[item]


def rendered(
    plan: Plan,
    selected: Selected,
    places: tuple[Sequence[int], Sequence[int]],
    batch: Batch | None,
) -> list[bytes]:
    """The bulk of each message, from ``* n FETCH (`` on, unclosed.

    ``places`` are positions told and their rows; ``batch`` is of the same.
    """
    columns: list[Sequence[Any]] = [[position + 1 for position in places[0]]]
    for item in plan.bulk:
        columns.extend(_columns(item, selected, places, batch))
    form = plan.form
    return [form % row for row in zip(*columns, strict=True)]


def _columns(
    item: Item,
    selected: Selected,
    places: tuple[Sequence[int], Sequence[int]],
    batch: Batch | None,
) -> list[Sequence[Any]]:
    if isinstance(item, Section):
        assert batch is not None
        cuts = _cuts(item, batch.columns[_need(item)])
        return [list(map(len, cuts)), cuts]
    view = selected.view
    positions, rows = places
    match item:
        case Fact.UID:
            return [view.uids(positions)]
        case Fact.FLAGS:
            return [view.flags(rows)]
        case Fact.EMAIL:
            return [rows_of(view.columns.email, rows)]
        case Fact.THREAD:
            return []
        case Fact.SIZE:
            return [rows_of(view.columns.size, rows)]
        case Fact.DATE:
            return [list(map(dates.render, rows_of(view.columns.date, rows)))]
        case Fact.ENVELOPE | Fact.STRUCTURE | Fact.BODY:
            assert batch is not None
            stored = batch.columns[_NEEDS[item]]
            return [list(map(_body, stored)) if item is Fact.BODY else stored]


def _body(parts: bytes) -> bytes:
    return structure.render_body(structure.decode(parts))


def _need(section: Section) -> Need:
    """Which stored answer a section of header kind is cut out of."""
    return need_of(section.fields) if section.kind is Kind.FIELDS else Need.HEADER


def need_of(names: Iterable[bytes]) -> Need:
    """Which stored answer holds all fields of these names, in any case."""
    usual = headers.USUAL.issuperset(name.lower() for name in names)
    return Need.USUAL if usual else Need.HEADER


def _cuts(section: Section, stored: Sequence[bytes]) -> list[bytes]:
    if section.kind is Kind.FIELDS and section.partial is None:
        return several.selector(frozenset(section.fields))(stored)
    return list(map(of_header(section), stored))


def of_header(section: Section) -> Callable[[bytes], bytes]:
    """Give what cuts a section of header kind out of each header."""
    if section.kind not in {Kind.FIELDS, Kind.FIELDS_NOT}:
        return section.cut
    invert = section.kind is Kind.FIELDS_NOT
    choose = headers.selector(frozenset(section.fields), invert=invert)
    if section.partial is None:
        return choose
    return lambda header: section.cut(choose(header))

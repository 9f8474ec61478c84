"""The whole configuration: each room's own settings under its section's name."""

from attrs import Factory, fields, frozen, resolve_types

from mailsuite.directory.settings import Settings as Directory
from mailsuite.events.settings import Settings as Log
from mailsuite.house.settings import Control, Server
from mailsuite.journal.settings import Settings as Journal
from mailsuite.tls.settings import TLS


@frozen
class Tree:
    """What ``etc/mailsuite.toml`` says; a room receives its own section."""

    server: Server = Factory(Server)
    tls: TLS = Factory(TLS)
    directory: Directory = Factory(Directory)
    journal: Journal = Factory(Journal)
    log: Log = Factory(Log)
    control: Control = Factory(Control)


SECTIONS: dict[str, type] = {
    field.name: field.type for field in fields(resolve_types(Tree)) if field.type
}
"""Sections in the order of the sample file."""

"""The whole configuration: each room's own settings under its section's name."""

from attrs import Factory, fields, frozen, resolve_types

from mailsuite.delivery.settings import Settings as Delivery
from mailsuite.directory.settings import Settings as Directory
from mailsuite.dns.settings import DNS, Published
from mailsuite.events.settings import Settings as Log
from mailsuite.house.settings import Control, Doctor, Server
from mailsuite.imap.settings import IMAP
from mailsuite.journal.settings import Settings as Journal
from mailsuite.mailauth.settings import Signing
from mailsuite.managesieve.settings import ManageSieve
from mailsuite.model.settings import Described
from mailsuite.policy.authentication.settings import Authentication
from mailsuite.policy.settings import Settings as Policy
from mailsuite.pop3.settings import POP3
from mailsuite.queue.settings import Settings as Queue
from mailsuite.relay.settings import Relay
from mailsuite.reports.settings import Reports
from mailsuite.search.settings import Search
from mailsuite.sieve.settings import Sieve
from mailsuite.smtp.settings import LMTP, SMTP, Submission
from mailsuite.store.settings import Settings as Store
from mailsuite.tls.settings import TLS


@frozen
class Tree:
    """What ``etc/mailsuite.toml`` says; a room receives its own section."""

    server: Server = Factory(Server)
    tls: TLS = Factory(TLS)
    smtp: SMTP = Factory(SMTP)
    submission: Submission = Factory(Submission)
    lmtp: LMTP = Factory(LMTP)
    imap: IMAP = Factory(IMAP)
    pop3: POP3 = Factory(POP3)
    managesieve: ManageSieve = Factory(ManageSieve)
    policy: Policy = Factory(Policy)
    authentication: Authentication = Factory(Authentication)
    directory: Directory = Factory(Directory)
    delivery: Delivery = Factory(Delivery)
    sieve: Sieve = Factory(Sieve)
    queue: Queue = Factory(Queue)
    relay: Relay = Factory(Relay)
    signing: Signing = Factory(Signing)
    reports: Reports = Factory(Reports)
    dns: DNS = Factory(DNS)
    records: Published = Factory(Published)
    store: Store = Factory(Store)
    journal: Journal = Factory(Journal)
    search: Search = Factory(Search)
    log: Log = Factory(Log)
    control: Control = Factory(Control)
    doctor: Doctor = Factory(Doctor)


SECTIONS: dict[str, type] = {
    field.name: field.type for field in fields(resolve_types(Tree)) if field.type
}
"""Sections in the order of the sample file."""

LIVE = frozenset(
    {
        *("tls", "smtp", "submission", "lmtp", "imap", "pop3", "policy", "directory"),
        *(
            "authentication",
            "delivery",
            "managesieve",
            "sieve",
            "queue",
            "relay",
            "signing",
            "reports",
            "dns",
            "records",
            "doctor",
            "search",
            "log",
        ),
    }
)
"""Sections whose changes a reload takes over; the others wait for a restart."""


def waits(section: str, one: Described) -> bool:
    """Whether a change of this setting needs a restart."""
    return one.restart or section not in LIVE

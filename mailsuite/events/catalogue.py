"""The catalogue: every event's name, what it means, its fields and its labels.

Names are ``<room>.<past tense>``. ``labels`` are those fields whose few possible
values are counted apart; never a user, an address or anything a peer chooses.
"""

from attrs import frozen


@frozen
class Entry:
    """One event; it is counted as ``mailsuite_<room>_<what>_total``."""

    name: str
    meaning: str
    fields: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """Name of its counter, without the suffix ``_total``."""
        return "mailsuite_" + self.name.replace(".", "_").replace("-", "_")


_ROWS: tuple[Entry, ...] = (
    # house
    Entry("house.started", "ports answer", ("seconds", "generation")),
    Entry("house.failed", "the start failed, the process ends", ("reason",)),
    Entry("house.stopped", "everything was flushed and closed", ("seconds",)),
    Entry("house.reloaded", "new settings are in force", ("restart",)),
    Entry("house.kept", "a reload failed, the old settings stay", ("reason",)),
    Entry("log.dropped", "lines were lost, the log was too slow or full", ("lines",)),
    *(
        Entry(f"log.{level}", "a diagnostic of that level", ("from", "text"))
        for level in ("debug", "info", "warn", "error", "critical")
    ),
    Entry("reactor.stalled", "one turn took too much CPU", ("seconds",)),
    # directory
    Entry("directory.changed", "a user, domain or alias changed", ("what", "which")),
    Entry("directory.reread", "outside changes were taken over", ("source",)),
    Entry(
        "directory.keyed",
        "a signing key changed its state",
        ("domain", "selector", "state"),
        ("state",),
    ),
    Entry(
        "directory.unpublished",
        "new keys wait: DNS does not show them",
        ("domain", "selector"),
    ),
    # smtp, submission, lmtp
    Entry("smtp.connected", "a client connected", ("sid", "role", "rip"), ("role",)),
    Entry("smtp.closed", "a connection ended", ("sid", "role", "seconds"), ("role",)),
    Entry(
        "smtp.accepted",
        "a message was accepted and is durable",
        ("sid", "qid", "role", "size", "recipients", "sender"),
        ("role",),
    ),
    Entry(
        "smtp.rejected",
        "a command or message was refused",
        ("sid", "role", "stage", "code", "reason"),
        ("role", "stage", "code"),
    ),
    Entry(
        "smtp.failed", "the unforeseen: 451 was answered", ("sid", "role"), ("role",)
    ),
    Entry(
        "policy.judged",
        "who sent a message was judged; without qid it was refused",
        (
            *("sid", "qid", "iprev", "spf", "dkim", "arc", "dmarc", "author"),
            *("measure", "wanted", "override", "reason"),
        ),
        ("spf", "dkim", "dmarc", "measure"),
    ),
    # passwords, at any door
    Entry(
        "auth.succeeded",
        "somebody proved who they are",
        ("sid", "door", "mechanism", "user", "rip"),
        ("door", "mechanism"),
    ),
    Entry(
        "auth.failed",
        "a proof was wrong or could not be checked",
        ("sid", "door", "mechanism", "user", "reason", "rip"),
        ("door", "mechanism"),
    ),
    # queue and journal
    Entry(
        "queue.accepted",
        "a message of its own making is in the queue",
        ("qid", "size", "recipients", "sender"),
    ),
    Entry(
        "queue.delivered",
        "a recipient has it",
        ("qid", "recipient", "transport", "seconds", "text"),
        ("transport",),
    ),
    Entry(
        "queue.deferred",
        "a recipient is tried again later",
        ("qid", "recipient", "transport", "status", "text", "due"),
        ("transport",),
    ),
    Entry(
        "queue.failed",
        "a recipient will never get it",
        ("qid", "recipient", "transport", "status", "text"),
        ("transport",),
    ),
    Entry("queue.expanded", "a recipient became others", ("qid", "recipient", "into")),
    Entry("queue.bounced", "a failure notice was queued", ("qid", "child", "to")),
    Entry(
        "queue.discarded",
        "a notice was due, but nobody may be told",
        ("qid", "recipients", "reason"),
    ),
    Entry("queue.full", "too little room on the disk, 452 is answered", ("free",)),
    Entry("queue.eased", "there is room on the disk again", ("free",)),
    Entry("queue.corrupt", "a stored job could not be read", ("qid", "reason")),
    Entry("queue.changed", "an operator changed jobs", ("action", "jobs"), ("action",)),
    Entry("journal.corrupt", "a record was set aside", ("path", "offset", "reason")),
    Entry("journal.failed", "a barrier failed", ("reason",)),
    Entry("journal.recovered", "the journal was replayed", ("records", "seconds")),
    Entry("journal.retired", "segments were checkpointed", ("epoch",)),
    # store
    Entry("store.corrupt", "an index was set aside", ("account", "path", "reason")),
    Entry("store.rebuilt", "an index was rebuilt", ("account", "messages")),
    # sieve
    Entry("sieve.stored", "a script was put", ("account", "script", "octets")),
    Entry("sieve.activated", "another script counts", ("account", "script")),
    Entry("sieve.removed", "a script was removed", ("account", "script")),
    Entry(
        "sieve.failed",
        "a script failed and the message was kept",
        ("qid", "account", "script", "reason"),
    ),
    Entry(
        "sieve.diverted",
        "a mailbox could not be had, INBOX took the message",
        ("qid", "account", "line", "reason"),
    ),
    Entry(
        "sieve.redirected",
        "a script sent a message on",
        ("qid", "account", "to"),
    ),
    Entry(
        "sieve.rejected",
        "a script refused a message; told: whether somebody learns of it",
        ("qid", "account", "line", "told"),
    ),
    Entry(
        "sieve.answered",
        "a script replied to a message, or told somebody of it",
        ("qid", "account", "to", "kind"),
        ("kind",),
    ),
    Entry(
        "sieve.silent",
        "a reply or notice that a script wanted was not sent",
        ("qid", "account", "line", "reason"),
    ),
    Entry(
        "sieve.refused",
        "a script may not send this on",
        ("qid", "account", "line", "reason"),
    ),
    Entry(
        "sieve.executed",
        "a script had a program run",
        ("qid", "account", "program", "kind", "good"),
    ),
    Entry(
        "sieve.scheduled",
        "an invitation was carried out in a calendar",
        ("qid", "account", "outcome", "reason"),
        ("outcome",),
    ),
    Entry(
        "sieve.snoozed",
        "a message waits for its time",
        ("qid", "account", "until"),
    ),
    Entry(
        "sieve.awakened",
        "a snoozed message was filed; late: seconds behind its time",
        ("qid", "account", "mailbox", "late"),
    ),
    Entry(
        "sieve.overslept",
        "snoozed mail could not be filed, that is tried again",
        ("account", "reason"),
    ),
    Entry(
        "sieve.discarded",
        "a script threw a message away",
        ("qid", "account", "line"),
    ),
    Entry(
        "sieve.unfiled",
        "a copy that a script wanted at an IMAP event was not made",
        ("qid", "account", "line", "reason"),
    ),
    Entry(
        "sieve.missed",
        "scripts did not run for what an IMAP client did",
        ("account", "cause", "messages", "reason"),
        ("cause",),
    ),
    # readers
    Entry("imap.connected", "a client connected", ("sid", "rip")),
    Entry("imap.login", "a user logged in", ("sid", "user", "rip")),
    Entry("imap.closed", "a session ended", ("sid", "user", "seconds", "reason")),
    Entry("imap.failed", "the unforeseen: NO was answered", ("sid", "command")),
    Entry("pop3.connected", "a client connected", ("sid", "rip")),
    Entry("pop3.login", "a user logged in", ("sid", "user", "rip")),
    Entry("pop3.closed", "a session ended", ("sid", "user", "deleted", "reason")),
    Entry("pop3.failed", "the unforeseen: -ERR was answered", ("sid", "command")),
    # managesieve
    Entry("managesieve.connected", "a client connected", ("sid", "rip")),
    Entry("managesieve.login", "a user logged in", ("sid", "user", "rip")),
    Entry("managesieve.closed", "a session ended", ("sid", "user")),
    Entry(
        "managesieve.failed",
        "the unforeseen: NO (TRYLATER) was answered",
        ("sid", "command"),
    ),
    # reports
    Entry(
        "reports.sent",
        "an aggregate report of ours was queued",
        ("qid", "domain", "day", "to", "rows", "messages", "size"),
    ),
    Entry(
        "reports.unsent",
        "nobody takes an aggregate report of ours",
        ("domain", "day", "reason"),
    ),
    Entry(
        "reports.told",
        "a failure report of ours was queued",
        ("qid", "domain", "incidents"),
    ),
    Entry("reports.dropped", "messages that no report of ours tells of", ("messages",)),
    Entry(
        "reports.received",
        "a report about our mail was read and kept",
        ("qid", "kind", "org", "domain", "rows"),
        ("kind",),
    ),
    Entry(
        "reports.repeated",
        "a report came that was known",
        ("qid", "kind", "org", "domain", "rows"),
        ("kind",),
    ),
    Entry(
        "reports.ignored",
        "mail to a report address holds nothing that can be kept",
        ("qid", "reason"),
    ),
    Entry("reports.corrupt", "the database of reports was set aside", ("path",)),
    # relay
    Entry("relay.connected", "a session to a remote opened", ("host", "tls"), ("tls",)),
    Entry("relay.failed", "no session to a remote", ("host", "reason")),
    # names
    Entry("dns.failing", "a name server failed several times in a row", ("server",)),
    Entry("dns.answering", "it answers again", ("server",)),
    Entry("dns.spoofed", "many datagrams in its name answered nothing", ("server",)),
    Entry(
        "relay.unsigned",
        "mail of ours left without a signature, or without a seal",
        ("domain", "reason"),
    ),
    # search
    Entry("search.restarted", "the indexer's process was started anew", ("reason",)),
    Entry("search.rebuilt", "an index is being rebuilt", ("account", "reason")),
    # control socket
    Entry("http.answered", "a request was answered", ("method", "path", "status")),
)

CATALOGUE = {entry.name: entry for entry in _ROWS}

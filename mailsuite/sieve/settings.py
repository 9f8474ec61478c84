"""What an operator may choose for scripts."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class Sieve:
    """Scripts that say what becomes of mail (Sieve, RFC 5228).

    Scripts of the operator lie in files that end with .sieve and run in the order of
    their names; those of one domain stand in its file in domains.d. A script that
    leaves the message to be kept lets the next one run.
    """

    before: tuple[str, ...] = setting(
        ("sieve/before",), "files or folders with scripts that run before users' own"
    )
    after: tuple[str, ...] = setting(
        ("sieve/after",), "files or folders with scripts that run after users' own"
    )
    shared: tuple[str, ...] = setting(
        ("sieve/shared",), "files or folders with scripts to include as :global"
    )
    events: tuple[str, ...] = setting(
        (),
        "scripts that run when IMAP clients move, copy, append or flag mail:"
        ' "FROM > MAILBOX CAUSES SCRIPT", as in "* > Junk COPY sieve/spam.sieve"',
    )
    lists: tuple[str, ...] = setting(
        ("sieve/lists",),
        "files or folders with lists that scripts ask about (RFC 6134): one address or"
        " *@domain a line; the file is called as the list, and .list",
    )
    scripts: int = setting(100, "scripts that one account may keep")
    octets: int = setting(1 << 20, "size of all scripts of one account", "octets")
    redirects: int = setting(
        200,
        "recipients an hour to whom an account's script may send mail on, each address"
        " of a list counted; 0: no limit",
    )
    redirect_junk: bool = setting(
        False, "whether mail that was judged to be junk may be sent on by a script"
    )
    replies: int = setting(
        200, "replies and notices an hour that an account's script may send"
    )
    programs: str = setting(
        "", "folder with programs that scripts may run; empty: scripts may run none"
    )
    programs_for_users: bool = setting(
        False, "whether users' own scripts may run them, too"
    )
    calendar: str = setting(
        "Calendar",
        "mailbox for events that scripts put into the calendar (RFC 9671), of an"
        " account that has no other for them",
    )
    calendar_senders: bool = setting(
        False,
        "whether scripts leave an invitation alone that its organizer, or a reply"
        " that its attendee has not sent: then From, Sender or Reply-To names them",
    )
    program_seconds: float = setting(
        10.0, "from the start of a program to its end", "seconds"
    )
    tell: bool = setting(
        True, "an owner finds a notice in the INBOX, once a day, if a script fails"
    )

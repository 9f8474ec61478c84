"""Settings of the house itself: process, folders, control socket, doctor."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class Server:
    """The process and its folders.

    Paths in this file are relative to the folder that it lies in.
    """

    hostname: str = setting(
        "",
        "own name in greetings, Received and HELO; empty: that of the machine",
        restart=True,
    )
    data: str = setting(
        "../var", "folder of everything that is kept: one running suite", restart=True
    )
    assembly: str = setting(
        "solo", "solo, or memory: nothing is kept (tests)", restart=True
    )
    descriptors: int = setting(
        65_536, "open files and connections to ask the system for", restart=True
    )


@frozen
class Control:
    """The control socket, which the commands of ``mailsuite`` talk to."""

    socket: str = setting(
        "", "path of the Unix socket; empty: ctl.sock in the data folder", restart=True
    )


@frozen
class Doctor:
    """What "mailsuite doctor" looks at beyond this machine."""

    outbound: str = setting(
        "gmail-smtp-in.l.google.com:25",
        "a mail server of others, to see whether mail can leave; empty: none is tried",
    )
    seconds: float = setting(10.0, "how long a connection is waited for", "seconds")
    blocklists: tuple[str, ...] = setting(
        (), "DNS blocklists to be asked for our addresses, such as zen.spamhaus.org"
    )

"""Invitations in tests: calendars and the messages that carry them."""

ORGANIZER, ME, OTHER = "boss@far.example", "user@example.test", "third@far.example"


def event(uid="one@far.example", *lines, name="VEVENT", **fields):
    """An event; fields are named as in Python, and those of None are left out."""
    told = {
        "dtstamp": "20260101T100000Z",
        "dtstart": "20260202T090000Z",
        "summary": "Plans",
        "sequence": 0,
        "organizer": f"mailto:{ORGANIZER}",
        **fields,
    }
    rows = [
        f"{key.upper().replace('_', '-')}:{value}"
        for key, value in told.items()
        if value is not None
    ]
    own = [f"UID:{uid}"] if uid else []
    return [f"BEGIN:{name}", *own, *rows, *lines, f"END:{name}"]


def attendee(who=ME, status="NEEDS-ACTION", more=""):
    return f"ATTENDEE;PARTSTAT={status}{more}:mailto:{who}"


def calendar(method, *events):
    """A calendar with a method, or none, in octets."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//far//EN"]
    lines += [f"METHOD:{method}"] if method else []
    for one in events:
        lines += one
    lines.append("END:VCALENDAR")
    return "".join(f"{line}\r\n" for line in lines)


def invitation(method="REQUEST", *lines, uid="one@far.example", **fields):
    """An event that the user is invited to."""
    who = lines or (attendee(), attendee(OTHER))
    return calendar(method, event(uid, *who, **fields))


def mail(
    content, method="REQUEST", subject="Invitation", kind="text/calendar", extra=""
):
    """A message with one calendar."""
    told = f"; method={method}" if method else ""
    return (
        f"From: Boss <{ORGANIZER}>\r\nTo: {ME}\r\nSubject: {subject}\r\n{extra}"
        "MIME-Version: 1.0\r\nMessage-ID: <i@far.example>\r\n"
        'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nCome.\r\n"
        f"--b\r\nContent-Type: {kind}; charset=utf-8{told}\r\n\r\n"
        f"{content}\r\n--b--\r\n"
    )

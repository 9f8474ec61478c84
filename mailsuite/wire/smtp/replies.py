"""Replies as octets (RFC 5321 §4.2, RFC 2034) and those the session gives itself."""

from attrs import evolve

from mailsuite.model.replies import Reply


def render(reply: Reply) -> bytes:
    """As lines with their CRLFs; the status stands in each line (RFC 2034 §4)."""
    code, status = reply.code, reply.status
    lead = f"{status} " if status else ""
    if not reply.lines:
        return f"{code} {lead}{reply.text}\r\n".encode("ascii", "replace")
    texts = (reply.text, *reply.lines)
    told = [f"{code}-{lead}{text}\r\n" for text in texts[:-1]]
    told.append(f"{code} {lead}{texts[-1]}\r\n")
    return "".join(told).encode("ascii", "replace")


def ready(reply: Reply) -> Reply:
    """Give the same with its octets, for what is told often."""
    return evolve(reply, octets=render(reply))


def _ready(code: int, status: str, text: str) -> Reply:
    return ready(Reply(code, status, text))


BYE = _ready(221, "2.0.0", "Bye")
OK = _ready(250, "2.0.0", "Ok")
SENDER_OK = _ready(250, "2.1.0", "Ok")
RECIPIENT_OK = _ready(250, "2.1.5", "Ok")
VERIFY = _ready(252, "2.5.0", "Send some mail, I will try my best")
HELP = _ready(214, "2.0.0", "See RFC 5321")
GO_AHEAD = _ready(354, "", "End data with <CR><LF>.<CR><LF>")
START_TLS = _ready(220, "2.0.0", "Ready to start TLS")
AUTHENTICATED = _ready(235, "2.7.0", "Authentication successful")

BAD_SEQUENCE = _ready(503, "5.5.1", "Bad sequence of commands")
UNKNOWN = _ready(500, "5.5.2", "Command not recognized")
NOT_OFFERED = _ready(502, "5.5.1", "Command not implemented")
BAD_SYNTAX = _ready(501, "5.5.2", "Syntax error")
BAD_ARGUMENT = _ready(501, "5.5.4", "Syntax error in argument")
NO_ARGUMENT = _ready(501, "5.5.4", "No argument allowed")
BAD_LINE = _ready(500, "5.5.2", "Lines end with <CR><LF>")
LONG_LINE = _ready(500, "5.5.2", "Line too long")
LONG_RESPONSE = _ready(500, "5.5.6", "Authentication line too long")
WRONG_PROTOCOL = _ready(421, "4.7.0", "This port speaks another protocol")
GREET_FIRST = _ready(503, "5.5.1", "Say hello first")
SENDER_FIRST = _ready(503, "5.5.1", "MAIL first")
RECIPIENT_FIRST = _ready(503, "5.5.1", "No valid recipients")
NESTED = _ready(503, "5.5.1", "Nested MAIL command")
AUTH_TWICE = _ready(503, "5.5.1", "Already authenticated")
AUTH_ENDED = _ready(501, "5.7.0", "Authentication cancelled")
AUTH_NEEDS_TLS = _ready(538, "5.7.11", "Encryption required: issue STARTTLS first")
TLS_FIRST = _ready(530, "5.7.0", "Must issue a STARTTLS command first")
BAD_BASE64 = _ready(501, "5.5.2", "Not base64")
BAD_MECHANISM = _ready(504, "5.5.4", "Mechanism not offered")
BAD_SENDER = _ready(501, "5.1.7", "Bad sender address syntax")
BAD_RECIPIENT = _ready(501, "5.1.3", "Bad recipient address syntax")
NEEDS_UTF8 = _ready(553, "5.6.7", "Non-ASCII address needs SMTPUTF8")
BAD_PARAMETER = _ready(555, "5.5.4", "Parameter not recognized")
TOO_LARGE = _ready(552, "5.3.4", "Message exceeds the size limit")
TOO_MANY = _ready(452, "4.5.3", "Too many recipients")
BARE = _ready(550, "5.5.2", "Bare <CR> or <LF> in message")
TOO_MANY_ERRORS = _ready(421, "4.7.0", "Too many errors")

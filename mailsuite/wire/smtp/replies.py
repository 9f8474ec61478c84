"""Replies as octets (RFC 5321 §4.2, RFC 2034) and those the session gives itself."""

from mailsuite.model.replies import Reply

BYE = Reply(221, "2.0.0", "Bye")
OK = Reply(250, "2.0.0", "Ok")
SENDER_OK = Reply(250, "2.1.0", "Ok")
RECIPIENT_OK = Reply(250, "2.1.5", "Ok")
VERIFY = Reply(252, "2.5.0", "Send some mail, I will try my best")
HELP = Reply(214, "2.0.0", "See RFC 5321")
GO_AHEAD = Reply(354, "", "End data with <CR><LF>.<CR><LF>")
START_TLS = Reply(220, "2.0.0", "Ready to start TLS")
AUTHENTICATED = Reply(235, "2.7.0", "Authentication successful")

BAD_SEQUENCE = Reply(503, "5.5.1", "Bad sequence of commands")
UNKNOWN = Reply(500, "5.5.2", "Command not recognized")
NOT_OFFERED = Reply(502, "5.5.1", "Command not implemented")
BAD_SYNTAX = Reply(501, "5.5.2", "Syntax error")
BAD_ARGUMENT = Reply(501, "5.5.4", "Syntax error in argument")
NO_ARGUMENT = Reply(501, "5.5.4", "No argument allowed")
BAD_LINE = Reply(500, "5.5.2", "Lines end with <CR><LF>")
LONG_LINE = Reply(500, "5.5.2", "Line too long")
LONG_RESPONSE = Reply(500, "5.5.6", "Authentication line too long")
WRONG_PROTOCOL = Reply(421, "4.7.0", "This port speaks another protocol")
GREET_FIRST = Reply(503, "5.5.1", "Say hello first")
SENDER_FIRST = Reply(503, "5.5.1", "MAIL first")
RECIPIENT_FIRST = Reply(503, "5.5.1", "No valid recipients")
NESTED = Reply(503, "5.5.1", "Nested MAIL command")
AUTH_TWICE = Reply(503, "5.5.1", "Already authenticated")
AUTH_ENDED = Reply(501, "5.7.0", "Authentication cancelled")
AUTH_NEEDS_TLS = Reply(538, "5.7.11", "Encryption required: issue STARTTLS first")
TLS_FIRST = Reply(530, "5.7.0", "Must issue a STARTTLS command first")
BAD_BASE64 = Reply(501, "5.5.2", "Not base64")
BAD_MECHANISM = Reply(504, "5.5.4", "Mechanism not offered")
BAD_SENDER = Reply(501, "5.1.7", "Bad sender address syntax")
BAD_RECIPIENT = Reply(501, "5.1.3", "Bad recipient address syntax")
NEEDS_UTF8 = Reply(553, "5.6.7", "Non-ASCII address needs SMTPUTF8")
BAD_PARAMETER = Reply(555, "5.5.4", "Parameter not recognized")
TOO_LARGE = Reply(552, "5.3.4", "Message exceeds the size limit")
TOO_MANY = Reply(452, "4.5.3", "Too many recipients")
BARE = Reply(550, "5.5.2", "Bare <CR> or <LF> in message")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors")


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


READY = {
    id(reply): render(reply)
    for reply in tuple(globals().values())
    if isinstance(reply, Reply)
}
"""The replies of this module by identity: they live as long as it does."""

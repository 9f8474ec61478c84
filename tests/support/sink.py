"""An SMTP server on loopback that answers as a script says."""

from twisted.internet.protocol import Factory, Protocol

OFFERS = ("PIPELINING", "SIZE 1000000", "8BITMIME", "ENHANCEDSTATUSCODES")

RESET = object()  # cut the connection off
HANG = object()  # never answer


class Sink(Factory):
    """``says``: verb to answer, or to a list of answers used in turn.

    Verbs: CONNECT EHLO HELO STARTTLS AUTH MAIL RCPT DATA DOT RSET QUIT. An
    answer is text, RESET, or HANG. ``heard`` are all commands, ``messages`` the
    contents as they came, without the final dot.
    """

    noisy = False

    def __init__(self, offers=OFFERS, context=None, wrapped=False, **says):
        self.offers = offers
        self.context = context
        self.wrapped = wrapped
        self.says = says
        self.heard = []
        self.messages = []
        self.connections = 0
        self.secured = 0
        self.open = set()

    def buildProtocol(self, addr):
        self.connections += 1
        made = _Connection()
        made.factory = self
        return made

    def answer(self, verb, usual):
        said = self.says.get(verb, usual)
        if isinstance(said, list):
            said = said.pop(0) if said else usual
        return said


class _Connection(Protocol):
    def connectionMade(self):
        self.factory.open.add(self)
        self.buffer = b""
        self.content = None
        self.login = self.hung = self.broken = False
        if self.factory.wrapped:
            self.transport.startTLS(self.factory.context)
        self._say("CONNECT", "220 sink.test ESMTP")

    def connectionLost(self, reason):
        self.factory.open.discard(self)

    def dataReceived(self, data):
        if self.broken:
            self.transport.write(b"500 that was no command\r\n")
            self.transport.loseConnection()
            return
        self.buffer += data
        while self.buffer and not self.hung:
            if self.content is not None:
                if not self._end():
                    return
            elif b"\r\n" in self.buffer:
                line, _, self.buffer = self.buffer.partition(b"\r\n")
                self._command(line.decode())
            else:
                return

    def _end(self):
        whole = b"\r\n" + self.content + self.buffer
        at = whole.find(b"\r\n.\r\n")
        if at < 0:
            self.content, self.buffer = self.content + self.buffer, b""
            return False
        self.factory.messages.append(whole[2 : at + 2])
        self.buffer, self.content = whole[at + 5 :], None
        self._say("DOT", "250 2.0.0 kept as X1")
        return True

    def _command(self, line):
        self.factory.heard.append(line)
        if self.login:
            self.login = False
            self.transport.write(b"235 2.7.0 ok\r\n")
            return
        verb = line.split(" ")[0].upper()
        usual = "250 2.0.0 ok"
        if verb == "EHLO":
            usual = "\r\n".join(
                [
                    "250-sink.test",
                    *(f"250-{o}" for o in self.factory.offers),
                    "250 HELP",
                ]
            )
        if verb == "AUTH":
            usual = "235 2.7.0 ok"
        usual = {"DATA": "354 go on", "QUIT": "221 bye", "STARTTLS": "220 go"}.get(
            verb, usual
        )
        said = self._say(verb, usual)
        if verb == "DATA" and said and said.startswith("354"):
            self.content = b""
        if verb == "STARTTLS" and said and said.startswith("220"):
            self.buffer = b""
            self.factory.secured += 1
            if self.factory.context is None:  # it cannot keep its promise
                self.broken = True
            else:
                self.transport.startTLS(self.factory.context)
        if verb == "QUIT":
            self.transport.loseConnection()

    def _say(self, verb, usual):
        said = self.factory.answer(verb, usual)
        if said is RESET:
            self.buffer = b""
            self.transport.abortConnection()
            return None
        if said is HANG:
            self.transport.pauseProducing()
            self.hung, self.buffer = True, b""
            return None
        self.transport.write(said.encode() + b"\r\n")
        return said

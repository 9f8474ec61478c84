"""A ManageSieve client that says what it is told, for tests over sockets."""

import base64
import socket
import ssl

from tests.support.patience import PATIENCE_SECONDS


class Client:
    """``say`` gives the lines before the reply, and the reply."""

    def __init__(self, demo, number=1, *, greeted=True):
        ready = demo.ready
        self.demo, self.number = demo, number
        self.socket = socket.create_connection(
            (ready["host"], ready["managesieve"]), timeout=PATIENCE_SECONDS
        )
        self.file = self.socket.makefile("rb")
        self.greeting = self.heard()[0] if greeted else []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def line(self):
        """One line; a literal that ends it comes with it."""
        text = self.file.readline()
        if not text.endswith(b"\r\n"):
            raise EOFError(text)
        if text.endswith(b"}\r\n"):
            size = int(text[text.rindex(b"{") + 1 : -3])
            return text + self.file.read(size) + self.line()
        return text

    def heard(self):
        """Lines up to the reply, and the reply."""
        lines = []
        while True:
            text = self.line()
            if text.split(b" ")[0].strip() in {b"OK", b"NO", b"BYE"}:
                return lines, text.strip()
            lines.append(text)

    def send(self, octets):
        self.socket.sendall(octets)

    def say(self, octets):
        self.send(octets + b"\r\n")
        return self.heard()

    def login(self, number=None):
        number = number or self.number
        name, secret = self.demo.address(number), self.demo.password(number)
        proof = base64.b64encode(f"\0{name}\0{secret}".encode())
        reply = self.say(b'AUTHENTICATE "PLAIN" "%b"' % proof)[1]
        assert reply.startswith(b"OK"), reply
        return self

    def secure(self, trusted, more=b""):
        """STARTTLS, with octets pushed in behind it; gives what is told anew."""
        self.send(b"STARTTLS\r\n" + more)
        reply = self.heard()[1]
        assert reply.startswith(b"OK"), reply
        self.file.close()
        context = ssl.create_default_context(cafile=trusted)
        self.socket = context.wrap_socket(
            self.socket, server_hostname="mx.example.test"
        )
        self.file = self.socket.makefile("rb")
        return self.heard()[0]

    def put(self, name, content):
        literal = b"{%d+}\r\n%b" % (len(content), content)
        return self.say(b'PUTSCRIPT "%b" ' % name + literal)[1]

    def names(self):
        """Names of scripts; the active one has a star."""
        found = []
        for text in self.say(b"LISTSCRIPTS")[0]:
            name = text.strip().removesuffix(b" ACTIVE").strip(b'"').decode()
            found.append(name + "*" * text.endswith(b" ACTIVE\r\n"))
        return found

    def get(self, name):
        lines, reply = self.say(b'GETSCRIPT "%b"' % name)
        if not lines:
            return reply
        return lines[0].partition(b"\r\n")[2].removesuffix(b"\r\n")

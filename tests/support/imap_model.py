"""Sessions that do at random what clients do, and check all that they are told.

Message numbers, UIDs, flags and what is recent of every session are followed by the
answers alone, as RFC 3501 has it; ``Truth`` is what sessions must agree on.
"""

import random
import re
import socket
import threading

FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "kw1", "kw2")
NEVER_EXPUNGE = ("FETCH", "STORE", "SEARCH")  # RFC 3501 §7.4.1
_LITERAL = re.compile(rb"\{(\d+)\}$")
_TOLD = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE|RECENT|FETCH)(?: \((.*)\))?$", re.DOTALL)


class Truth:
    """What all sessions saw; ``faults`` must stay empty."""

    def __init__(self):
        self.lock = threading.Lock()
        self.subjects, self.recent, self.validity = {}, {}, {}
        self.faults = []

    def same(self, table, key, value):
        """Every session must see one value under a key."""
        with self.lock:
            known = table.setdefault(key, value)
        if known != value:
            self.faults.append((key, known, value))


class Line:
    """A connection that reads lines with their literals."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, 20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def line(self):
        said = self.file.readline()
        if not said.endswith(b"\r\n"):
            raise EOFError(said)
        said = said[:-2]
        while found := _LITERAL.search(said):
            said += b"\r\n" + self.file.read(int(found.group(1)))
            said += self.file.readline()[:-2]
        return said

    def close(self):
        self.file.close()
        self.socket.close()


class Session:
    """One client; ``step`` does something, ``settle`` hears the last news."""

    def __init__(self, name, address, truth, boxes, seed):
        self.name, self.truth, self.boxes = name, truth, boxes
        self.random = random.Random(seed)
        self.line, self.number, self.box = Line(address), 0, None
        self.line.line()

    def run(self, command, more=b""):
        """Say a command; gives its tagged answer."""
        self.number += 1
        tag = b"%b%d " % (self.name.encode(), self.number)
        self.line.socket.sendall(tag + command.encode() + more + b"\r\n")
        while not (said := self.line.line()).startswith(tag):
            found = _TOLD.match(said)
            if found:
                self.told(command, int(found[1]), found[2], found[3] or b"")
            elif b"UIDVALIDITY" in said:
                key = (self.box, "UIDVALIDITY")
                self.truth.same(self.truth.validity, key, said)
        if b" BAD" in said or b"SERVERBUG" in said:
            self.fault(command, said)
        return said

    def fault(self, *what):
        self.truth.faults.append((self.name, *what))

    def told(self, command, number, word, rest):
        """Follow one untagged answer."""
        if word == b"EXISTS":
            if number < len(self.uids):
                self.fault(command, "EXISTS fell")
            self.uids += [0] * (number - len(self.uids))
        elif word == b"RECENT":
            return
        elif not 0 < number <= len(self.uids):
            self.fault(command, word, number, len(self.uids))
        elif word == b"EXPUNGE":
            if command.startswith(NEVER_EXPUNGE):
                self.fault(command, "EXPUNGE")
            self.flags.pop(self.uids.pop(number - 1), None)
        else:
            self.fetched(command, number, rest)

    def fetched(self, command, number, rest):
        uid = self.uids[number - 1]
        if found := re.search(rb"\bUID (\d+)", rest):
            if uid not in {0, int(found[1])}:
                self.fault(command, "UID", uid, rest)
            uid = self.uids[number - 1] = int(found[1])
            known = [one for one in self.uids if one]
            if known != sorted(set(known)):
                self.fault(command, "UIDs do not rise", known)
        if uid and (found := re.search(rb"FLAGS \(([^)]*)\)", rest)):
            flags = set(found[1].decode().split())
            if "\\Recent" in flags and not self.examined:
                key = (self.box, uid, "recent")
                self.truth.same(self.truth.recent, key, self.opened)
            self.flags[uid] = flags - {"\\Recent"}
        if uid and (found := re.search(rb"Subject: (\S+)", rest)):
            self.truth.same(self.truth.subjects, (self.box, uid), found[1])

    def select(self):
        self.box = self.random.choice(self.boxes)
        self.examined = self.random.random() < 0.1
        self.opened = (self.name, self.number)
        self.uids, self.flags = [], {}
        self.run(("EXAMINE " if self.examined else "SELECT ") + self.box)
        if self.uids:
            self.run("FETCH 1:* (UID FLAGS)")

    def numbers(self, *, uid):
        some = [u for u in self.uids if u] if uid else range(1, len(self.uids) + 1)
        one, other = self.random.choice(some), self.random.choice(some)
        return self.random.choice([f"{one}", f"{one}:{other}", f"{one},{other}"])

    def step(self):
        """Do one thing at random."""
        chance = self.random.random()
        if self.box is None or chance < 0.03:
            self.select()
        elif chance < 0.25 or not self.uids:
            self.append()
        elif chance < 0.3:
            self.run("NOOP")
        elif chance < 0.5 and not self.examined:
            self.store()
        elif chance < 0.6 and not self.examined:
            self.run("EXPUNGE")
        elif chance < 0.7 and not self.examined:
            self.pick(["COPY {} B", "MOVE {} A", "COPY {} A", "MOVE {} B"])
        else:
            self.pick(
                ["FETCH {} (UID FLAGS)", "FETCH {} (UID BODY[])", "SEARCH {} UNSEEN"]
            )

    def pick(self, forms):
        uid = self.random.random() < 0.5 and all(self.uids)
        form = self.random.choice(forms)
        numbers = self.numbers(uid=uid)
        if uid and form.startswith("SEARCH"):
            numbers = "UID " + numbers
        self.run(("UID " if uid else "") + form.format(numbers))

    def append(self):
        subject = b"%b-%d" % (self.name.encode(), self.number)
        octets = b"Subject: %b\r\n\r\nx\r\n" % subject
        box = self.random.choice(self.boxes)
        flags = " ".join(self.random.sample(FLAGS, 2))
        more = b"{%d+}\r\n%b" % (len(octets), octets)
        said = self.run(f"APPEND {box} ({flags}) ", more)
        found = re.search(rb"APPENDUID \d+ (\d+)", said)
        self.truth.same(self.truth.subjects, (box, int(found[1])), subject)

    def store(self):
        flags = " ".join(self.random.sample(FLAGS, self.random.randint(0, 3)))
        change = self.random.choice(["", "+", "-"])
        numbers = self.numbers(uid=False)
        silent = self.random.random() < 0.3
        word = ".SILENT" if silent else ""
        self.run(f"STORE {numbers} {change}FLAGS{word} ({flags})")
        if silent:  # what it did itself it is not told
            self.run(f"FETCH {numbers} (UID FLAGS)")

    def settle(self):
        """Hear everything; gives mailbox, UIDs and flags as they were told."""
        for _ in range(2):
            self.run("NOOP")
        return self.box, self.uids, self.flags
